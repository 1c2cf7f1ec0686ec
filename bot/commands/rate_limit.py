"""Rate limits: how many commands are accepted in a time window. Pure: the clock is handed in.

What was admitted is remembered in this process alone: each process on one database has limits of its own, and a
restart forgets.
"""

import math
from collections.abc import Collection, Iterable, Iterator
from dataclasses import dataclass
from enum import Enum, StrEnum, auto

MAX_REMEMBERED = 1_000
"""People whose last notice of a limit is remembered, so that it is sent once; beyond it somebody may get it twice.

As many people who may not use the bot are remembered, and as many commands that do not count for the workspace's limit.
"""


class LimitKind(StrEnum):
    """What is limited. The values are labels of a metric."""

    PERSON = "person"
    WORKSPACE = "workspace"
    OTHERS = "others"
    ACTIONS = "actions"
    CONCURRENT = "concurrent"


@dataclass(frozen=True)
class Limit:
    """At most ``most`` in each window of so many seconds."""

    most: int
    seconds: float


@dataclass(frozen=True)
class Limits:
    """Every limit."""

    person: Limit = Limit(10, 10.0)
    workspace: Limit = Limit(120, 60.0)
    actions: Limit = Limit(5, 60.0)
    """Requests for a confirmation, per action; and as many confirmations, so that whoever was asked can confirm."""
    concurrent: Limit = Limit(100, 5.0)
    """In progress at once; the seconds are how long a limited requester is asked to wait."""
    denied: Limit = Limit(10, 60.0)
    """Commands of one person who may not use the bot, or was denied an operator's command within these seconds."""
    others: Limit = Limit(60, 60.0)
    """Commands of all such people together, and everyone's commands that need no permission: help and invalid ones."""

    def __post_init__(self) -> None:
        """Reject limits under which what is remembered would outgrow the workspace's own."""
        if self.person.seconds > self.workspace.seconds:
            raise ValueError("A person's window must not be longer than the workspace's.")

    @property
    def longest(self) -> float:
        """Seconds for which a command counts for some limit."""
        return max(self.workspace.seconds, self.denied.seconds, self.others.seconds)


LIMITS = Limits()


@dataclass(frozen=True)
class Allowed:
    """The command is within all limits."""


@dataclass(frozen=True)
class Limited:
    """The command is over a limit."""

    kind: LimitKind
    limit: Limit
    seconds: int
    """After which to try again, at least 1."""
    should_notify: bool
    """Whether the requester gets a notice: not while the wait of an earlier notice still runs."""


class RequestKind(Enum):
    """Whose limit a request counts for."""

    NO_PERMISSION = auto()
    """Help, or what is no command."""
    MEMBER = auto()
    OPERATOR = auto()
    """Commands for operators alone never wait for the workspace's limit."""
    CONFIRMATION = auto()
    """The answer to a confirmation that was asked of this person waits for nobody else."""


class _Bucket(Enum):
    WORKSPACE = auto()
    OPERATORS = auto()
    OTHERS = auto()
    """Commands that were denied."""
    HELP = auto()
    """What needs no permission: it shares the limit of the others, and puts nobody among them."""


_OUTSIDE_WORKSPACE = frozenset({_Bucket.OTHERS, _Bucket.HELP})
"""What ``Limits.others`` limits."""


