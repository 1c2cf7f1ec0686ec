"""Whether a job stands still: too long in a state that should pass, or running without a word in its log. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from bot.jobs.models import Snapshot
from bot.jobs.statuses import INITIAL_STATUSES, Phase, phase_of


@dataclass(frozen=True)
class StallTimeouts:
    """Seconds after which people are told of a job that stands still; None: never."""

    validating_files: float | None = 3600.0
    queued: float | None = 6 * 3600.0
    silent: float | None = 2 * 3600.0
    """Of a running job: since the newest line of its log."""


NO_STALL_TIMEOUTS = StallTimeouts(validating_files=None, queued=None, silent=None)


class StallKind(StrEnum):
    """How a job can stand still."""

    VALIDATING = "validating"
    """Its files are being looked at."""
    QUEUED = "queued"
    """It waits for its turn."""
    SILENT = "silent"
    """It is at work, and its log says nothing new."""


def stall_kind_of(status: str) -> StallKind | None:
    """Return how a job in this status can stand still; None where it is over, held by a person, or nobody knows."""
    match phase_of(status):
        case Phase.WAITING if status.lower() in INITIAL_STATUSES:
            return StallKind.VALIDATING
        case Phase.WAITING:
            return StallKind.QUEUED
        case Phase.ACTIVE:
            return StallKind.SILENT
    return None


def stalled_since(
    status: str,
    same_since: float,
    reported_since: float | None = None,
    *,
    now: float,
    timeouts: StallTimeouts,
    event_at: float | None = None,
) -> float | None:
    """Return since when a job has stood still for too long; None where it does not, or where nobody can tell.

    Args:
        status: its present status.
        same_since: since when it has that.
        reported_since: since when it stood still when people were told so; in the same status only a new event ends that.
        now: the present moment.
        timeouts: how long is too long.
        event_at: when the newest line of its log was written, for who has just read it; without it nothing can be said
            of a job that is at work.
    """
    if reported_since is not None:
        return reported_since if event_at is None or event_at <= reported_since else None
    match stall_kind_of(status):
        case StallKind.VALIDATING:
            since, longest = same_since, timeouts.validating_files
        case StallKind.QUEUED:
            since, longest = same_since, timeouts.queued
        case StallKind.SILENT if event_at is not None:
            since, longest = max(same_since, event_at), timeouts.silent
        case _:
            return None
    return since if longest is not None and now - since > longest else None


def initial_status_since(snapshot: Snapshot, now: float) -> float:
    """Return since when a job that was never seen before is as it is: one that waits for its start, since its creation."""
    if phase_of(snapshot.status) is Phase.WAITING and snapshot.created_at is not None:
        return min(snapshot.created_at, now)
    return now
