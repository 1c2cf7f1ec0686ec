"""Client of one fine-tuning account: reads jobs and what belongs to them, and executes actions."""

import time
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import partial
from types import TracebackType
from typing import Any, Self, TypeVar

from bot.errors import MismatchedResponse, NotFound, NotSupported
from bot.jobs.actions import JobAction
from bot.jobs.models import Checkpoint, Event, File, Model
from bot.net.proxies import DIRECT, Proxies
from bot.providers.account import Account
from bot.providers.dialect import BY_ID, ItemList, Listing
from bot.providers.http.transport import Transport
from bot.providers.http.wire import (
    Exchange,
    FetchedJob,
    Page,
    Request,
    Response,
    ResponseSize,
    content_of,
    json_of,
)
from bot.providers.pages.job_lists import JobLists
from bot.providers.pages.paging import page_after, walk
from bot.providers.pages.sizes import first_readable, sizes_to_try
from bot.providers.registry import dialect_of
from bot.providers.requests import Requests
from bot.providers.responses import Responses, metric_rows, next_token
from bot.telemetry import metrics

T = TypeVar("T", Event, Checkpoint)

DEADLINE = 15.0
"""Timeout of a request in seconds, including its body."""
NEWEST = 100
"""Jobs to search for one with certain metadata, if the API does not filter by it."""


