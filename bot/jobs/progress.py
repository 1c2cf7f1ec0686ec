"""Progress of a running job, computed from its events. Pure.

Step events: https://platform.openai.com/docs/guides/fine-tuning. Their ``data`` may be missing; then the message is parsed.
"""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Self

from bot.jobs.models import Event, Job
from bot.jobs.results import parse_measurement

MAX_POINTS = 60
"""Points of the loss curve that are kept; beyond it, every other point is dropped."""
MAX_CLOCK_SKEW = 300.0
"""Seconds by which a provider's clock may be ahead of ours."""
MAX_PACE = 86400.0
"""Seconds per step; a longer pace comes from implausible timestamps."""
_STEP = re.compile(r"step (?P<step>\d{1,12})(?:/(?P<steps>\d{1,12}))?", re.IGNORECASE)
_LOSS = re.compile(r"training loss=(?P<loss>\d[\d.e+-]*)", re.IGNORECASE)

Point = tuple[int, float]
"""A step and its training loss (for reinforcement, its mean reward)."""


@dataclass(frozen=True)
class Progress:
    """Progress of a job. Stored as JSON."""

    step: int
    steps: int | None
    """Total number of steps, None if unknown."""
    at: float | None
    """When the step finished, Unix seconds."""
    pace: float | None
    """Seconds per step."""
    points: tuple[Point, ...] = ()
    """The loss so far, downsampled."""

    @property
    def share(self) -> float | None:
        """Finished share of the steps, 0 to 1; None if their total is unknown."""
        return min(1.0, self.step / self.steps) if self.steps else None

    def finish(self) -> float | None:
        """Return when the last step will finish at the current pace, Unix seconds; None if that is unknown."""
        if self.steps is None or self.at is None or self.pace is None or self.pace > MAX_PACE:
            return None
        return self.at + max(0, self.steps - self.step) * self.pace

    def as_json(self) -> dict[str, Any]:
        """Return a JSON object for ``from_json``."""
        return vars(self)

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> Self:
        """Return the progress that ``as_json`` wrote."""
        return cls(**{**value, "points": tuple((step, loss) for step, loss in value["points"])})


@dataclass(frozen=True)
class _Step:
    step: int
    steps: int | None
    at: float | None
    value: float | None


def newest_event_at(events: Iterable[Event], *, now: float) -> float | None:
    """Return the time of the newest event, Unix seconds; None without a plausible one.

    A provider's clock may be ahead of ours by ``MAX_CLOCK_SKEW``; an event that is further ahead has no plausible time.
    """
    times = [event.created_at for event in events if event.created_at and event.created_at <= now + MAX_CLOCK_SKEW]
    return min(max(times), now) if times else None


def progress_of(events: Sequence[Event], before: Progress | None = None) -> Progress | None:
    """Return the progress of a job, from some of its events, oldest first, and from its progress before them."""
    steps = list(_steps(events))
    if not steps:
        return before
    first, last = steps[0], max(steps, key=lambda each: each.step)
    known = dict(before.points) if before and before.step <= last.step else {}
    known |= {each.step: each.value for each in steps if each.value is not None}
    total = last.steps or (before.steps if before else None)
    pace = _pace(first, last) or (before.pace if before else None)
    return Progress(last.step, total, last.at, pace, _downsampled(sorted(known.items())))


def progress_of_run(
    points: Iterable[Point],
    before: Progress | None,
    *,
    step: int | None,
    steps: int | None,
    at: float,
    step_seconds: float | None,
) -> Progress | None:
    """Return the progress of a job whose trainer pushes it; None before its first step.

    Args:
        points: new points of its loss or reward, finite ones.
        before: its progress so far.
        step: the step that the trainer names, if any.
        steps: their total number, if it is known.
        at: when the trainer said so, Unix seconds.
        step_seconds: seconds per step in this run, if they are known.
    """
    new = dict(points)
    reached = max([*new, *([step] if step is not None else [])], default=None)
    if reached is None:
        return before
    known = {each: value for each, value in before.points if each <= reached} if before else {}
    return Progress(reached, steps, at, step_seconds, _downsampled(sorted((known | new).items())))


def estimated_finish(job: Job, progress: Progress | None, *, now: float) -> float | None:
    """Return when a running job will finish: the API's estimate, else one from its pace; None if neither is in the future."""
    if progress and progress.at is not None and progress.at > now + MAX_CLOCK_SKEW:
        progress = None
    for estimate in (job.estimated_finish, progress.finish() if progress else None):
        if estimate is not None and estimate > now:
            return estimate
    return None


def _steps(events: Iterable[Event]) -> Iterator[_Step]:
    for event in events:
        data, match = event.data or {}, _STEP.search(event.message)
        step = _positive_int(data.get("step")) or (int(match["step"]) if match else None)
        if step is not None:
            in_message = int(match["steps"]) if match and match["steps"] else None
            steps = _positive_int(data.get("total_steps")) or in_message
            yield _Step(step, steps or None, event.created_at, _value(event, data))


def _value(event: Event, data: dict[str, Any]) -> float | None:
    for name in ("train_loss", "train_mean_reward"):
        if (number := parse_measurement(name, data.get(name))) is not None:
            return number
    match = _LOSS.search(event.message)
    return parse_measurement("train_loss", match["loss"]) if match else None


def _positive_int(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and 0 < value < 10**12 else None


def _pace(first: _Step, last: _Step) -> float | None:
    if first.at is None or last.at is None or last.step <= first.step or last.at <= first.at:
        return None
    return (last.at - first.at) / (last.step - first.step)


def _downsampled(points: list[Point]) -> tuple[Point, ...]:
    while len(points) > MAX_POINTS:
        points = [*points[:-1:2], points[-1]]
    return tuple(points)
