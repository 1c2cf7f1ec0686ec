"""The settings of a channel: broadcast, card size, alert level and mutes."""

from collections.abc import Sequence

from bot.blocks.parts import Message, code_span, context, fallback_text, fields, format_date, section

_MAX_MUTES = 5
_HINT = "To change one: `/ftjob settings broadcast off`, `/ftjob settings size compact` or `/ftjob settings alerts failures`."


def setting_values(*, broadcast: bool, full_cards: bool, failures_only: bool) -> list[tuple[str, str]]:
    """Return each setting with its value and what that means."""
    return [
        ("Broadcast", "on: results also appear in the channel" if broadcast else "off: results stay in threads"),
        ("Size", "full: cards with all details" if full_cards else "compact: three-line cards"),
        ("Alerts", "failures: only failed, stuck or missing jobs" if failures_only else "all: every change"),
    ]


def channel_settings_message(rows: Sequence[tuple[str, str]], mutes: Sequence[tuple[str | None, float]]) -> Message:
    """Return a channel's settings and its mutes: job ID, None for all jobs, and end, Unix seconds."""
    listed = [
        f"{code_span(job_id) if job_id else 'all jobs'} until {format_date(until)}"
        for job_id, until in mutes[:_MAX_MUTES]
    ]
    hidden = len(mutes) - _MAX_MUTES
    muted = ", ".join(listed) + (f" and {hidden} more (`/ftjob unmute all` ends them all)" if hidden > 0 else "")
    pairs = [*rows, ("Muted", muted or "nothing")]
    text = fallback_text(f"Channel settings: {'; '.join(f'{label.lower()} {value}' for label, value in pairs)}.")
    return Message(text, [section("*Channel settings*"), *fields(pairs), context(_HINT)])