class Client:
    """Client of one account. Every method raises a ``ProviderError`` on failure."""

    def __init__(
        self,
        account: Account,
        *,
        clock: Callable[[], float] = time.time,
        deadline: float = DEADLINE,
        proxies: Proxies = DIRECT,
        local_api: Exchange | None = None,
    ) -> None:
        """Take the account; ``local_api`` answers for one whose trainers push their jobs."""
        self.account = account
        self.dialect = dialect_of(account)
        self._clock = clock
        self._requests = Requests(self.dialect, account)
        self._responses = Responses(self.dialect, account)
        self._transport: Exchange = local_api or Transport(
            account, self.dialect.base_url or "", self.dialect.auth, deadline=deadline, proxies=proxies
        )
        self._lists = JobLists(self.listings, self._requests, self._responses, self._transport, clock)

    async def __aenter__(self) -> Self:
        await self._transport.__aenter__()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._transport.__aexit__(kind, error, trace)

    @property
    def listings(self) -> tuple[Listing, ...]:
        """The lists of jobs, one for each kind."""
        return self.dialect.listings

    async def list_jobs(
        self,
        listing: Listing | None = None,
        *,
        after: str | None = None,
        limit: int = 100,
        metadata: Mapping[str, str] | None = None,
    ) -> Page:
        """Return one page of jobs, newest first; fewer than ``limit`` if a page of that many is too large.

        Args:
            listing: which list, the first one by default.
            after: cursor of the page, from the page before.
            limit: number of jobs.
            metadata: pairs that the jobs must have, if the API filters by them.
        """
        listing = listing or self.listings[0]
        try:
            page = await self._lists.page(listing, after, limit, metadata)
        except NotFound:
            if listing is self.listings[0]:
                raise
            page = Page((), 0, None)  # not every account has every kind of jobs
        metrics.INVALID_JOBS.labels(self.account.name).inc(page.broken)
        metrics.MISMATCHED_RESPONSES.labels(self.account.name).inc(page.foreign)
        return page

    async def retrieve(self, job_id: str) -> FetchedJob:
        """Return one job, which may be larger than a page."""
        return self._read_job(await self._send_for_one(self._requests.retrieve_job(job_id)), job_id)

    async def execute(self, action: JobAction, job_id: str) -> FetchedJob:
        """Send an action once; it is never retried.

        Raises:
            Unreachable: if ``maybe_done``, the action may have arrived; read the job to find out.
        """
        return self._read_job(await self._send_for_one(self._requests.job_action(action, job_id)), job_id)

    async def create(self, body: Mapping[str, Any]) -> FetchedJob:
        """Create a job; like every action, this is sent once and never retried."""
        return self._responses.created(await self._send_for_one(self._requests.create_job(body)), now=self._clock())

    async def check_write_access(self) -> None:
        """Read the newest job with the write key.

        Raises:
            ProviderError: why no action would work now.
        """
        request = self._requests.list_jobs(self.listings[0], limit=1)
        size = ResponseSize.ITEM if self.listings[0].pages else request.size
        response = await self._transport.send(replace(request, size=size, checks_write_access=True))
        self._responses.jobs(response, self.listings[0], now=self._clock())

    async def find(self, key: str, value: str) -> FetchedJob | None:
        """Return the newest job with a pair of metadata, or None; also works behind gateways that ignore the filter."""
        after, scanned = None, 0
        while scanned < NEWEST:
            page = await self.list_jobs(after=after, metadata={key: value})
            for each in page.fetched:
                if (each.job.metadata or {}).get(key) == value:
                    return each
            after, scanned = page.after, scanned + max(1, len(page.raw))
            if after is None:
                break
        return None

    async def files(self, *, purpose: str, limit: int) -> list[File]:
        """Return the newest files with a purpose, newest first."""
        request, listed = self._requests.list_files(purpose=purpose, limit=limit), self._requests.files
        return self._responses.files(await self._transport.send(request), listed, purpose=purpose, now=self._clock())

    async def events(self, job_id: str, *, limit: int = 20, after: str | None = None) -> list[Event]:
        """Return a job's newest events, or those before the event ``after``, oldest first."""
        request, listed = partial(self._requests.list_events, job_id), self._requests.events
        newest = await self._newest(request, listed, self._newest_events, limit, after)
        return newest[::-1]

    async def checkpoints(self, job_id: str, *, limit: int = 10, after: str | None = None) -> list[Checkpoint]:
        """Return a job's newest checkpoints, or those before the checkpoint ``after``, newest first."""
        request, listed = partial(self._requests.list_checkpoints, job_id), self._requests.checkpoints
        return await self._newest(request, listed, self._responses.checkpoints, limit, after)

    def has_metrics(self, job_id: str) -> bool:
        """Whether the provider has a job's metrics besides its events and its result file."""
        return bool(self.dialect.metrics or self.dialect.listing_of(job_id).metrics_file)

    async def metrics(self, job_id: str) -> list[dict[str, Any]]:
        """Return rows of a job's metrics, with ``step`` and the columns of ``jobs.results``.

        Raises:
            NotSupported: the provider has them in the job's events or result file, or not at all.
        """
        now = self._clock()
        if self.dialect.metrics:
            response = await self._transport.send(self._requests.list_metrics(job_id))
            return self._responses.metrics(response, self.dialect.metrics, now=now)
        file = self.dialect.listing_of(job_id).metrics_file
        if file is None:
            raise NotSupported(f"{self.dialect.name} has no metrics besides a job's events.")
        body = json_of(await self._send_for_one(self._requests.metrics_file(job_id, file)), now=now)
        url = file.url(body)
        if not isinstance(url, str):
            return []
        return metric_rows(content_of(await self._transport.download(url), now=now), file.row)

    async def models(self) -> list[Model]:
        """Return every model that the account can use."""
        request, listed = self._requests.list_models(), self._requests.models
        return self._responses.models(await self._transport.send(request), listed, now=self._clock())

    async def file_content(self, file_id: str) -> bytes:
        """Return the contents of a file."""
        response = await self._transport.send(self._requests.file_content(file_id))
        return content_of(response, now=self._clock())

    @property
    def actions(self) -> frozenset[JobAction]:
        """Actions that the provider supports."""
        return frozenset(self.dialect.actions)

    @property
    def hint(self) -> str | None:
        """What the provider requires before a new model can be called, safe mrkdwn."""
        return self.dialect.hint

    @property
    def name(self) -> str:
        """Name of the provider: "OpenAI"."""
        return self.dialect.name

    @property
    def page_label(self) -> str:
        """What a button that opens a job's page says: "Open in OpenAI"."""
        return self.dialect.page_label or f"Open in {self.dialect.name}"

    def job_page(self, job_id: str) -> str | None:
        """Return the URL of the job's page, if it has one."""
        return self._requests.job_page(job_id)

    def _newest_events(self, response: Response, listed: ItemList, *, now: float) -> list[Event]:
        return self._responses.events(response, listed, now=now)[::-1]

    async def _newest(
        self,
        request_for: Callable[..., Request],
        listed: ItemList,
        parse: Callable[..., list[T]],
        limit: int,
        after: str | None,
    ) -> list[T]:
        """Return up to ``limit`` items of a job's list, newest first, behind the one with the ID ``after``."""

        async def fetch(cursor: str | None) -> tuple[list[T], str | None]:
            sizes = sizes_to_try(limit) if listed.pages else [limit]
            _, response = await first_readable(
                self._transport.send, lambda size: request_for(limit=size, after=cursor), sizes
            )
            now = self._clock()
            token = listed.pages and listed.pages.next_token
            return parse(response, listed, now=now), next_token(response, token, now=now) if token else None

        if listed.pages == BY_ID:
            # Some providers ignore the limit.
            return (await fetch(after))[0][:limit]
        found, _ = await page_after(walk(fetch), after, limit, id_of=lambda each: each.id)
        return found

    def _read_job(self, response: Response, job_id: str) -> FetchedJob:
        try:
            return replace(self._responses.job(response, job_id, now=self._clock()), size=response.size)
        except MismatchedResponse:
            metrics.MISMATCHED_RESPONSES.labels(self.account.name).inc()
            raise

    async def _send_for_one(self, request: Request) -> Response:
        return await self._transport.send(replace(request, size=ResponseSize.ITEM))
