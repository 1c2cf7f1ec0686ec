"""HTTP client for fine-tuning APIs: every request is sent here, and nothing else imports httpx.

httpx runs on aiohttp's transport, because httpx's own pool can lose a connection for each request that is canceled
while it waits (encode/httpcore#1093).
"""

import asyncio
import ssl
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from functools import cache, partial
from types import TracebackType
from typing import Any, Self

import aiohttp
import httpx
from httpx_aiohttp import HttpxAiohttpClient
from pydantic import SecretStr

from bot.errors import InvalidResponse, MismatchedResponse, ProviderError, Unreachable
from bot.jobs.actions import JobAction
from bot.jobs.models import Checkpoint, Event, File, Model
from bot.net.connection_errors import CONNECTION_FAILED, connection_problem, never_sent
from bot.net.proxies import DIRECT, Proxies
from bot.providers.account import Account
from bot.providers.registry import dialect_of
from bot.providers.shorten import Shortener
from bot.providers.sizes import PageSizes, sizes_to_try
from bot.providers.wire import FetchedJob, Page, Request, Response, content_of
from bot.telemetry import metrics
from bot.telemetry.redaction import without_secrets

DEADLINE = 15.0
"""Timeout of a request in seconds, including its body."""
MAX_PAGE_BYTES = 8 * 2**20
"""Bytes: a hundred jobs with full metadata take 1.2 MB."""
MAX_JOB_BYTES = 64 * 2**20
"""Bytes of a response about one job. Its long texts are shortened while it arrives, so that the rest fits in a page."""
NEWEST = 100
"""Jobs to search for one with certain metadata, if the API does not filter by it."""
_BEGINNING = 64 * 1024
"""Bytes kept of a response that was too large."""
_MAX_DIGITS = 20
"""Digits of a plausible Content-Length."""
_SHORTEST_SECRET = 8
"""Characters; a shorter key is a placeholder like "none", for servers without authentication."""

_HEADERS = {
    "Accept": "application/json",
    # A compressed body could grow a thousandfold before its size is checked.
    "Accept-Encoding": "identity",
    "User-Agent": "ftjob",
}


