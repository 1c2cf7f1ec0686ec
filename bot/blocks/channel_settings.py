"""The settings of a channel: broadcast, card size, alert level and mutes."""

from collections.abc import Sequence

from bot.blocks.parts import Message, code_span, context, fallback_text, fields, format_date, section

_MAX_MUTES = 5
_HINT = "Change one with `/ftjob settings broadcast off`, `/ftjob settings size compact` or `/ftjob settings alerts failures`."


def setting_values(*, broadcast: bool, compact: bool, failures_only: bool) -> list[tuple[str, str]]:
    """Return each setting with its value and what that means."""
    return [
        ("Broadcast", "on: the end of a job is told in the channel too" if broadcast else "off: ends stay in threads"),
        ("Size", "compact: cards have two lines" if compact else "full: cards show everything"),
        ("Alerts", "failures: failed, stuck and gone jobs alone" if failures_only else "all: every change"),
    ]


def channel_settings_message(rows: Sequence[tuple[str, str]], mutes: Sequence[tuple[str | None, float]]) -> Message:
    """Return a channel's settings and its mutes: job ID, None for all jobs, and end, Unix seconds."""
    listed = [
        f"{code_span(job_id) if job_id else 'everything'} until {format_date(until)}"
        for job_id, until in mutes[:_MAX_MUTES]
    ]
    hidden = len(mutes) - _MAX_MUTES
    muted = ", ".join(listed) + (f" and {hidden} more: `/ftjob unmute all` ends them all" if hidden > 0 else "")
    pairs = [*rows, ("Muted", muted or "nothing")]
    text = fallback_text(f"This channel: {'; '.join(f'{label.lower()} {value}' for label, value in pairs)}.")
    return Message(text, [section("*This channel*"), *fields(pairs), context(_HINT)])
