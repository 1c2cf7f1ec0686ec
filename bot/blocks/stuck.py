"""A job that stands still, in words: for how long, since when, and what to do about it."""

from bot.blocks.parts import ago, code, duration
from bot.jobs.models import Job
from bot.jobs.stalled import Standstill, standstill_of

_ADVICE = {
    Standstill.VALIDATING: "Its files are usually checked within minutes. Look at the provider's status page and at {events}; "
    "if nothing moves, {cancel} and create the job again.",
    Standstill.QUEUED: "It waits for a free place: the provider is busy, or the account runs as many jobs as it may. "
    "`/ftjob list active` shows what is ahead of it. It keeps its place if you wait; {cancel} gives that up.",
    Standstill.SILENT: "{events} shows the last lines of its log. Look at the provider's status page; if nothing comes, {cancel} "
    "ends it. Its checkpoints remain: {checkpoints}.",
}


def stuck_for(status: str, seconds: float) -> str:
    """Return for how long a job has stood still, as the rest of a sentence about it: "has been queued for 7 h"."""
    match standstill_of(status):
        case Standstill.VALIDATING:
            return f"has had its files checked for {duration(seconds)}"
        case Standstill.QUEUED:
            return f"has been queued for {duration(seconds)}"
    return f"has written nothing into its log for {duration(seconds)}"


def stuck_since(status: str, since: float) -> str:
    """Return since when a job stands still, for a card, which stays while time goes on."""
    if standstill_of(status) is Standstill.SILENT:
        return f":warning: stuck, last event {ago(since)}"
    return f":warning: stuck, began {ago(since)}"


def advice_on_standstill(job: Job, status: str) -> str:
    """Return what to do about a job that stands still in this status; safe mrkdwn."""
    commands = {verb: code(f"/ftjob {verb} {job.id}", 220) for verb in ("events", "cancel", "checkpoints")}
    return _ADVICE[standstill_of(status) or Standstill.SILENT].format(**commands)
