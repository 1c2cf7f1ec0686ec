"""Reads that are not believed at once: a job that goes backward in its life, a job that is not found. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from bot.jobs.changes import ChangeKind, State, change_between
from bot.jobs.models import Job
from bot.jobs.statuses import UNKNOWN, is_backward

CONFIRM_INTERVALS = 8
"""Intervals for which every read says the same before a job is believed to have gone backward: where a third of the
reads are stale, one in 20,000 begins so many in a row."""
MISSING_READS = 3
"""Reads in a row without a job, at the least, before it counts as gone."""
MISSING_POLL_INTERVAL = 3600.0
"""Seconds between two looks for a job that is gone."""
MISSING_GIVE_UP_AFTER = 7 * 86400.0
"""Seconds for which a job that is gone is looked for."""
_INTERVAL_TOLERANCE = 0.9
"""The share of an interval that counts as one: two looks of a timer are never exactly an interval apart."""


@dataclass(frozen=True)
class SoftState:
    """The first of the reads in a row that showed a job further back in its life."""

    status: str
    since: float


@dataclass(frozen=True)
class Absence:
    """Reads in a row that did not find a job."""

    reads: int
    since: float
    last: float


class DebounceResult(StrEnum):
    """What a read of a known job amounts to."""

    UNCHANGED = "same"
    """It shows what is stored."""
    CONFIRMED = "changed"
    """It shows a change that is believed."""
    SUSPECTED = "noted"
    """It is the first that shows the job in this earlier state: all later ones have to say the same for a while."""
    PENDING = "waiting"
    """It says the same as the one that was noted, but too soon after it."""
    CLEARED = "cleared"
    """It shows what is stored, so what was noted was wrong."""


def confirm(stored: State, soft_state: SoftState | None, new: State, *, now: float, interval: float) -> DebounceResult:
    """Return what a read of a job amounts to.

    APIs answer from replicas that lag: a job that is over is believed to be in another state, and one that runs to wait
    again, only after all reads of ``AGREEING`` intervals say the same. Its model's name is not a state: it comes, and
    goes, at once.

    Args:
        stored: the job as it is known.
        soft_state: an earlier read that contradicted ``stored``, if there was one.
        new: what this read shows.
        now: the moment of this read, by the clock of ``soft_state``.
        interval: seconds between two sweeps.
    """
    change = change_between(stored, new)
    if change is None:
        return DebounceResult.CLEARED if soft_state and new.status != UNKNOWN else DebounceResult.UNCHANGED
    if change.kind is not ChangeKind.STATUS or not is_backward(stored.status, change.after.status):
        return DebounceResult.CONFIRMED
    if soft_state is None or soft_state.status != change.after.status or soft_state.since > now:
        return DebounceResult.SUSPECTED
    return (
        DebounceResult.CONFIRMED
        if now - soft_state.since >= CONFIRM_INTERVALS * _INTERVAL_TOLERANCE * interval
        else DebounceResult.PENDING
    )


def is_same_result(before: Job, now: Job) -> bool:
    """Whether a job that is over again ended as it did before: then it never went on, and stale reads said that it did.

    Without the moment of its end nobody can tell.
    """
    return now.finished_at is not None and all(
        getattr(before, name) == getattr(now, name) for name in ("status", "fine_tuned_model", "finished_at", "error")
    )


def is_missing(absence: Absence, interval: float) -> bool:
    """Whether a job was not found often enough, for long enough, to say so."""
    return absence.reads >= MISSING_READS and absence.last - absence.since >= 2 * _INTERVAL_TOLERANCE * interval


def is_given_up(absence: Absence) -> bool:
    """Whether a job that is gone was looked for long enough."""
    return absence.last - absence.since >= MISSING_GIVE_UP_AFTER
