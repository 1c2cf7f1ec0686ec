"""Reads that are not believed at once: a job that goes backward in its life, a job that is not found. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from bot.jobs.changes import ChangeKind, State, change_between
from bot.jobs.models import Job
from bot.jobs.statuses import UNKNOWN, is_backward

AGREEING = 8
"""Intervals for which every read says the same before a job is believed to have gone backward: where a third of the
reads are stale, one in 20,000 begins so many in a row."""
MISSES = 3
"""Reads in a row without a job, at the least, before it counts as gone."""
REST = 3600.0
"""Seconds between two looks for a job that is gone."""
GIVEN_UP_AFTER = 7 * 86400.0
"""Seconds for which a job that is gone is looked for."""
_NEARLY = 0.9
"""The share of an interval that counts as one: two looks of a timer are never exactly an interval apart."""


@dataclass(frozen=True)
class Doubt:
    """The first of the reads in a row that showed a job further back in its life."""

    status: str
    at: float


@dataclass(frozen=True)
class Absence:
    """Reads in a row that did not find a job."""

    reads: int
    since: float
    last: float


class Verdict(StrEnum):
    """What a read of a known job amounts to."""

    SAME = "same"
    """It shows what is stored."""
    CHANGED = "changed"
    """It shows a change that is believed."""
    NOTED = "noted"
    """It is the first that shows the job in this earlier state: all later ones have to say the same for a while."""
    WAITING = "waiting"
    """It says the same as the one that was noted, but too soon after it."""
    CLEARED = "cleared"
    """It shows what is stored, so what was noted was wrong."""


def judge(stored: State, doubt: Doubt | None, new: State, *, now: float, interval: float) -> Verdict:
    """Return what a read of a job amounts to.

    APIs answer from replicas that lag: a job that is over is believed to be in another state, and one that runs to wait
    again, only after all reads of ``AGREEING`` intervals say the same. Its model's name is not a state: it comes, and
    goes, at once.

    Args:
        stored: the job as it is known.
        doubt: an earlier read that contradicted ``stored``, if there was one.
        new: what this read shows.
        now: the moment of this read, by the clock of ``doubt``.
        interval: seconds between two sweeps.
    """
    change = change_between(stored, new)
    if change is None:
        return Verdict.CLEARED if doubt and new.status != UNKNOWN else Verdict.SAME
    if change.kind is not ChangeKind.STATUS or not is_backward(stored.status, change.after.status):
        return Verdict.CHANGED
    if doubt is None or doubt.status != change.after.status or doubt.at > now:
        return Verdict.NOTED
    return Verdict.CHANGED if now - doubt.at >= AGREEING * _NEARLY * interval else Verdict.WAITING


def is_same_result(before: Job, now: Job) -> bool:
    """Whether a job that is over again ended as it did before: then it never went on, and stale reads said that it did.

    Without the moment of its end nobody can tell.
    """
    return now.finished_at is not None and all(
        getattr(before, name) == getattr(now, name) for name in ("status", "fine_tuned_model", "finished_at", "error")
    )


def is_gone(absence: Absence, interval: float) -> bool:
    """Whether a job was not found often enough, for long enough, to say so."""
    return absence.reads >= MISSES and absence.last - absence.since >= 2 * _NEARLY * interval


def is_given_up(absence: Absence) -> bool:
    """Whether a job that is gone was looked for long enough."""
    return absence.last - absence.since >= GIVEN_UP_AFTER