class RateLimiter:
    """Admits command by command. It remembers no more than the workspace's limit and ``MAX_REMEMBERED`` of each kind.

    Who may not use the bot is known only after Slack was asked: ``record_denied`` then takes what they were admitted with
    off the workspace's limit, and for a while their commands do not count for it any more.
    """

    def __init__(self, limits: Limits = LIMITS) -> None:
        self._limits = limits
        self._admitted: list[tuple[float, str, _Bucket]] = []
        self._denied: dict[str, float] = {}
        self._actions: dict[str, list[float]] = {}
        self._notified: dict[str, float] = {}

    def admit(
        self, person: str, now: float, *, in_progress: int, kind: RequestKind = RequestKind.MEMBER
    ) -> Allowed | Limited:
        """Admit one command, before anything is done for it. One over a limit does not count."""
        limits = self._limits
        # A clock that was set back must not lock anybody out: what lies ahead of it is forgotten.
        self._admitted = [each for each in self._admitted if now - limits.longest < each[0] <= now]
        if seconds := _until_room((at for at, who, _ in self._admitted if who == person), limits.person, now):
            return self._limited(LimitKind.PERSON, limits.person, seconds, person, now)
        bucket = self._bucket(person, kind, now)
        if full := self._full(bucket, person, kind, now):
            return full
        if in_progress >= limits.concurrent.most and kind is not RequestKind.CONFIRMATION:
            return self._limited(LimitKind.CONCURRENT, limits.concurrent, limits.concurrent.seconds, person, now)
        self._admitted.append((now, person, bucket))
        self._bound_memory()
        return Allowed()

    def _bucket(self, person: str, kind: RequestKind, now: float) -> _Bucket:
        if self._is_denied(person, now):
            return _Bucket.OTHERS
        if kind is RequestKind.NO_PERMISSION:
            return _Bucket.HELP
        return _Bucket.WORKSPACE if kind is RequestKind.MEMBER else _Bucket.OPERATORS

    def _full(self, bucket: _Bucket, person: str, kind: RequestKind, now: float) -> Limited | None:
        """Return how long a bucket has no room, None where it has."""
        limits = self._limits
        if bucket is _Bucket.WORKSPACE:
            seconds = _until_room(self._times({bucket}), limits.workspace, now)
            return self._limited(LimitKind.WORKSPACE, limits.workspace, seconds, person, now) if seconds else None
        denied = list(self._times({_Bucket.OTHERS}, person)) if kind is not RequestKind.NO_PERMISSION else []
        if seconds := _until_room(denied, limits.denied, now):
            return self._limited(LimitKind.PERSON, limits.denied, seconds, person, now)
        others = self._times(_OUTSIDE_WORKSPACE) if denied or bucket in _OUTSIDE_WORKSPACE else ()
        seconds = _until_room(others, limits.others, now)
        return self._limited(LimitKind.OTHERS, limits.others, seconds, person, now) if seconds else None

    def _times(self, buckets: Collection[_Bucket], person: str | None = None) -> Iterator[float]:
        return (at for at, who, bucket in self._admitted if bucket in buckets and person in (None, who))

    def record_denied(self, person: str, now: float, *, permanent: bool) -> None:
        """Stop counting a denied command against the workspace's limit.

        Args:
            person: the id of the user.
            now: the present.
            permanent: whether all commands of this person are denied, now and later; else only the last one was.
        """
        stays = {_Bucket.OTHERS} if permanent else _OUTSIDE_WORKSPACE
        mine = [nth for nth, each in enumerate(self._admitted) if each[1] == person and each[2] not in stays]
        for nth in mine if permanent else mine[-1:]:
            self._admitted[nth] = (*self._admitted[nth][:2], _Bucket.OTHERS)
        if permanent:
            self._denied.pop(person, None)
            self._denied[person] = now + self._limits.longest
        self._bound_memory()

    def _is_denied(self, person: str, now: float) -> bool:
        until = self._denied.get(person, now)
        return now < until <= now + self._limits.longest

    def record_authorized(self, person: str) -> None:
        """Let somebody's commands count for the workspace's limit again: they may use the bot."""
        self._denied.pop(person, None)

    def _bound_memory(self) -> None:
        beside = [nth for nth, each in enumerate(self._admitted) if each[2] is not _Bucket.WORKSPACE]
        for nth in reversed(beside[: max(0, len(beside) - MAX_REMEMBERED)]):
            del self._admitted[nth]
        while len(self._denied) > MAX_REMEMBERED:
            del self._denied[next(iter(self._denied))]

    def admit_action(self, verb: str, now: float) -> Allowed | Limited:
        """Admit one action of somebody who may execute it. Each limited one gets a notice: no action goes without a reply.

        It is called only after it is known that they may, or else anybody could keep operators from cancelling.
        """
        limit = self._limits.actions
        admitted = [at for at in self._actions.get(verb, []) if now - limit.seconds < at <= now]
        if seconds := _until_room(admitted, limit, now):
            return Limited(LimitKind.ACTIONS, limit, math.ceil(seconds), should_notify=True)
        self._actions[verb] = [*admitted, now]
        return Allowed()

    def _limited(self, kind: LimitKind, limit: Limit, seconds: float, person: str, now: float) -> Limited:
        whole = math.ceil(seconds)
        should_notify = not now < self._notified.get(person, now) <= now + self._limits.longest + 1
        if should_notify:
            self._notified = {who: until for who, until in self._notified.items() if until > now and who != person}
            if len(self._notified) >= MAX_REMEMBERED:
                del self._notified[next(iter(self._notified))]
            self._notified[person] = now + whole
        return Limited(kind, limit, whole, should_notify)


def _until_room(times: Iterable[float], limit: Limit, now: float) -> float:
    """Return the seconds until one more fits, 0 where it does now; ``times`` are in order and none is later."""
    recent = [at for at in times if now - limit.seconds < at]
    return max(recent[-limit.most] + limit.seconds - now, 0.001) if len(recent) >= limit.most else 0.0
