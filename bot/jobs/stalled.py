"""Stall detection: whether a job makes no progress, waiting for too long or running without a new event. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from bot.jobs.models import Snapshot
from bot.jobs.statuses import Phase, phase_of


@dataclass(frozen=True)
class StallTimeouts:
    """Seconds after which a job counts as stalled; None: never."""

    validating_files: float | None = 3600.0
    queued: float | None = 6 * 3600.0
    silent: float | None = 2 * 3600.0
    """Since the newest event of a running job."""


NO_STALL_TIMEOUTS = StallTimeouts(validating_files=None, queued=None, silent=None)


class StallKind(StrEnum):
    """How a job can stall."""

    VALIDATING = "validating"
    """Its files are being validated."""
    QUEUED = "queued"
    """It waits to start: in the queue, created or scheduled."""
    SILENT = "silent"
    """It is running without a new event."""


def stall_kind_of(status: str) -> StallKind | None:
    """Return how a job in this status can stall; None if it is finished, paused or in an unknown status."""
    match phase_of(status):
        case Phase.WAITING if status.lower() == "validating_files":
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
    """Return when a stalled job last made progress, Unix seconds; None if it is not stalled, or if that is unknown.

    Args:
        status: its current status.
        same_since: when it entered that status.
        reported_since: the result for which it was last reported as stalled; in the same status only a new event clears it.
        now: the current time.
        timeouts: when a job counts as stalled.
        event_at: time of its newest event, if its log was just read; without it a running job never counts as stalled.
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
    """Return since when a job that was never seen before has its status: a waiting one, since its creation."""
    if phase_of(snapshot.status) is Phase.WAITING and snapshot.created_at is not None:
        return min(snapshot.created_at, now)
    return now
