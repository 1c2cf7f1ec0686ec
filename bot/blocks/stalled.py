"""Texts about a stalled job: for how long, since when, and what to do about it."""

from bot.blocks.parts import code_span, format_ago, format_duration
from bot.jobs.models import Job
from bot.jobs.stalled import StallKind, stall_kind_of

_ADVICE = {
    StallKind.VALIDATING: "Its files are usually checked within minutes. Look at the provider's status page and at {events}; "
    "if nothing moves, {cancel} and create the job again.",
    StallKind.QUEUED: "It waits for a free place: the provider is busy, or the account runs as many jobs as it may. "
    "`/ftjob list active` shows what is ahead of it. It keeps its place if you wait; {cancel} gives that up.",
    StallKind.SILENT: "{events} shows the last lines of its log. Look at the provider's status page; if nothing comes, {cancel} "
    "ends it. Its checkpoints remain: {checkpoints}.",
}


def stalled_phrase(status: str, seconds: float) -> str:
    """Return how long a job has been stalled, as the predicate of a sentence about it: "has been queued for 7 h"."""
    match stall_kind_of(status):
        case StallKind.VALIDATING:
            return f"has had its files checked for {format_duration(seconds)}"
        case StallKind.QUEUED:
            return f"has been queued for {format_duration(seconds)}"
    return f"has written nothing into its log for {format_duration(seconds)}"


def stalled_note(status: str, since: float) -> str:
    """Return since when a job is stalled, for a card: Slack keeps the age up to date."""
    if stall_kind_of(status) is StallKind.SILENT:
        return f":warning: stuck, last event {format_ago(since)}"
    return f":warning: stuck, began {format_ago(since)}"


def stall_advice(job: Job, status: str) -> str:
    """Return what to do about a job that stalled in this status, safe mrkdwn."""
    commands = {verb: code_span(f"/ftjob {verb} {job.id}", 220) for verb in ("events", "cancel", "checkpoints")}
    return _ADVICE[stall_kind_of(status) or StallKind.SILENT].format(**commands)
