"""HTTP transport for fine-tuning APIs: every request is sent here, and nothing else imports httpx.

httpx runs on aiohttp's transport, because httpx's own pool can lose a connection for each request that is canceled
while it waits (encode/httpcore#1093).
"""

import asyncio
import ssl
from collections.abc import Coroutine, Mapping
from dataclasses import replace
from functools import cache
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self

import aiohttp
import httpx
from httpx_aiohttp import HttpxAiohttpClient

from bot.errors import InvalidResponse, ProviderError, Unreachable
from bot.net.connection_errors import CONNECTION_FAILED, connection_problem, never_sent
from bot.net.proxies import Proxies
from bot.providers.account import Account
from bot.providers.auth import Auth
from bot.providers.http.shorten import Shortener
from bot.providers.http.wire import Request, Response, ResponseSize
from bot.telemetry import metrics

MAX_PAGE_BYTES = 8 * 2**20
"""Bytes: a hundred jobs with full metadata take 1.2 MB."""
MAX_JOB_BYTES = 64 * 2**20
"""Bytes of a response about one job, whose long texts are shortened while it arrives, so that the rest fits in a page.

Also of a list that comes at once: 75,000 of Together's jobs, or 6,800 with 30 events each.
"""
TOKEN_DEADLINE = 5.0
"""Seconds for a token, within the time of the request that needs it: a token that is still valid is used if there is no new one."""
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


class Transport:
    """Sends the requests of one account. Every method raises a ``ProviderError`` on failure."""

    def __init__(self, account: Account, base_url: str, auth: Auth, *, deadline: float, proxies: Proxies) -> None:
        self._account = account
        self._base_url = base_url
        self._auth = auth
        self._deadline = deadline
        self._proxies = proxies
        # Kept open between polls: a TLS handshake for each would be most of their cost.
        limits = httpx.Limits(max_connections=20, max_keepalive_connections=20, keepalive_expiry=120)
        self._http = self._opened(base_url, limits)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._http.aclose()

    async def send(self, request: Request) -> Response:
        """Send a request once and return its response, whatever its status.

        It is sent again only if it was not executed, because its token had ended.
        """
        return await self._in_time(self._exchange(request))

    async def download(self, url: str) -> Response:
        """Return what is at a signed URL of another server; the account's key is not sent to it."""
        try:
            scheme = httpx.URL(url).scheme
        except httpx.InvalidURL:
            scheme = ""
        if scheme not in ("https", httpx.URL(self._base_url).scheme):
            raise InvalidResponse("The metrics file's URL isn't secure.")
        return await self._in_time(self._fetch(url))

    async def post(self, url: str, headers: Mapping[str, str], body: bytes | str | Mapping[str, str]) -> Response:
        """Return the response of another server to a POST request; the account's key is not sent to it."""
        return await self._in_time(self._post(url, headers, body), min(TOKEN_DEADLINE, self._deadline))

    async def _post(self, url: str, headers: Mapping[str, str], body: bytes | str | Mapping[str, str]) -> Response:
        form, content = (body, None) if isinstance(body, Mapping) else (None, body)
        async with (
            self._opened(url, httpx.Limits(max_connections=1)) as http,
            http.stream("POST", url, headers=headers, data=form, content=content) as response,
        ):
            received, size = await _body_of(response, ResponseSize.PAGE)
            return Response(response.status_code, _headers_of(response), received, size)

    async def _in_time(self, exchange: Coroutine[Any, Any, Response], deadline: float | None = None) -> Response:
        """Return the response of an exchange; its connection errors become ``Unreachable``."""
        deadline = deadline or self._deadline
        try:
            async with asyncio.timeout(deadline):
                return await exchange
        except ProviderError:
            raise
        except TimeoutError as error:
            raise Unreachable(f"No response within {deadline:g} s.", may_have_executed=True) from error
        except (httpx.HTTPError, httpx.InvalidURL, aiohttp.ClientError, OSError) as error:
            trouble = connection_problem(error) or CONNECTION_FAILED
            todo = trouble.todo if trouble.is_permanent else ""
            raise Unreachable(trouble.message, may_have_executed=not never_sent(error), todo=todo) from error

    async def _exchange(self, request: Request) -> Response:
        account = self._account
        key = account.write_key if request.needs_write_key and account.write_key else account.key
        headers = await self._auth.headers(key, account, self.post)
        response = await self._exchange_with(headers, request)
        if response.status == HTTPStatus.UNAUTHORIZED and self._auth.renews_after(headers):
            headers = await self._auth.headers(key, account, self.post)
            response = await self._exchange_with(headers, request)
        token = headers.get("Authorization", "").removeprefix("Bearer ")
        body = response.body
        for secret in dict.fromkeys((token, key.get_secret_value())):  # one where the key is the token
            body = _without(secret, body)
        return replace(response, body=body)

    async def _exchange_with(self, headers: Mapping[str, str], request: Request) -> Response:
        async with self._http.stream(
            request.method,
            self._base_url + request.path,
            params=request.query,
            json=request.body,
            headers=headers,
        ) as response:
            body, size = await _body_of(response, request.size)
        metrics.PROVIDER_REQUESTS.labels(self._account.name, request.method, str(response.status_code)).inc()
        return Response(response.status_code, _headers_of(response), body, size)

    async def _fetch(self, url: str) -> Response:
        async with self._opened(url, httpx.Limits(max_connections=1)) as http, http.stream("GET", url) as response:
            body, size = await _body_of(response, ResponseSize.PAGE)
            return Response(response.status_code, _headers_of(response), body, size)

    def _opened(self, url: str, limits: httpx.Limits) -> HttpxAiohttpClient:
        return HttpxAiohttpClient(
            headers=_HEADERS,
            follow_redirects=False,
            timeout=httpx.Timeout(self._deadline),
            verify=ssl_context(),
            # Proxy variables are parsed in one place: httpx would parse them differently, or crash on some.
            trust_env=False,
            proxy=_proxy(self._proxies.url_for(url)),
            limits=limits,
        )


