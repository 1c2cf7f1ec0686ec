"""What happens in a race, decided by its seed before it begins: pure."""

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from bot.commands.execute import UNCONFIRMED_TIMEOUT
from bot.providers.client import DEADLINE
from bot.store.actions.confirmations import LIFETIME
from tests.simulation.fault_schedule import InjectedFault

ASKED = 1.0
"""When the people ask; nothing goes wrong before ``ASKED + CALM``."""
FAULT_FREE = 2.0
POINTS = (
    "before_action",
    "after_action",
    "before_record",
    "after_record",
    "wire.before POST",
    "wire.after POST",
    "wire.after GET",
    "disk.before_commit",
    "disk.after_commit",
)
"""Where a process may die: all that an action passes."""


@dataclass(frozen=True)
class UserAction:
    """One action of a user."""

    at: float
    person: int
    process: int
    """Which process Slack hands it to."""
    kind: Literal["ask", "press", "press_other"]
    """``press_other``: they send the key of the other one's confirmation."""
    is_seen: bool = True
    """Whether Slack says who they are."""


@dataclass(frozen=True)
class Crash:
    """The death of a process, and how long until it is there again."""

    process: int
    point: str
    times: int
    """How often it passes the point, the last time included; at a ``moment``: the seconds since the calm ended."""
    pause: float


@dataclass(frozen=True)
class Plan:
    """A race."""

    seed: int
    processes: int
    """1: a bot on SQLite, which ends all leases when it begins; 2: they share a store and go by its leases."""
    is_tracked: bool
    user_actions: tuple[UserAction, ...]
    status: str
    """The job's, when the people ask."""
    updates: tuple[tuple[float, str], ...]
    """When the job comes to which status, if it is not over by then."""
    posts: tuple[InjectedFault, ...]
    """What actions meet, one after the other; later ones meet nothing."""
    read_fault_rate: float
    """How often a read fails, from 0 to 1."""
    faults_end: float
    """When reads work again."""
    crashes: tuple[Crash, ...]


def plan_of(seed: int) -> Plan:
    """Return the race of a seed."""
    rng = random.Random(f"race {seed}")  # noqa: S311 - a race is repeatable
    processes = rng.choice([1, 2])
    is_late = rng.random() < 0.05
    start = ASKED + (LIFETIME + rng.uniform(-1, 1) if is_late else FAULT_FREE + rng.uniform(0, 5))
    acts = sorted(_user_actions(rng, start, processes), key=lambda act: act.at)
    return Plan(
        seed=seed,
        processes=processes,
        is_tracked=rng.random() < 0.7,
        user_actions=tuple(acts),
        status=rng.choice(["running", "running", "queued", "validating_files", "paused"]),
        updates=tuple(sorted(_updates(rng, start))),
        posts=tuple(_action_fault(rng) for _ in range(2)) if rng.random() < 0.75 else (),
        read_fault_rate=rng.choice([0.0, 0.0, 0.2, 0.5, 0.9]),
        faults_end=start + rng.choice([2.0, 10.0, 40.0, 2 * UNCONFIRMED_TIMEOUT]),
        crashes=tuple(_crashes(rng, processes)),
    )


def _user_actions(rng: random.Random, start: float, processes: int) -> Iterator[UserAction]:
    for person in (0, 1):
        yield UserAction(ASKED + person / 10, person, rng.randrange(processes), "ask")
        first = start + rng.choice([0.0, rng.uniform(0, 0.01), rng.uniform(0, 1), rng.uniform(0, 20)])
        for _ in range(rng.choice([1, 1, 2, 3])):
            is_other, is_seen = rng.random() < 0.04, rng.random() < 0.97
            yield UserAction(first, person, rng.randrange(processes), "press_other" if is_other else "press", is_seen)
            first += rng.choice([0.0, rng.uniform(0, 0.3), rng.uniform(0, 3), rng.uniform(0, 30)])
        if rng.random() < 0.2:
            again = first + rng.choice([rng.uniform(0, 5), rng.uniform(UNCONFIRMED_TIMEOUT, 3 * UNCONFIRMED_TIMEOUT)])
            yield UserAction(again, person, rng.randrange(processes), "ask")
            yield UserAction(again + rng.uniform(0.5, 3), person, rng.randrange(processes), "press")


