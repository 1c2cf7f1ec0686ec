"""What a channel is told of a mute."""

from bot.blocks.parts import Message, actions, button, code, date, duration, mention, section, spoken

UNMUTE = "ftjob_unmute"
EVERY_JOB = "all"
"""The value of the button that ends every mute of a channel."""


def muted(person: str, job_id: str | None, *, seconds: float, until: float) -> Message:
    """Say who muted a job, or the channel where ``job_id`` is None, and until when."""
    what = code(job_id) if job_id else "this channel"
    text = (
        f":no_bell: {mention(person)} muted {what} for {duration(seconds)}, until {date(until)}. Ends of jobs are muted, "
        "too; cards go on. What happens meanwhile is summed up then."
    )
    says = f"Unmute {job_id}" if job_id else "End every mute of this channel"
    return Message(spoken(text), [section(text), actions(button("Unmute", UNMUTE, job_id or EVERY_JOB, says=says))])


def unmuted(person: str, job_id: str | None, *, changes: int) -> str:
    """Say who ended a mute, and what comes of it; safe mrkdwn."""
    what = code(job_id) if job_id else "this channel"
    held = {0: "Nothing changed meanwhile.", 1: "1 change was muted: it follows."}
    follows = held.get(changes, f"{changes} changes were muted: they follow, summed up.")
    return f":bell: {mention(person)} unmuted {what}. {follows}"
