"""Messages to a channel about a mute and its end."""

from bot.blocks.interactive import actions, button
from bot.blocks.parts import Message, fallback_text, format_date, format_duration, job_mention, section, user_mention

UNMUTE = "ftjob_unmute"
EVERY_JOB = "all"
"""Value of the button that ends every mute of a channel."""


def mute_message(person: str, job_id: str | None, name: str | None, *, seconds: float, until: float) -> Message:
    """Return who muted a job, or the channel if ``job_id`` is None, and until when; ``name`` is the job's, if any."""
    what = job_mention(job_id, name) if job_id else "this channel"
    text = (
        f":no_bell: {user_mention(person)} muted {what} for {format_duration(seconds)}, until {format_date(until)}. "
        "Results are muted too. Cards keep updating, and I'll post a summary when the mute ends."
    )
    label = f"Unmute {name or job_id}" if job_id else "Unmute all jobs in this channel"
    unmute = button("Unmute", UNMUTE, job_id or EVERY_JOB, accessibility_label=label)
    return Message(fallback_text(text), [section(text), actions(unmute)])


def unmute_text(
    person: str, job_id: str | None, name: str | None, *, changes: int, is_channel_muted: bool = False
) -> str:
    """Return who ended a mute, and that the muted changes follow, safe mrkdwn; the job as in ``mute_message``.

    With ``is_channel_muted`` the channel's own mute still holds them.
    """
    what = job_mention(job_id, name) if job_id else "this channel"
    if is_channel_muted:
        return f":no_bell: {user_mention(person)} unmuted {what}, but this channel is still muted."
    texts = {0: "No alerts were held back.", 1: "A summary of 1 change follows."}
    follows = texts.get(changes, f"A summary of {changes} changes follows.")
    return f":bell: {user_mention(person)} unmuted {what}. {follows}"