class Client:
    """Client of one account. Every method raises a ``ProviderError`` on failure."""

    def __init__(
        self,
        account: Account,
        *,
        clock: Callable[[], float] = time.time,
        deadline: float = DEADLINE,
        proxies: Proxies = DIRECT,
    ) -> None:
        self.account = account
        self.dialect = dialect_of(account)
        self._clock = clock
        self._deadline = deadline
        self._sizes = PageSizes()
        self._http = HttpxAiohttpClient(
            headers=_HEADERS,
            follow_redirects=False,
            timeout=httpx.Timeout(deadline),
            verify=_ssl_context(),
            # Proxy variables are parsed in one place: httpx would parse them differently, or crash on some.
            trust_env=False,
            proxy=_proxy(proxies.url_for(self.dialect.base_url)),
            # Kept open between polls: a TLS handshake for each would be most of their cost.
            limits=httpx.Limits(max_connections=20, max_keepalive_connections=20, keepalive_expiry=120),
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def list_jobs(
        self, *, after: str | None = None, limit: int = 100, metadata: Mapping[str, str] | None = None
    ) -> Page:
        """Return one page of jobs, newest first; fewer than ``limit`` if a page of that many is too large."""
        page = await self._list(after, limit, metadata)
        metrics.INVALID_JOBS.labels(self.account.name).inc(page.broken)
        metrics.MISMATCHED_RESPONSES.labels(self.account.name).inc(page.foreign)
        return page

    async def _list(self, after: str | None, limit: int, metadata: Mapping[str, str] | None) -> Page:
        sizes = list(self._sizes.to_try(after, limit, now=time.monotonic()))
        request_for = partial(self.dialect.list_jobs, after=after, metadata=metadata)
        try:
            size, response = await self._first_readable(lambda size: request_for(limit=size), sizes)
        except InvalidResponse as error:
            if error.prefix is None:
                raise
            self._sizes.remember(after, 1, now=time.monotonic())
            return self._without_first(error.prefix, after)
        if size < sizes[0]:
            self._sizes.remember(after, size, now=time.monotonic())
        page = self.dialect.read_jobs(response, now=self._clock(), after=after)
        return _with_size(page, response.size) if len(page.raw) == 1 else page

    def _without_first(self, beginning: bytes, after: str | None) -> Page:
        """Return an empty page in place of a job that is too large even alone; the next page follows it if its ID is known."""
        cursor = self.dialect.cursor_in(beginning)
        behind = cursor if cursor != after else None
        return Page((), 1, behind, raw=(None,), unreadable=(without_secrets(cursor),))

    async def _first_readable(
        self, request_for: Callable[[int], Request], sizes: Iterable[int]
    ) -> tuple[int, Response]:
        """Return the first of ``sizes`` whose response is not too large, and that response."""
        too_large = None
        for size in sizes:
            try:
                return size, await self._send(replace(request_for(size), is_single_item=size == 1))
            except InvalidResponse as error:
                if not error.is_too_large:
                    raise
                too_large = error
        raise too_large or ValueError("no size to ask for")

    async def retrieve(self, job_id: str) -> FetchedJob:
        """Return one job, which may be larger than a page."""
        return self._read_job(await self._send_for_one(self.dialect.retrieve_job(job_id)), job_id)

    async def execute(self, action: JobAction, job_id: str) -> FetchedJob:
        """Send an action once; it is never retried.

        Raises:
            Unreachable: if ``maybe_done``, the action may have arrived; read the job to find out.
        """
        return self._read_job(await self._send_for_one(self.dialect.job_action(action, job_id)), job_id)

    async def create(self, body: Mapping[str, Any]) -> FetchedJob:
        """Create a job; like every action, this is sent once and never retried."""
        return self.dialect.read_created(await self._send_for_one(self.dialect.create_job(body)), now=self._clock())

    async def check_write_access(self) -> None:
        """Read the newest job with the write key.

        Raises:
            ProviderError: why no action would work now.
        """
        request = replace(self.dialect.list_jobs(limit=1), is_single_item=True, checks_write_access=True)
        self.dialect.read_jobs(await self._send(request), now=self._clock())

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
        response = await self._send(self.dialect.list_files(purpose=purpose, limit=limit))
        return self.dialect.read_files(response, purpose=purpose, now=self._clock())

    async def events(self, job_id: str, *, limit: int = 20, after: str | None = None) -> list[Event]:
        """Return a job's newest events, or those before the event ``after``, oldest first."""
        request_for = partial(self.dialect.list_events, job_id, after=after)
        _, response = await self._first_readable(lambda size: request_for(limit=size), sizes_to_try(limit))
        # Some providers ignore the limit.
        return self.dialect.read_events(response, now=self._clock())[-limit:]

    async def checkpoints(self, job_id: str, *, limit: int = 10, after: str | None = None) -> list[Checkpoint]:
        """Return a job's newest checkpoints, or those before the checkpoint ``after``, newest first."""
        request_for = partial(self.dialect.list_checkpoints, job_id, after=after)
        _, response = await self._first_readable(lambda size: request_for(limit=size), sizes_to_try(limit))
        return self.dialect.read_checkpoints(response, now=self._clock())[:limit]

    async def models(self) -> list[Model]:
        """Return every model that the account can use."""
        return self.dialect.read_models(await self._send(self.dialect.list_models()), now=self._clock())

    async def file_content(self, file_id: str) -> bytes:
        """Return the contents of a file."""
        response = await self._send(self.dialect.file_content(file_id))
        return content_of(response, now=self._clock())

    @property
    def actions(self) -> frozenset[JobAction]:
        """Actions that the provider supports."""
        return self.dialect.actions

    def job_page(self, job_id: str) -> str:
        """Return the URL of the job's page."""
        return self.dialect.job_page(job_id)

    def _read_job(self, response: Response, job_id: str) -> FetchedJob:
        try:
            return replace(self.dialect.read_job(response, job_id, now=self._clock()), size=response.size)
        except MismatchedResponse:
            metrics.MISMATCHED_RESPONSES.labels(self.account.name).inc()
            raise

    async def _send_for_one(self, request: Request) -> Response:
        return await self._send(replace(request, is_single_item=True))

    async def _send(self, request: Request) -> Response:
        try:
            async with asyncio.timeout(self._deadline):
                response = await self._exchange(request)
        except ProviderError:
            raise
        except TimeoutError as error:
            raise Unreachable(f"No response within {self._deadline:g} s.", may_have_executed=True) from error
        except (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, OSError) as error:
            trouble = connection_problem(error) or CONNECTION_FAILED
            todo = trouble.todo if trouble.is_permanent else ""
            raise Unreachable(trouble.message, may_have_executed=not never_sent(error), todo=todo) from error
        metrics.PROVIDER_REQUESTS.labels(self.account.name, request.method, str(response.status)).inc()
        return response

    async def _exchange(self, request: Request) -> Response:
        key = self.account.write_key if request.needs_write_key and self.account.write_key else self.account.key
        async with self._http.stream(
            request.method,
            self.dialect.base_url + request.path,
            params=(*request.query, *self.dialect.query),
            json=request.body,
            headers=self.dialect.auth_headers(key),
        ) as response:
            body, size = await _body_of(response, is_single_item=request.is_single_item)
            headers = {name.lower(): value for name, value in response.headers.items()}
            return Response(response.status_code, headers, _without_key(body, key), size)


async def _body_of(response: httpx.Response, *, is_single_item: bool) -> tuple[bytes, int]:
    """Return a body and its size in bytes; the body of a single item has its long texts shortened.

    Raises:
        InvalidResponse: the body is too large.
    """
    body, size, shortener = bytearray(), 0, Shortener()
    most = MAX_JOB_BYTES if is_single_item else MAX_PAGE_BYTES
    announced = response.headers.get("Content-Length", "")
    if not is_single_item and announced.isdecimal() and len(announced) < _MAX_DIGITS and int(announced) > most:
        raise _too_large(most)  # without reading it
    async for chunk in response.aiter_raw():
        size += len(chunk)
        body += shortener.feed(chunk) if is_single_item else chunk
        if size > most or len(body) > MAX_PAGE_BYTES:
            raise _too_large(most if size > most else MAX_PAGE_BYTES, bytes(body[:_BEGINNING]))
    return bytes(body), size


def _too_large(most: int, beginning: bytes = b"") -> InvalidResponse:
    return InvalidResponse(f"The response was larger than {most >> 20} MB.", prefix=beginning)


def _with_size(page: Page, size: int) -> Page:
    """Return a page of one job with the size of its response."""
    return replace(page, fetched=tuple(replace(each, size=size) for each in page.fetched))


def _without_key(body: bytes, key: SecretStr) -> bytes:
    """Return ``body`` without the key: some gateways quote it in their errors, which users can see."""
    return body.replace(key.get_secret_value().encode(), b"...") if len(key) >= _SHORTEST_SECRET else body


@cache
def _ssl_context() -> ssl.SSLContext:
    """Return the TLS context of all accounts: loading the certificates takes 50 ms."""
    return httpx.create_ssl_context()


def _proxy(url: str | None) -> httpx.Proxy | None:
    """Return a proxy with its credentials in the URL: httpx-aiohttp passes ``auth`` on in a deprecated way."""
    if url is None:
        return None
    proxy = httpx.Proxy(url)
    proxy.url, proxy.auth = httpx.URL(url), None
    return proxy
