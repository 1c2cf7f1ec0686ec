"""Faults: how a stand-in is told to misbehave, one request at a time."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Fault:
    """One misbehaviour, used up by one request.

    ``answer`` sends ``status``, ``headers`` and ``body`` instead of the true answer; ``hang`` keeps the connection
    open and says nothing for ``seconds``; ``drop`` closes the connection without an answer; ``late`` answers truly
    after ``seconds``; ``slow`` does the work itself only then.
    """

    kind: Literal["answer", "hang", "drop", "late", "slow"]
    accepted: bool = False
    """Whether the request is carried out all the same, before the misbehaviour (``late`` and ``slow`` always carry it out)."""
    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = ""
    """A string is sent as it is, anything else as JSON."""
    seconds: float = 3600.0


@dataclass
class FaultPlan:
    """Faults that wait for their requests, in order, by method or route, with or without an id behind it.

    "GET /fine_tuning/jobs/{id} ftjob-1" fits reads of that job alone; ``*`` fits every request.
    """

    _waiting: dict[str, deque[Fault]] = field(default_factory=dict)
    _standing: dict[str, Fault] = field(default_factory=dict)

    def add(self, what: str, *faults: Fault) -> None:
        """Let the next requests of ``what`` meet ``faults``, one each."""
        self._waiting.setdefault(what, deque()).extend(faults)

    def always(self, what: str, fault: Fault) -> None:
        """Let every request of ``what`` meet ``fault`` until ``clear``."""
        self._standing[what] = fault

    def is_queued(self, what: str) -> bool:
        """Return whether a fault still waits for a request of ``what``: once it does not, the request is under way."""
        return bool(self._waiting.get(what))

    def clear(self) -> None:
        """Forget every fault that waits or stands."""
        self._waiting.clear()
        self._standing.clear()

    def next_fault(self, what: str, about: str | None = None) -> Fault | None:
        """Return the fault that this request, maybe about one object, meets, or None."""
        for key in (f"{what} {about}", what, "*"):
            if queue := self._waiting.get(key):
                return queue.popleft()
            if key in self._standing:
                return self._standing[key]
        return None
