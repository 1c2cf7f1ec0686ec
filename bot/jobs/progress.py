"""How far a running job is, from the lines of its log. Pure.

Step events: https://platform.openai.com/docs/guides/fine-tuning; their ``data`` may be missing, then the message says it.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

from bot.jobs.models import Event, Job
from bot.jobs.results import parse_measurement

MOST_POINTS = 60
"""Points of the loss that are kept; where there are more, every other one goes."""
MAX_CLOCK_SKEW = 300.0
"""Seconds by which a provider's clock may be ahead of ours."""
LONGEST_PACE = 86400.0
"""Seconds that a step may take; a pace beyond it comes of moments that make no sense."""
_STEP = re.compile(r"step (?P<step>\d{1,12})(?:/(?P<steps>\d{1,12}))?", re.IGNORECASE)
_LOSS = re.compile(r"training loss=(?P<loss>\d[\d.e+-]*)", re.IGNORECASE)

Point = tuple[int, float]
"""A step, and the training loss (of reinforcement: the mean reward) at it."""


@dataclass(frozen=True)
class Progress:
    """How far a job is."""

    step: int
    steps: int | None
    """How many there will be, None where nobody says."""
    at: float | None
    """When the step was done, seconds since the epoch."""
    pace: float | None
    """Seconds that a step takes."""
    points: tuple[Point, ...] = ()
    """The loss so far, thinned out."""

    @property
    def share(self) -> float | None:
        """From 0 to 1, or None where nobody says how many steps there will be."""
        return min(1.0, self.step / self.steps) if self.steps else None

    def finish(self) -> float | None:
        """Return when the last step will be done if the pace stays, seconds since the epoch."""
        if self.steps is None or self.at is None or self.pace is None or self.pace > LONGEST_PACE:
            return None
        return self.at + max(0, self.steps - self.step) * self.pace

    def as_json(self) -> dict[str, Any]:
        """Return it as JSON."""
        return vars(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Return what ``as_json`` made."""
        return cls(**{**value, "points": tuple((step, loss) for step, loss in value["points"])})


@dataclass(frozen=True)
class _Step:
    step: int
    steps: int | None
    at: float | None
    value: float | None


def newest_event_at(events: Iterable[Event], *, now: float) -> float | None:
    """Return when the newest line of a log was written, None where nobody can tell.

    A clock may be somewhat ahead of ours; a line that is further ahead says nothing about when it was written.
    """
    moments = [event.created_at for event in events if event.created_at and event.created_at <= now + MAX_CLOCK_SKEW]
    return min(max(moments), now) if moments else None


def progress_of(events: Sequence[Event], before: Progress | None = None) -> Progress | None:
    """Return how far a job is, from lines of its log, oldest first, and from what was known before."""
    steps = list(_steps(events))
    if not steps:
        return before
    first, last = steps[0], max(steps, key=lambda each: each.step)
    known = dict(before.points) if before and before.step <= last.step else {}
    known |= {each.step: each.value for each in steps if each.value is not None}
    total = last.steps or (before.steps if before else None)
    pace = _pace(first, last) or (before.pace if before else None)
    return Progress(last.step, total, last.at, pace, _downsampled(sorted(known.items())))


def estimated_finish(job: Job, progress: Progress | None, *, now: float) -> float | None:
    """Return when a running job will be done, as the API says or else as its steps do; None where nobody can tell."""
    if progress and progress.at is not None and progress.at > now + MAX_CLOCK_SKEW:
        progress = None
    for moment in (job.estimated_finish, progress.finish() if progress else None):
        if moment is not None and moment > now:
            return moment
    return None


def _steps(events: Iterable[Event]) -> Iterator[_Step]:
    for event in events:
        data, said = event.data or {}, _STEP.search(event.message)
        step = _positive_int(data.get("step")) or (int(said["step"]) if said else None)
        if step is not None:
            steps = _positive_int(data.get("total_steps")) or (int(said["steps"]) if said and said["steps"] else None)
            yield _Step(step, steps or None, event.created_at, _value(event, data))


def _value(event: Event, data: dict[str, Any]) -> float | None:
    for name in ("train_loss", "train_mean_reward"):
        if (number := parse_measurement(name, data.get(name))) is not None:
            return number
    said = _LOSS.search(event.message)
    return parse_measurement("train_loss", said["loss"]) if said else None


def _positive_int(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**12 else None


def _pace(first: _Step, last: _Step) -> float | None:
    if first.at is None or last.at is None or last.step <= first.step or last.at <= first.at:
        return None
    return (last.at - first.at) / (last.step - first.step)


def _downsampled(points: list[Point]) -> tuple[Point, ...]:
    while len(points) > MOST_POINTS:
        points = [*points[:-1:2], points[-1]]
    return tuple(points)
