"""What happens in a simulated world, decided by its seed before it begins: pure.

Every third world goes *beyond* what delivery promises to master: Slack takes a request later than it is waited for, or
lookups fail for longer than a delivery stays unconfirmed. There doubles may happen, and have to be counted; in the
*covered* worlds there are none.
"""

import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

State = tuple[str, str | None]
"""A job's status and the name of its model."""

MINUTE = 60.0
FIRST_STEP = 45.0
"""Seconds until anything happens to a job: the bot has been set up by then."""
COVERED_LOOKUP_OUTAGE = 55.0
"""Seconds: with look-ups that fail by chance around it, less than the time-outs of delivery."""
LATE_PROCESSING = 14.0
"""Seconds after its answer was given up within which Slack carries out a request in a covered world."""


@dataclass(frozen=True)
class Recipient:
    """A channel, or a person who is told in direct messages."""

    name: str
    kind: Literal["public", "private", "person"]
    is_subscribed: bool


@dataclass(frozen=True)
class JobUpdate:
    """A new state of a job."""

    at: float
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class JobPlan:
    """A job: when it appears, what becomes of it, and who follows it from the beginning."""

    id: str
    appears: float
    updates: tuple[JobUpdate, ...]
    followers: tuple[str, ...]

    @property
    def end(self) -> State:
        """The state in which it stays."""
        status, model = "queued", None
        for moment in self.updates:
            status = moment.fields.get("status", status)
            model = moment.fields.get("fine_tuned_model", model)
        return status, model


@dataclass(frozen=True)
class Window:
    """Something that is so for a while."""

    kind: Literal["slack_down", "token_revoked", "channel_closed", "blind", "api_down"]
    start: float
    end: float
    recipient: str = ""

    def holds(self, at: float) -> bool:
        """Whether it is so at a moment."""
        return self.start <= at < self.end


@dataclass(frozen=True)
class ProcessEnd:
    """How one incarnation of the bot ends, and how long until the next one begins."""

    kind: Literal["moment", "point", "stop", "stop_midway"]
    after: float
    """Seconds of its life; at a ``point``: the number of points that it passes alive; ``midway``: of posts."""
    pause: float


@dataclass(frozen=True)
class FaultRates:
    """How often something goes wrong, from 0 to 1."""

    post: float
    lookup: float
    api: float


@dataclass(frozen=True)
class Plan:
    """A world."""

    seed: int
    is_covered: bool
    has_history: bool
    recipients: tuple[Recipient, ...]
    jobs: tuple[JobPlan, ...]
    extra_jobs: int
    """Jobs that nobody follows, newer than the others: they push them off the first page."""
    interval: float
    fault_rates: FaultRates
    windows: tuple[Window, ...]
    ends: tuple[ProcessEnd, ...]
    faults_end: float
    """When the faults end."""
    late_processing: float
    """Seconds after its answer was given up within which Slack may still carry out a request."""


def plan_of(seed: int, *, has_lookup: bool = True) -> Plan:
    """Return the world of a seed; without look-up the bot lacks the scopes to read what stands in channels."""
    rng = random.Random(f"plan {seed}")  # noqa: S311 - a simulation is repeatable
    is_covered = seed % 3 != 2
    has_history = is_covered or rng.random() < 0.7
    places = tuple(_recipients(rng))
    jobs = tuple(_jobs(rng, places))
    last = max(moment.at for job in jobs for moment in job.updates)
    storm = last + rng.uniform(1, 4) * MINUTE
    windows = tuple(_windows(rng, places, storm, is_covered=is_covered))
    storm = max([storm, *(window.end for window in windows)])
    return Plan(
        seed=seed,
        is_covered=is_covered,
        has_history=has_history and has_lookup,
        recipients=places,
        jobs=jobs,
        extra_jobs=100 if rng.random() < 0.1 else 0,
        interval=max(rng.choice([15.0, 30.0, 30.0, 60.0]), storm / 60),
        fault_rates=FaultRates(rng.uniform(0.2, 0.6), rng.uniform(0.0, 0.25), rng.uniform(0.0, 0.3)),
        windows=windows,
        ends=tuple(_ends(rng, storm)),
        faults_end=storm,
        late_processing=LATE_PROCESSING if is_covered else rng.choice([LATE_PROCESSING, 40.0, 120.0]),
    )


def _recipients(rng: random.Random) -> Iterator[Recipient]:
    for number in range(rng.randint(1, 4)):
        kind: Literal["public", "private"] = "private" if rng.random() < 0.4 else "public"
        yield Recipient(f"c{number}", kind, is_subscribed=rng.random() < 0.4)
    if rng.random() < 0.3:
        yield Recipient("milo", "person", is_subscribed=False)


