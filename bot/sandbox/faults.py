"""Fault injection: make a stand-in misbehave, one request at a time."""

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal


@dataclass(frozen=True)
class Fault:
    """One misbehavior, used up by one request.

    ``answer`` sends ``status``, ``headers`` and ``body`` instead of the true response; ``hang`` keeps the connection
    open without a response for ``seconds``; ``drop`` closes the connection without a response; ``late`` sends the true
    response after ``seconds``; ``slow`` handles the request only after ``seconds``.
    """

    kind: Literal["answer", "hang", "drop", "late", "slow"]
    accepted: bool = False
    """Whether the request takes effect before the fault (with ``late`` and ``slow`` it always does)."""
    status: int = 500
    headers: Mapping[str, str] = field(default_factory=dict)
    body: Any = ""
    """The response body: strings are sent as they are, anything else as JSON."""
    seconds: float = 3600.0


@dataclass
class FaultPlan:
    """Queued faults by endpoint: a Web API method or a route, optionally followed by an object's id.

    "GET /fine_tuning/jobs/{id} ftjob-1" matches reads of that job only; ``*`` matches every request.
    """

    _queued: dict[str, deque[Fault]] = field(default_factory=dict)
    _permanent: dict[str, Fault] = field(default_factory=dict)

    def add(self, endpoint: str, *faults: Fault) -> None:
        """Queue ``faults`` for the next requests to ``endpoint``, one fault a request."""
        self._queued.setdefault(endpoint, deque()).extend(faults)

    def always(self, endpoint: str, fault: Fault) -> None:
        """Apply ``fault`` to every request to ``endpoint`` until ``clear``."""
        self._permanent[endpoint] = fault

    def is_queued(self, endpoint: str) -> bool:
        """Return whether a fault is still queued for ``endpoint``; if not, its request has arrived."""
        return bool(self._queued.get(endpoint))

    def clear(self) -> None:
        """Remove every queued and permanent fault."""
        self._queued.clear()
        self._permanent.clear()

    def next_fault(self, endpoint: str, object_id: str | None = None) -> Fault | None:
        """Return the fault for a request, which may name one object, or None."""
        for key in (f"{endpoint} {object_id}", endpoint, "*"):
            if queue := self._queued.get(key):
                return queue.popleft()
            if key in self._permanent:
                return self._permanent[key]
        return None
