"""Debounce: reads that show a job backward or missing count only after several have agreed. Pure.

As in Nagios, a suspected status is a soft state until enough reads confirm it; the stored status is the hard state.
"""

from dataclasses import dataclass
from enum import StrEnum

from bot.jobs.changes import ChangeKind, State, change_between
from bot.jobs.models import Job
from bot.jobs.statuses import UNKNOWN, is_backward

CONFIRM_INTERVALS = 8
"""Poll intervals for which every read must show a backward status before it counts: if a third of the reads are stale,
one in 20,000 starts so many in a row."""
MISSING_READS = 3
"""Least number of consecutive reads without a job before it counts as missing."""
MISSING_POLL_INTERVAL = 3600.0
"""Seconds between two reads of a missing job."""
MISSING_GIVE_UP_AFTER = 7 * 86400.0
"""Seconds after which a missing job is no longer read."""
_INTERVAL_TOLERANCE = 0.9
"""Share of an interval that counts as one: two polls of a timer are never exactly an interval apart."""


@dataclass(frozen=True)
class SoftState:
    """A suspected status: the first of the consecutive reads that showed it."""

    status: str
    since: float


@dataclass(frozen=True)
class Absence:
    """Consecutive reads that did not find a job."""

    reads: int
    since: float
    last: float


class DebounceResult(StrEnum):
    """What a read of a known job shows."""

    UNCHANGED = "same"
    """The stored state."""
    CONFIRMED = "changed"
    """A change that counts."""
    SUSPECTED = "noted"
    """A backward status for the first time: a new soft state."""
    PENDING = "waiting"
    """The soft state again, but not yet for long enough."""
    CLEARED = "cleared"
    """The stored state, which disproves the soft state."""


def debounce(stored: State, soft_state: SoftState | None, new: State, *, now: float, interval: float) -> DebounceResult:
    """Return what a read of a job shows.

    APIs read from replicas that lag. A finished job in another status, or a running one that waits again, counts only
    after all reads of ``CONFIRM_INTERVALS`` intervals agree. The model's name is not debounced.

    Args:
        stored: the hard state.
        soft_state: an earlier read that contradicted ``stored``, if there was one.
        new: the state in this read.
        now: time of this read, by the clock of ``soft_state``.
        interval: seconds between two polls.
    """
    change = change_between(stored, new)
    if change is None:
        return DebounceResult.CLEARED if soft_state and new.status != UNKNOWN else DebounceResult.UNCHANGED
    if change.kind is not ChangeKind.STATUS or not is_backward(stored.status, change.after.status):
        return DebounceResult.CONFIRMED
    if soft_state is None or soft_state.status != change.after.status or soft_state.since > now:
        return DebounceResult.SUSPECTED
    is_confirmed = now - soft_state.since >= CONFIRM_INTERVALS * _INTERVAL_TOLERANCE * interval
    return DebounceResult.CONFIRMED if is_confirmed else DebounceResult.PENDING


def is_same_result(before: Job, now: Job) -> bool:
    """Whether a job that is finished again has the result that it had before: then reads in between were stale.

    False without ``finished_at``, which alone can tell two runs apart.
    """
    return now.finished_at is not None and all(
        getattr(before, name) == getattr(now, name) for name in ("status", "fine_tuned_model", "finished_at", "error")
    )


def is_missing(absence: Absence, interval: float) -> bool:
    """Whether enough reads over enough time did not find a job; ``interval`` is seconds between two polls."""
    return absence.reads >= MISSING_READS and absence.last - absence.since >= 2 * _INTERVAL_TOLERANCE * interval


def is_given_up(absence: Absence) -> bool:
    """Whether a missing job is no longer read."""
    return absence.last - absence.since >= MISSING_GIVE_UP_AFTER