def _jobs(rng: random.Random, places: tuple[Recipient, ...]) -> Iterator[JobPlan]:
    names = (f"ftjob-s{number:03d}" for number in range(1000))
    length = rng.uniform(6, 25) * MINUTE
    for _ in range(rng.randint(3, 8)):
        yield JobPlan(next(names), 0.0, tuple(_updates(rng, FIRST_STEP, length)), _followers(rng, places))
    subscribed = sum(place.is_subscribed for place in places)
    if subscribed:
        for _ in range(rng.randint(1, 4)):
            appears = rng.uniform(FIRST_STEP, length / 2)
            yield JobPlan(next(names), appears, tuple(_updates(rng, appears + 1, length)), ())
    if rng.random() < 0.3 and subscribed <= 1:
        burst = rng.uniform(FIRST_STEP, length)
        followers = () if subscribed else (rng.choice(places).name,)
        for _ in range(rng.choice([20, 25, 30, 60])):
            name = next(names)
            yield JobPlan(name, 0.0, (JobUpdate(burst, _final_update(rng, name)),), followers)


def _followers(rng: random.Random, places: tuple[Recipient, ...]) -> tuple[str, ...]:
    return tuple(place.name for place in rng.sample(places, rng.randint(1, min(3, len(places)))))


def _updates(rng: random.Random, start: float, length: float) -> Iterator[JobUpdate]:
    """Yield a life of a job with several states; some of them shorter than the time between two polls."""
    at = start + rng.uniform(0, length / 4)
    for status in rng.choice(
        [["running"], ["validating_files", "running"], ["running", "paused", "queued", "running"]]
    ):
        yield JobUpdate(at, {"status": status})
        at += rng.choice([rng.uniform(1, 20), rng.uniform(60, length / 3)])
    name = f"{rng.getrandbits(40):010x}"
    ending = _final_update(rng, name)
    if ending["status"] == "succeeded" and rng.random() < 0.5:
        yield JobUpdate(at, {"status": "succeeded"})
        yield JobUpdate(at + rng.uniform(5, 300), {"fine_tuned_model": ending["fine_tuned_model"]})
    else:
        yield JobUpdate(at, ending)


def _final_update(rng: random.Random, name: str) -> dict[str, Any]:
    match rng.choices(["succeeded", "failed", "silent", "cancelled"], [6, 2, 1, 1])[0]:
        case "succeeded":
            return {"status": "succeeded", "fine_tuned_model": f"ft:gpt-4o-mini:acme::{name}"}
        case "failed":
            return {
                "status": "failed",
                "error": {"code": "invalid_file", "message": "Line 3 is not JSON.", "param": None},
            }
        case "silent":
            return {"status": "failed"}
        case _:
            return {"status": "cancelled"}


def _windows(rng: random.Random, places: tuple[Recipient, ...], storm: float, *, is_covered: bool) -> Iterator[Window]:
    """Yield what is so for a while, one after the other, with time to recover between."""
    at = rng.uniform(FIRST_STEP, storm / 2)
    kinds: list[Literal["slack_down", "token_revoked", "channel_closed", "blind", "api_down"]]
    kinds = ["slack_down", "token_revoked", "channel_closed", "blind", "api_down"]
    for kind in rng.sample(kinds, rng.randint(0, 3)):
        place = rng.choice(places)
        closes_a_private_one = kind == "channel_closed" and place.kind == "private"
        if kind == "channel_closed" and place.kind == "person":
            continue
        blinds = kind in ("slack_down", "token_revoked", "blind") or closes_a_private_one
        if is_covered and blinds:
            length = rng.uniform(10, COVERED_LOOKUP_OUTAGE)
        elif kind in ("slack_down", "api_down") and rng.random() < 0.3:
            length = rng.uniform(60, 180) * MINUTE
        else:
            length = rng.uniform(1, 15) * MINUTE
        yield Window(kind, at, at + length, place.name)
        at += length + rng.uniform(2, 6) * MINUTE


def _ends(rng: random.Random, storm: float) -> Iterator[ProcessEnd]:
    left = storm
    for _ in range(rng.randint(1, 5)):
        pause = rng.choice([rng.uniform(0.5, 5), rng.uniform(5, 60), rng.uniform(60, 240)])
        match rng.choices(["moment", "point", "stop", "midway"], [6, 10, 2, 2])[0]:
            case "point":
                yield ProcessEnd("point", rng.randint(10, 400), pause)
            case "midway":
                yield ProcessEnd("stop_midway", rng.randint(1, 20), pause)
            case "stop":
                yield ProcessEnd("stop", rng.uniform(FIRST_STEP, max(60.0, left / 2)), pause)
            case _:
                yield ProcessEnd("moment", rng.uniform(FIRST_STEP, max(60.0, left / 2)), pause)
