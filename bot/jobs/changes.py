"""Changes of a job: the difference between two of its snapshots. Pure."""

from dataclasses import dataclass
from enum import StrEnum

from bot.jobs.models import Snapshot
from bot.jobs.statuses import UNKNOWN, is_final


class ChangeKind(StrEnum):
    """Kind of a change. Its texts are in `blocks.changes`."""

    NEW = "new"
    """A job appeared that a subscription matches."""
    STATUS = "status"
    """The status changed, maybe together with the model's name."""
    MODEL = "model"
    """Only ``fine_tuned_model`` changed."""
    MISSING = "gone"
    """The API no longer knows the job."""
    REAPPEARED = "back"
    """The API knows a missing job again, in its old state."""
    STALLED = "stuck"
    """The job made no progress for too long."""
    PROGRESSING = "moved"
    """A stalled running job has a new event."""
    RESTARTED = "restarted"
    """A trainer began another run of the job."""
    SILENT = "silent"
    """The trainer of a running job sent no heartbeat."""
    HEARD = "heard"
    """The trainer of a silent job sent one again."""


@dataclass(frozen=True)
class State:
    """The part of a job whose changes are alerts."""

    status: str
    fine_tuned_model: str | None = None

    @property
    def is_final(self) -> bool:
        """Whether a job in this state is finished."""
        return is_final(self.status)


@dataclass(frozen=True)
class Change:
    """The difference between the stored state of a job and a newer one."""

    kind: ChangeKind
    before: State
    after: State
    stalled_for: float | None = None
    """Seconds for which the job made no progress until this change, if it was or is reported as stalled."""

    @property
    def ends_job(self) -> bool:
        """Whether the job finished by this change; one that was never seen before may have finished already."""
        return self.after.is_final and (self.kind is ChangeKind.NEW or not self.before.is_final)


def state_of(snapshot: Snapshot) -> State:
    """Return the state in a snapshot."""
    return State(snapshot.status, snapshot.fine_tuned_model)


def first_change(snapshot: Snapshot) -> Change:
    """Return the change for a job that was never seen before: its model's name is new, too."""
    return Change(ChangeKind.NEW, State(snapshot.status), state_of(snapshot))


def change_between(old: State, new: State) -> Change | None:
    """Return the change from ``old`` to ``new``, or None if there is none.

    A read without a status does not change the status. A status and a model name that arrive together are one change;
    a name that arrives later is a change of its own.
    """
    if new.status == UNKNOWN:
        new = State(old.status, new.fine_tuned_model or old.fine_tuned_model)
    if new.status != old.status:
        return Change(ChangeKind.STATUS, old, new)
    if new.fine_tuned_model != old.fine_tuned_model:
        return Change(ChangeKind.MODEL, old, new)
    return None
