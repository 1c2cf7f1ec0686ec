"""Lists of jobs of one account: smaller pages where jobs are large, and our own sorting where the API does not sort."""

import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from functools import partial

import structlog

from bot.errors import InvalidResponse, RequestRejected
from bot.jobs.models import Snapshot
from bot.providers.dialect import Listing
from bot.providers.http.wire import Exchange, Page, created_at
from bot.providers.pages.sizes import PageSizes, first_readable
from bot.providers.requests import Requests
from bot.providers.responses import Responses
from bot.telemetry.redaction import without_secrets

log = structlog.get_logger()

UNSORTED_SECONDS = 3600.0
"""Seconds until a list that was not sorted is asked for in order again: the error may have been a passing one."""
MAX_UNSORTED_PAGES = 100
"""Pages of a list that are read at the most where the API does not sort it."""
PAGE = 100
"""Jobs of one page of such a list."""


class JobLists:
    """Reads pages of the lists; every method raises a ``ProviderError`` on failure."""

    def __init__(
        self,
        listings: Sequence[Listing],
        requests: Requests,
        responses: Responses,
        transport: Exchange,
        clock: Callable[[], float],
    ) -> None:
        self._requests = requests
        self._responses = responses
        self._transport = transport
        self._clock = clock
        self._sizes = {each.path: PageSizes() for each in listings}
        self._unsorted: dict[str, float] = {}
        """Paths of lists that the API does not sort, and until when that is assumed, by a monotonic clock."""

    async def page(self, listing: Listing, after: str | None, limit: int, metadata: Mapping[str, str] | None) -> Page:
        """Return a page of a list; the whole list, sorted, if the API refuses to sort it or ignores that."""
        if self._unsorted.get(listing.path, 0.0) > time.monotonic():
            return await self._whole(listing)
        try:
            page = await self._list(listing, after, limit, metadata)
        except RequestRejected:
            if listing.sort is None or after:
                raise
        else:
            if listing.sort is None or after or _is_newest_first(page):
                return page
        page = await self._whole(listing)
        self._unsorted[listing.path] = time.monotonic() + UNSORTED_SECONDS
        return page

    async def _whole(self, listing: Listing) -> Page:
        pages = [await self._list(listing, None, PAGE, None, is_sorted=False)]
        while (after := pages[-1].after) and len(pages) < MAX_UNSORTED_PAGES:
            pages.append(await self._list(listing, after, PAGE, None, is_sorted=False))
        if pages[-1].after:
            log.warning("listing.truncated", path=listing.path, pages=len(pages))
        return _joined(pages)

    async def _list(
        self,
        listing: Listing,
        after: str | None,
        limit: int,
        metadata: Mapping[str, str] | None,
        *,
        is_sorted: bool = True,
    ) -> Page:
        known_sizes = self._sizes[listing.path]
        sizes = list(known_sizes.to_try(after, limit, now=time.monotonic())) if listing.pages else [limit]
        request_for = partial(self._requests.list_jobs, listing, after=after, metadata=metadata, is_sorted=is_sorted)
        try:
            size, response = await first_readable(self._transport.send, lambda size: request_for(limit=size), sizes)
        except InvalidResponse as error:
            if error.prefix is None or listing.pages is None:
                raise
            known_sizes.remember(after, 1, now=time.monotonic())
            return self._without_first(error.prefix, after, listing)
        if size < sizes[0]:
            known_sizes.remember(after, size, now=time.monotonic())
        page = self._responses.jobs(response, listing, now=self._clock(), after=after)
        return _with_size(page, response.size) if len(page.raw) == 1 else page

    def _without_first(self, beginning: bytes, after: str | None, listing: Listing) -> Page:
        """Return an empty page in place of a job that is too large even alone; the next page follows it if its ID is known."""
        cursor = self._responses.cursor_in(beginning, listing)
        behind = cursor if cursor != after else None
        return Page((), 1, behind, raw=(None,), unreadable=(without_secrets(cursor),))


def _is_newest_first(page: Page) -> bool:
    times = [each.created_at for each in page.raw if each and each.created_at is not None]
    return times == sorted(times, reverse=True)


def _joined(pages: Sequence[Page]) -> Page:
    """Return pages as one, newest first."""
    return Page(
        tuple(sorted((each for page in pages for each in page.fetched), key=created_at, reverse=True)),
        sum(page.broken for page in pages),
        None,
        sum(page.foreign for page in pages),
        tuple(sorted((each for page in pages for each in page.raw), key=_listed_at, reverse=True)),
        tuple(each for page in pages for each in page.unreadable),
    )


def _listed_at(snapshot: Snapshot | None) -> float:
    return (snapshot.created_at if snapshot else None) or 0.0


def _with_size(page: Page, size: int) -> Page:
    """Return a page of one job with the size of its response."""
    return replace(page, fetched=tuple(replace(each, size=size) for each in page.fetched))
