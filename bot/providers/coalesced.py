"""Reads that people share: the same question at the same moment costs one request, and its answer serves for 2 s.

For showing alone. What decides something (an order, a sweep, a track) reads with the client itself.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass, field
from typing import Any, Generic, TypeVar

from bot.jobs.models import Checkpoint, Event, Model
from bot.providers.client import Client
from bot.providers.wire import FetchedJob, Page

TTL = 2.0
"""Seconds for which an answer is shown again."""

T = TypeVar("T")


@dataclass(frozen=True)
class Read(Generic[T]):
    """An answer, and when it came."""

    value: T
    at: float


@dataclass(eq=False)
class _Request:
    """One request under way, and how many wait for it."""

    task: asyncio.Task[Any] = field(init=False)
    waiting: int = 0


class CoalescedReads:
    """Reads one account for whoever asks.

    A failure is told to all who wait for it, as the ``ProviderError`` that it is, and never remembered. Who stops to
    wait disturbs nobody; the request ends with the last one. It keeps the answers of the last 2 s that were used.
    """

    def __init__(self, client: Client, clock: Callable[[], float], monotonic: Callable[[], float]) -> None:
        """Take what reads, the time of day, and the clock by which answers grow old."""
        self.client = client
        self._clock = clock
        self._monotonic = monotonic
        self._under_way: dict[Hashable, _Request] = {}
        self._cached: dict[Hashable, tuple[float, Read[Any]]] = {}

    async def job(self, job_id: str, *, fresh: bool = False) -> Read[FetchedJob]:
        """Read one job; ``fresh`` takes no earlier answer, though it joins a request that is under way."""
        return await self._read(("job", job_id), lambda: self.client.retrieve(job_id), fresh=fresh)

    async def page(self, *, after: str | None, limit: int, metadata: Mapping[str, str]) -> Read[Page]:
        """Read one page of jobs, newest first."""
        return await self._read(
            ("page", after, limit, tuple(metadata.items())),
            lambda: self.client.list_jobs(after=after, limit=limit, metadata=metadata),
        )

    async def events(self, job_id: str, *, limit: int, after: str | None) -> Read[list[Event]]:
        """Read lines of a job's log, oldest first."""
        key = ("events", job_id, limit, after)
        return await self._read(key, lambda: self.client.events(job_id, limit=limit, after=after))

    async def checkpoints(self, job_id: str, *, limit: int, after: str | None) -> Read[list[Checkpoint]]:
        """Read checkpoints of a job, newest first."""
        key = ("checkpoints", job_id, limit, after)
        return await self._read(key, lambda: self.client.checkpoints(job_id, limit=limit, after=after))

    async def models(self) -> Read[list[Model]]:
        """Read every model that the account can use."""
        return await self._read("models", self.client.models)

    def invalidate(self) -> None:
        """Let nobody who asks from now on see what was read before: somebody gave an order."""
        self._cached.clear()
        self._under_way.clear()

    async def _read(self, key: Hashable, fetch: Callable[[], Awaitable[T]], *, fresh: bool = False) -> Read[T]:
        known = self._cached.get(key)
        if known and not fresh and self._is_fresh(known[0]):
            return known[1]
        request = self._under_way.get(key)
        if request is None:
            request = self._under_way[key] = _Request()
            request.task = asyncio.create_task(self._fetch(key, request, fetch))
            # A failure that came just as the last one stopped to wait is nobody's.
            request.task.add_done_callback(lambda task: task.cancelled() or task.exception())
        request.waiting += 1
        try:
            # Unlike an await of the task, this leaves it alone when the one who waits is cancelled.
            await asyncio.wait([request.task])
        finally:
            request.waiting -= 1
            if not request.waiting:
                self._close(key, request)
                request.task.cancel()
        read: Read[T] = request.task.result()
        return read

    async def _fetch(self, key: Hashable, request: _Request, fetch: Callable[[], Awaitable[T]]) -> Read[T]:
        try:
            read = Read(await fetch(), self._clock())
            if self._under_way.get(key) is request:
                self._cached = {each: known for each, known in self._cached.items() if self._is_fresh(known[0])}
                self._cached[key] = (self._monotonic(), read)
            return read
        finally:
            self._close(key, request)

    def _close(self, key: Hashable, request: _Request) -> None:
        """Let nobody join a request any more."""
        if self._under_way.get(key) is request:
            del self._under_way[key]

    def _is_fresh(self, since: float) -> bool:
        return 0 <= self._monotonic() - since < TTL
