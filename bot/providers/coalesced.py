"""Request coalescing: concurrent identical reads share one request, and its result is cached for 2 seconds.

For display only. Whatever decides something (an action, a poll, a track) reads with the client itself.
"""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any, Generic, TypeVar

from bot.jobs.models import Checkpoint, Event, Model
from bot.providers.client import Client
from bot.providers.dialect import BY_ID, Listing
from bot.providers.http.wire import FetchedJob, Page, created_at
from bot.providers.pages.paging import merged, page_after, walk

TTL = 2.0
"""Seconds for which a result is cached."""
PAGE = 100
"""Jobs of a page where pages are read one after the other."""

T = TypeVar("T")


@dataclass(frozen=True)
class Read(Generic[T]):
    """The result of a read."""

    value: T
    at: float


@dataclass(eq=False)
class _Request:
    """One request in flight, and how many callers wait for it."""

    task: asyncio.Task[Any] = field(init=False)
    waiting: int = 0


class CoalescedReads:
    """Coalesced reads of one account.

    All callers that wait for a request get its ``ProviderError``; failures are not cached. A canceled caller leaves the
    request to the others, and the last one cancels it.
    """

    def __init__(self, client: Client, clock: Callable[[], float], monotonic: Callable[[], float]) -> None:
        """Take the client, the wall clock, and the monotonic clock for the age of results."""
        self.client = client
        self._clock = clock
        self._monotonic = monotonic
        self._under_way: dict[Hashable, _Request] = {}
        self._cached: dict[Hashable, tuple[float, Read[Any]]] = {}

    async def job(self, job_id: str, *, fresh: bool = False) -> Read[FetchedJob]:
        """Return one job; ``fresh`` ignores cached results, but joins a request in flight."""
        return await self._read(("job", job_id), lambda: self.client.retrieve(job_id), fresh=fresh)

    async def page(self, *, after: str | None, limit: int, metadata: Mapping[str, str]) -> Read[Page]:
        """Return one page of jobs of all kinds, newest first; ``after`` and the page's cursor are job IDs."""
        listings = self.client.listings
        if len(listings) == 1 and listings[0].pages == BY_ID:
            return await self._list(listings[0], after, limit, metadata)
        jobs = merged([walk(partial(self._fetch_page, each, metadata)) for each in listings], time=created_at)
        found, has_more = await page_after(jobs, after, limit, id_of=lambda fetched: fetched.snapshot.id)
        raw = tuple(fetched.snapshot for fetched in found)
        return Read(Page(tuple(found), 0, raw[-1].id if has_more else None, raw=raw), self._clock())

    async def _fetch_page(
        self, listing: Listing, metadata: Mapping[str, str], cursor: str | None
    ) -> tuple[tuple[FetchedJob, ...], str | None]:
        page = (await self._list(listing, cursor, PAGE, metadata)).value
        return page.fetched, page.after

    async def _list(self, listing: Listing, after: str | None, limit: int, metadata: Mapping[str, str]) -> Read[Page]:
        return await self._read(
            ("page", listing.path, after, limit, tuple(metadata.items())),
            lambda: self.client.list_jobs(listing, after=after, limit=limit, metadata=metadata),
        )

    async def events(self, job_id: str, *, limit: int, after: str | None) -> Read[list[Event]]:
        """Return events of a job, oldest first."""
        key = ("events", job_id, limit, after)
        return await self._read(key, lambda: self.client.events(job_id, limit=limit, after=after))

    async def checkpoints(self, job_id: str, *, limit: int, after: str | None) -> Read[list[Checkpoint]]:
        """Return checkpoints of a job, newest first."""
        key = ("checkpoints", job_id, limit, after)
        return await self._read(key, lambda: self.client.checkpoints(job_id, limit=limit, after=after))

    async def models(self) -> Read[list[Model]]:
        """Return every model that the account can use."""
        return await self._read("models", self.client.models)

    def invalidate(self) -> None:
        """Drop all results and leave requests in flight to their callers: an action changed the account."""
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
            # Retrieve the exception of a task whose last caller was just canceled, or asyncio logs it.
            request.task.add_done_callback(lambda task: task.cancelled() or task.exception())
        request.waiting += 1
        try:
            # Unlike awaiting the task, this does not cancel it together with the caller.
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
        """Remove a request, so that no further caller joins it."""
        if self._under_way.get(key) is request:
            del self._under_way[key]

    def _is_fresh(self, since: float) -> bool:
        return 0 <= self._monotonic() - since < TTL
