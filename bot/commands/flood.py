"""How many commands are taken in a stretch of time. Pure: the clock is handed in.

What was admitted is remembered in this process alone: each process on one database has limits of its own, and a
restart forgets.
"""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

MOST_TOLD = 1_000
"""People whose refusal is remembered, so that it is said once; beyond it somebody may hear it twice."""


class Bound(StrEnum):
    """What can be too much."""

    PERSON = "person"
    WORKSPACE = "workspace"
    ORDERS = "orders"
    UNDER_WAY = "under_way"


@dataclass(frozen=True)
class Limit:
    """No stretch of so many seconds has more than ``most``."""

    most: int
    seconds: float


@dataclass(frozen=True)
class Limits:
    """Every limit."""

    person: Limit = Limit(10, 10.0)
    workspace: Limit = Limit(120, 60.0)
    orders: Limit = Limit(5, 60.0)
    """Questions before a cancel, and as many answers to them: who was asked may also answer."""
    under_way: Limit = Limit(100, 5.0)
    """At once; the seconds are how long a refused person is asked to wait."""

    def __post_init__(self) -> None:
        """Refuse limits under which what is remembered would outgrow the workspace's own."""
        if self.person.seconds > self.workspace.seconds:
            raise ValueError("A person's window must not be longer than the workspace's.")


LIMITS = Limits()


@dataclass(frozen=True)
class Admitted:
    """Go ahead."""


@dataclass(frozen=True)
class Wait:
    """Not now."""

    bound: Bound
    limit: Limit
    seconds: int
    """After which to try again, at least 1."""
    say: bool
    """Whether the person is to hear of it: not while an earlier wait that they heard of still runs."""


class Flood:
    """Decides command by command. It remembers no more than the workspace's limit and ``MOST_TOLD``."""

    def __init__(self, limits: Limits = LIMITS) -> None:
        self._limits = limits
        self._admitted: list[tuple[float, str]] = []
        self._orders: dict[str, list[float]] = {}
        self._told: dict[str, float] = {}

    def admit(self, person: str, now: float, *, under_way: int) -> Admitted | Wait:
        """Decide about one command of whatever kind, before anything is asked for it. A refused one does not count."""
        limits = self._limits
        # A clock that was set back must not lock anybody out: what lies ahead of it is forgotten.
        self._admitted = [(at, who) for at, who in self._admitted if now - limits.workspace.seconds < at <= now]
        mine = (at for at, who in self._admitted if who == person)
        if seconds := _until_room(mine, limits.person, now):
            return self._wait(Bound.PERSON, limits.person, seconds, person, now)
        if seconds := _until_room((at for at, _ in self._admitted), limits.workspace, now):
            return self._wait(Bound.WORKSPACE, limits.workspace, seconds, person, now)
        if under_way >= limits.under_way.most:
            return self._wait(Bound.UNDER_WAY, limits.under_way, limits.under_way.seconds, person, now)
        self._admitted.append((now, person))
        return Admitted()

    def admit_order(self, kind: str, now: float) -> Admitted | Wait:
        """Decide about one order of somebody who may give it. Each refusal is said: no order goes without an answer.

        It is asked only after it is known that they may, or else anybody could keep operators from cancelling.
        """
        limit = self._limits.orders
        given = [at for at in self._orders.get(kind, []) if now - limit.seconds < at <= now]
        if seconds := _until_room(given, limit, now):
            return Wait(Bound.ORDERS, limit, math.ceil(seconds), say=True)
        self._orders[kind] = [*given, now]
        return Admitted()

    def _wait(self, bound: Bound, limit: Limit, seconds: float, person: str, now: float) -> Wait:
        whole = math.ceil(seconds)
        say = not now < self._told.get(person, now) <= now + self._limits.workspace.seconds + 1
        if say:
            self._told = {who: until for who, until in self._told.items() if until > now and who != person}
            if len(self._told) >= MOST_TOLD:
                del self._told[next(iter(self._told))]
            self._told[person] = now + whole
        return Wait(bound, limit, whole, say)


def _until_room(times: Iterable[float], limit: Limit, now: float) -> float:
    """Return the seconds until one more fits, 0 where it does now; ``times`` are in order and none is later."""
    recent = [at for at in times if now - limit.seconds < at]
    return max(recent[-limit.most] + limit.seconds - now, 0.001) if len(recent) >= limit.most else 0.0
