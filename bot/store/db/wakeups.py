"""Wake-ups: a commit that gives a queue work sets the events on which that queue's workers wait.

Only commits of this process are seen. What another process committed before it died is found after the next poll,
which wakes every queue, and when the next row is due.
"""

import asyncio
from collections.abc import Iterable
from enum import StrEnum


class Queue(StrEnum):
    """Rows of the database that workers of every process take in turn."""

    DELIVERIES = "deliveries"
    CARDS = "cards"
    """Cards whose message shows less than is known."""


class Wakeups:
    """The events of this process's workers."""

    def __init__(self) -> None:
        self._events: dict[Queue, list[asyncio.Event]] = {queue: [] for queue in Queue}

    def subscribe(self, queue: Queue) -> asyncio.Event:
        """Return an event of its own for one worker; the worker clears it before it checks the queue."""
        event = asyncio.Event()
        self._events[queue].append(event)
        return event

    def wake(self, queues: Iterable[Queue]) -> None:
        """Wake the workers of queues, always in the same order, so that a simulation can be repeated."""
        for queue in sorted(queues):
            for event in self._events[queue]:
                event.set()