async def _body_of(response: httpx.Response, expected: ResponseSize) -> tuple[bytes, int]:
    """Return a body and its size in bytes; the body of a single item has its long texts shortened.

    Raises:
        InvalidResponse: the body is too large.
    """
    body, size, shortener = bytearray(), 0, Shortener()
    shortens = expected is ResponseSize.ITEM
    most = MAX_PAGE_BYTES if expected is ResponseSize.PAGE else MAX_JOB_BYTES
    kept = MAX_JOB_BYTES if expected is ResponseSize.WHOLE_LIST else MAX_PAGE_BYTES
    announced = response.headers.get("Content-Length", "")
    if not shortens and announced.isdecimal() and len(announced) < _MAX_DIGITS and int(announced) > most:
        raise _too_large(most)  # without reading it
    async for chunk in response.aiter_raw():
        size += len(chunk)
        body += shortener.feed(chunk) if shortens else chunk
        if size > most or len(body) > kept:
            raise _too_large(most if size > most else kept, bytes(body[:_BEGINNING]))
    return bytes(body), size


def _headers_of(response: httpx.Response) -> dict[str, str]:
    return {name.lower(): value for name, value in response.headers.items()}


def _too_large(most: int, beginning: bytes = b"") -> InvalidResponse:
    return InvalidResponse(f"The response was larger than {most >> 20} MB.", prefix=beginning)


def _without(secret: str, body: bytes) -> bytes:
    """Return ``body`` without a key or token: some gateways quote it in their errors, which users can see."""
    return body.replace(secret.encode(), b"...") if len(secret) >= _SHORTEST_SECRET else body


@cache
def ssl_context() -> ssl.SSLContext:
    """Return the TLS context of all accounts: loading the certificates takes 50 ms."""
    return httpx.create_ssl_context()


def _proxy(url: str | None) -> httpx.Proxy | None:
    """Return a proxy with its credentials in the URL: httpx-aiohttp passes ``auth`` on in a deprecated way."""
    if url is None:
        return None
    proxy = httpx.Proxy(url)
    proxy.url, proxy.auth = httpx.URL(url), None
    return proxy
