"""A pushed job: what its runs say of it after a batch of calls. Pure."""

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from bot.jobs.changes import ChangeKind
from bot.jobs.models import Snapshot
from bot.jobs.progress import Progress, progress_of_run
from bot.push.call import Call
from bot.push.document import job_body, status_of
from bot.store.jobs.documents import JobDocument, Pushed, RunStart
from bot.store.jobs.jobs import KnownJob
from bot.store.training.runs import Run, in_order

_LOSSES = ("train_loss", "train_mean_reward")
"""The series that a card shows, the first one that there is."""
_BEGUN = "running"
"""What a run did before it ended, if its first call that arrives says how."""

Runs = Mapping[str, Run]
"""The runs of a job, by ID."""


@dataclass(frozen=True)
class PushedJob:
    """A pushed job: its runs before and after some calls."""

    id: str
    before: Runs
    after: Runs
    cancel_requested: bool
    known: KnownJob | None = None
    """Its row from before, if that was read and it is not new."""

    @cached_property
    def newest(self) -> Run:
        """The run that tells its state."""
        return in_order(self.after.values())[-1]

    @property
    def status(self) -> str:
        """Its present status."""
        return status_of(self.newest, cancel_requested=self.cancel_requested)

    @property
    def cancel_pending(self) -> bool:
        """Whether its trainer is to stop."""
        return self.cancel_requested and not self.newest.is_final

    def is_as_recorded(self, stalled_since: float | None) -> bool:
        """Whether its calls say of the job what was recorded of it before, so that only its series grow."""
        return (
            bool(self.before)
            and stalled_since is None
            and not self.newest.is_final
            and self.newest.announced == self.status
            and job_body(self.id, self.before, status=self.status) == job_body(self.id, self.after, status=self.status)
        )

    def documents(self) -> list[JobDocument]:
        """Return what is recorded of the job, one after the other.

        A run whose first call that arrives says how it ended has begun, too.
        """
        newest, status = self.newest, self.status
        current = self.document(status, Pushed(recovery=self._recovery()))
        if newest.announced is None:
            start = Pushed(RunStart.NEW if self.known else None)
            begun = _BEGUN if newest.is_final else status
            return [self.document(begun, start), *([current] if newest.is_final else [])]
        if self.before and in_order(self.before.values())[-1].id != newest.id:
            return [self.document(newest.announced, Pushed(RunStart.AGAIN)), current]
        return [current]

    def document(self, status: str, pushed: Pushed | None = None, *, silent: bool = False) -> JobDocument:
        """Return the job as its runs tell it, in some status."""
        since = self.newest.called_at if silent else None
        body = job_body(self.id, self.after, status=status, silent_since=since)
        return JobDocument(Snapshot.model_validate(body), body, pushed)

    def _recovery(self) -> ChangeKind | None:
        """Return the change by which a stalled job recovers: its newest run was heard again, or does something again."""
        run, earlier = self.newest, self.before.get(self.newest.id)
        if (
            self.known is None
            or self.known.stalled_since is None
            or earlier is None
            or run.called_at == earlier.called_at
        ):
            return None
        if self.known.stalled_since == earlier.called_at:
            return ChangeKind.HEARD
        return ChangeKind.PROGRESSING if run.active_at > earlier.active_at else None


def progress_after(job: PushedJob, calls: Sequence[Call], before: Progress | None) -> Progress | None:
    """Return the progress of a job after calls; those of older runs do not count."""
    run = job.newest
    own = [call for call in calls if call.run == run.id]
    if not own:
        return before
    earlier, first = job.before.get(run.id), run.first_step or 0
    begins = run.first_step is not None and (earlier is None or earlier.first_step is None)
    if begins and before:
        # What an earlier run reached is not what this one has.
        before = replace(before, step=0, points=tuple(point for point in before.points if point[0] < first))
    series = next((name for name in _LOSSES for call in own for _, values in call.metrics if name in values), None)
    points = (
        {
            step: values[series]
            for call in own
            for step, values in call.metrics
            if series in values and math.isfinite(values[series])
        }
        if series
        else {}
    )
    at, step = run.our_time(float(run.state["at"])), run.state.get("step")
    step = max(step or 0, before.step if before else 0) or None
    reached = max([*points, *([step] if step is not None else [])], default=0)
    begun = first if len(job.after) > 1 else 0
    step_seconds = (at - run.began_at) / (reached - begun) if reached > begun and at > run.began_at else None
    return progress_of_run(
        points.items(), before, step=step, steps=run.state.get("total_steps"), at=at, step_seconds=step_seconds
    )


def has_moved(before: Progress | None, after: Progress) -> bool:
    """Whether a card has something else to show than before; a heartbeat alone is nothing."""
    return before is None or (before.step, before.steps, before.points) != (after.step, after.steps, after.points)
