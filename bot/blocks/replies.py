"""Replies of one or two sentences: notes, problems and labeled values."""

from collections.abc import Sequence

from bot.blocks.parts import Block, Message, code_span, context, fallback_text, fields, format_date, section

STILL_CHECKING = ":hourglass_flowing_sand: Still checking…"
"""Reply that stands in until a slow one is ready."""
UNCONFIRMED = "Slack didn't confirm my reply. If you don't see it, try again."


def note_message(text: str) -> Message:
    """Return a message of one or two sentences, safe mrkdwn."""
    return Message(fallback_text(text), [section(text)])


def problem_message(text: str, *, ref: str | None = None) -> Message:
    """Return an error message, safe mrkdwn; ``ref`` identifies it in the log."""
    warning = f":warning: {text}"
    return Message(fallback_text(warning), [section(warning), *([context(f"ref: {code_span(ref)}")] if ref else [])])


def late_reply_note(requested_at: float) -> Block:
    """Return the note below a reply that Slack accepted late; ``requested_at`` is when its command came, Unix seconds."""
    return context(f":hourglass: Requested {format_date(requested_at)}. Slack didn't accept my reply until now.")


def labeled_values(title: str, pairs: Sequence[tuple[str, str]]) -> Message:
    """Return labeled values, safe mrkdwn."""
    values = " · ".join(f"{label}: {value}" for label, value in pairs)
    return Message(fallback_text(f"{title} · {values}."), [section(f"*{title}*"), *fields(pairs)])