def _updates(rng: random.Random, start: float) -> Iterator[tuple[float, str]]:
    for odds in (0.35, 0.1):
        if rng.random() < odds:
            at = start + rng.choice([rng.uniform(-2, 1), rng.uniform(0, 0.5), rng.uniform(0, 90)])
            yield (
                max(ASKED + 1, at),
                rng.choice(["succeeded", "succeeded", "failed", "cancelled", "paused", "running"]),
            )


def _crashes(rng: random.Random, processes: int) -> Iterator[Crash]:
    for _ in range(rng.choice([0, 0, 1, 1, 1, 2])):
        process, pause = rng.randrange(processes), rng.choice([rng.uniform(0.5, 5), rng.uniform(5, 120)])
        if rng.random() < 0.15:
            yield Crash(process, "moment", rng.randint(0, 20), pause)
        else:
            point = rng.choice(POINTS)
            is_rare = point.endswith(("_action", "_record", "POST"))
            yield Crash(process, point, 1 if is_rare else rng.randint(1, 12), pause)


def _action_fault(rng: random.Random) -> InjectedFault:
    """Return what happens to an action: whether, and when, it is carried out has nothing to do with the answer."""
    soon, later = rng.uniform(0.01, 0.1), rng.choice([rng.uniform(0.3, 5), rng.uniform(DEADLINE, 120)])
    processed = rng.choice([soon, soon, None, later])
    match rng.choice(["refuse", "drop", "drop", "hang", "late", "5xx", "garbage", "another", "limited", "access"]):
        case "refuse":
            return InjectedFault("refused", None, "refuse")
        case "drop":
            return InjectedFault("dropped", processed, "drop", answered_after=0.15)
        case "hang":
            return InjectedFault("hangs", processed, "hang")
        case "late":
            return InjectedFault("late", soon, answered_after=rng.choice([rng.uniform(1, 14), rng.uniform(16, 60)]))
        case "5xx":
            status, body = (
                rng.choice([500, 502, 503, 504, 408]),
                rng.choice(["<html>", '{"error": {"message": "No."}}']),
            )
            return InjectedFault("5xx", processed, "fake", status=status, body=body)
        case "garbage":
            return InjectedFault(
                "garbage", processed, "fake", body=rng.choice(["<html>", '{"id": "ftj', "[1]", '{"ok": true}'])
            )
        case "another":
            body = '{"object": "fine_tuning.job", "id": "ftjob-another", "status": "cancelled"}'
            return InjectedFault("another", processed, "fake", body=body)
        case "limited":
            return InjectedFault(
                "limited", None, "fake", status=429, body='{"error": {}}', headers={"retry-after": "7"}
            )
        case _:
            body = '{"error": {"message": "You have insufficient permissions."}}'
            return InjectedFault("access", None, "fake", status=rng.choice([401, 403, 400, 404]), body=body)


def read_fault(rng: random.Random) -> InjectedFault:
    """Return the fault of a read of the job."""
    return rng.choice(
        [
            InjectedFault("refused", None, "refuse"),
            InjectedFault("dropped", None, "drop"),
            InjectedFault("hangs", None, "hang"),
            InjectedFault("error", None, "fake", status=500, body='{"error": {"message": "The server had an error."}}'),
            InjectedFault("limited", None, "fake", status=429, body='{"error": {}}', headers={"retry-after": "20"}),
            InjectedFault("garbage", None, "fake", body='{"object": "fine_tuning.job", "da'),
            InjectedFault("late", rng.uniform(0.01, 2), answered_after=rng.uniform(2, 14)),
            InjectedFault("lost"),
            InjectedFault("stale"),
        ]
    )
