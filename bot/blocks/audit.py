"""The audit trail: who did what, and whether it was allowed."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.blocks.interactive import older_button
from bot.blocks.job import status_label
from bot.blocks.parts import (
    MAX_ID_LENGTH,
    Message,
    channel_mention,
    code_span,
    context,
    fallback_text,
    format_date,
    safe_text,
    section,
    truncate_markup,
    user_mention,
)

_MAX_LINE_LENGTH = 250
"""Characters: thirty lines stay below the 8,000 that Slack takes in one message."""
_ROWS_IN_SECTION = 10
_MAX_IN_FALLBACK = 5
_DECISION_TEXTS = {
    "denied": ":no_entry: was denied",
    "tampered": ":rotating_light: used someone else's button:",
    "wrong": "made an invalid request:",
    "failed": "got no response to",
    "shown": "viewed",
    "asked": "was asked to confirm",
    "stale": "used an expired confirmation:",
    "duplicate": "repeated",
    "ordered": "*requested*",
    "done": ":white_check_mark: completed",
    "over": "was too late (the job had finished):",
    "early": "was too early (the job wasn't there yet):",
    "already": "requested what was already done:",
    "refused": ":warning: was rejected by the API:",
    "unsent": ":warning: could not send:",
    "unknown": ":warning: got no confirmed result:",
}
"""By the value of the audit row's decision."""
_FOOTER = "Newest first. On the bot's host, `ftjob audit export` prints everything and `ftjob audit verify` checks it."


@dataclass(frozen=True)
class Repeats:
    """Audit rows that one row stands for: the same user did the same thing several times."""

    count: int
    since: float
    """When the first of them was, Unix seconds."""


@dataclass(frozen=True)
class AuditRow:
    """One row of the audit trail; of several that are alike, the newest."""

    at: float
    person: str
    channel: str
    verb: str
    decision: str
    job_id: str | None = None
    reason: str | None = None
    statuses: tuple[str | None, str | None] = (None, None)
    """Of the job, before and after the action."""
    repeats: Repeats | None = None


def audit_message(
    rows: Sequence[AuditRow], *, left_out: int = 0, older: str | None = None, what: str = "", is_first: bool = True
) -> Message:
    """Return a page of the audit trail, newest row first.

    Args:
        rows: what the page shows.
        left_out: number of users whose denials and reads have no row.
        older: command that shows the next page; None on the last page.
        what: which rows were selected, safe mrkdwn; empty for all of them.
        is_first: whether this is the first page.
    """
    if not rows:
        return _empty(what, is_first=is_first)
    lines = [truncate_markup(_row_text(row), _MAX_LINE_LENGTH) for row in rows]
    parts = [lines[start : start + _ROWS_IN_SECTION] for start in range(0, len(lines), _ROWS_IN_SECTION)]
    text = fallback_text("Audit: " + "; ".join(lines[:_MAX_IN_FALLBACK]))
    title = f"*Audit* {what}".strip()
    hidden = f"{left_out} more people were denied or only viewed (see `/ftjob audit denied` and `/ftjob audit shown`)"
    notes = [hidden, _FOOTER] if left_out else [_FOOTER]
    paging = older_button(older, "audit entries from") if older else []
    sections = [section("\n".join(part)) for part in parts]
    return Message(text, [section(title), *sections, *paging, context(" · ".join(notes))])


def _empty(what: str, *, is_first: bool) -> Message:
    text = "No actions or denials yet."
    if what or not is_first:
        text = f"No{'' if is_first else ' older'} audit entries {what}.".replace(" .", ".")
    return Message(text, [section(text)])


def _row_text(row: AuditRow) -> str:
    verb = code_span(row.verb.replace("_", " "), 20)
    job = f" {code_span(row.job_id, MAX_ID_LENGTH)}" if row.job_id else ""
    before, after = row.statuses
    statuses = f" · {status_label(before).lower()}" if before else ""
    statuses += f" → {status_label(after).lower()}" if after else ""
    why = f" · {safe_text(row.reason, 80)}" if row.reason else ""
    decision = _DECISION_TEXTS.get(row.decision, safe_text(row.decision, 20))
    if row.repeats:
        job += f" · {row.repeats.count} times since {format_date(row.repeats.since)}, most recently"
    who, where = user_mention(row.person), channel_mention(row.channel)
    return f"{format_date(row.at)} · {who} {decision} {verb}{job}{statuses} · in {where}{why}"
