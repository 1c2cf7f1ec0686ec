"""What changed between two looks at a job. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from bot.jobs.models import Snapshot
from bot.jobs.statuses import UNKNOWN, is_final


class ChangeKind(StrEnum):
    """What a change is about."""

    NEW = "new"
    """A job appeared under a subscription."""
    STATUS = "status"
    """The status differs; the model's name may have come with it."""
    MODEL = "model"
    """Only ``fine_tuned_model`` differs."""
    MISSING = "gone"
    """The API does not know the job any more."""
    REAPPEARED = "back"
    """A job that was gone is there again, as it was."""
    STALLED = "stuck"
    """A job stands still for too long."""
    PROGRESSING = "moved"
    """A running job that stood still has something new in its log."""


@dataclass(frozen=True)
class State:
    """The picture of a job that people are told of when it changes."""

    status: str
    fine_tuned_model: str | None = None

    @property
    def is_final(self) -> bool:
        """Whether a job in this state is over."""
        return is_final(self.status)


@dataclass(frozen=True)
class Change:
    """The difference between the stored state of a job and a newer one."""

    kind: ChangeKind
    before: State
    after: State
    stalled_for: float | None = None
    """For how many seconds the job stood still until now, where people were or are told of that."""

    @property
    def ends_job(self) -> bool:
        """Whether this is the change that a team waits for: the job is over now and was not before."""
        return self.after.is_final and not self.before.is_final


def state_of(snapshot: Snapshot) -> State:
    """Return the state that a snapshot shows."""
    return State(snapshot.status, snapshot.fine_tuned_model)


def first_change(snapshot: Snapshot) -> Change:
    """Return the change that a job's appearance under a subscription is.

    Nobody was told its model's name before, also where it has one already.
    """
    return Change(ChangeKind.NEW, State(snapshot.status), state_of(snapshot))


def change_between(old: State, new: State) -> Change | None:
    """Return the change from ``old`` to ``new``, or None where there is none.

    A read without a status says nothing about the status. A status and a model name that arrive together are one
    change; a name that arrives later is a change of its own.
    """
    if new.status == UNKNOWN:
        new = State(old.status, new.fine_tuned_model or old.fine_tuned_model)
    if new.status != old.status:
        return Change(ChangeKind.STATUS, old, new)
    if new.fine_tuned_model != old.fine_tuned_model:
        return Change(ChangeKind.MODEL, old, new)
    return None
