"""Texts about a stalled job: for how long, since when, and what to do about it."""

from bot.blocks.job import status_phrase
from bot.blocks.parts import code_span, format_date, format_duration
from bot.jobs.models import Job
from bot.jobs.stalled import StallKind, stall_kind_of

_ADVICE = {
    StallKind.VALIDATING: "File checks usually take a few minutes. Check the provider's status page and {events}. If nothing "
    "changes, run {cancel}, then create the job again.",
    StallKind.QUEUED: "It's waiting for capacity, or the account is at its concurrency limit. `/ftjob list active` shows what "
    "else is running or waiting. It keeps its place in line while it waits. Canceling it ({cancel}) gives up that place.",
    StallKind.SILENT: "{events} shows its latest log lines. Check the provider's status page. If there's still no output, "
    "cancel it with {cancel}; its checkpoints are kept ({checkpoints}).",
}


_PUSHED_ADVICE = {
    StallKind.SILENT: "{events} shows its latest log lines. Check the machine it runs on.",
    StallKind.QUEUED: "Its training process hasn't started. Check the machine it's supposed to run on.",
}
"""The same for a job of the team's own trainer."""


def stalled_phrase(status: str, seconds: float) -> str:
    """Return how long a job has been stalled, as a phrase: "queued for 7 h"."""
    if stall_kind_of(status) is StallKind.SILENT:
        return f"no new log lines for {format_duration(seconds)}"
    return f"{status_phrase(status).removeprefix('is ')} for {format_duration(seconds)}"


def stalled_note(status: str, since: float) -> str:
    """Return since when a job is stalled, for a card."""
    if stall_kind_of(status) is StallKind.SILENT:
        return f":warning: stuck, last log line {format_date(since)}"
    return f":warning: stuck since {format_date(since)}"


def stall_advice(job: Job, status: str) -> str:
    """Return what to do about a job that stalled in this status, safe mrkdwn."""
    commands = {verb: code_span(f"/ftjob {verb} {job.id}", 220) for verb in ("events", "cancel", "checkpoints")}
    kind = stall_kind_of(status) or StallKind.SILENT
    advice = _PUSHED_ADVICE.get(kind) if job.run_number is not None else None
    return (advice or _ADVICE[kind]).format(**commands)
