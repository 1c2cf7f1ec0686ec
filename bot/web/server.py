"""HTTP server on aiohttp's low-level API, so that parser errors get our responses, too.

Error responses reveal nothing: one constant body per status, and no version in any header.
"""

import asyncio
import os
import resource
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack

import structlog
from aiohttp import web
from typing_extensions import override

from bot.errors import FtjobError
from bot.telemetry.logs import RateLimitedLog
from bot.telemetry.metrics import EVICTED_CONNECTIONS

Handler = Callable[[web.BaseRequest], Awaitable[web.Response]]

LINGER_SECONDS = 1.0
"""How long the rest of a rejected body is read, so that the response arrives before the connection closes."""

BACKLOG = 128
"""The listen backlog: connections that wait to be accepted."""

ACCEPT_PAUSE_SECONDS = 0.005
"""Pause between two accepted connections while the limit is reached, so that a flood costs little CPU."""

READ_BUFFER_BYTES = 16 * 1024
"""Bytes that are read ahead per connection; asyncio's default is 256 KiB."""

_ERRORS = {
    400: "bad_request",
    401: "unauthorized",
    404: "not_found",
    405: "method_not_allowed",
    408: "timeout",
    413: "too_large",
    415: "unsupported_media_type",
    422: "invalid",
    429: "too_many_requests",
    503: "busy",
}

log = structlog.get_logger()


def connection_limit(descriptors: int) -> int:
    """Return the limit of inbound connections for a limit of file descriptors.

    The rest is reserved for outgoing connections: Slack, provider APIs, the database.
    """
    return max(1, min(256, descriptors // 4))


def default_connection_limit() -> int:
    """Return the limit of inbound connections of this process."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return connection_limit(soft if soft != resource.RLIM_INFINITY else 1 << 20)


async def listen(host: str, port: int) -> list[socket.socket]:
    """Return a listening socket for each address of a host.

    Raises:
        OSError: the host is unknown.
        FtjobError: the port is in use, or needs privileges.
    """
    loop = asyncio.get_running_loop()
    found = await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    with ExitStack() as undo:
        listeners = []
        for family, *_, address in dict.fromkeys(found):
            try:
                listener = undo.enter_context(socket.create_server(address[:2], family=family, backlog=BACKLOG))
            except OSError as error:
                why = os.strerror(error.errno or 0).lower()
                raise FtjobError(f"Can't listen on {host}:{port}: {why}. Set PORT to another port.") from error
            listener.setblocking(False)  # noqa: FBT003 - its own signature
            listeners.append(listener)
        undo.pop_all()
        return listeners


def standardize(response: web.Response) -> web.Response:
    """Set the ``Server`` header, and the constant body of an error response without one."""
    response.headers["Server"] = "ftjob"
    if response.status >= 400 and not response.body:  # noqa: PLR2004
        response.body = f'{{"error":"{_ERRORS.get(response.status, "internal")}"}}'.encode()
        response.content_type = "application/json"
    return response


class Server(web.Server):
    """HTTP server that routes by path, or by its beginning where a route ends in a slash, with 404 elsewhere, and closes connections with a slow header.

    At the connection limit, a new connection evicts the least recently used one: a client that sends its request at once
    is served, however many others keep idle connections open.
    """

    def __init__(self, routes: Mapping[str, Handler], *, header_seconds: float, max_connections: int) -> None:
        super().__init__(self._respond)
        self._routes = routes
        self._header_seconds = header_seconds
        self._max_connections = max_connections
        self._lru: dict[web.RequestHandler, asyncio.Transport] = {}
        self._malformed_log = RateLimitedLog("web.request_rejected")
        self._evicted_log = RateLimitedLog("web.connection_evicted")
        self._accept_log = RateLimitedLog("web.accept_failed")

    @override
    def __call__(self) -> web.RequestHandler:
        """Return the protocol of a new connection."""
        return _Connection(
            self,
            self._malformed_log,
            loop=asyncio.get_running_loop(),
            # aiohttp measures it from the connection's start or the last response to the end of the next header.
            keepalive_timeout=self._header_seconds,
            lingering_time=LINGER_SECONDS,
            read_bufsize=READ_BUFFER_BYTES,
            auto_decompress=False,  # signatures cover the bytes as received
            access_log=None,
        )

    async def accept(self, listener: socket.socket) -> None:
        """Accept connections until it is cancelled; throttled at the connection limit."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(listener)
                await loop.connect_accepted_socket(self, connection)
            except OSError as error:  # the client is gone already, or no descriptor is left
                self._accept_log(error=type(error).__name__, number=error.errno)
                await asyncio.sleep(ACCEPT_PAUSE_SECONDS)
            if len(self._lru) >= self._max_connections:
                await asyncio.sleep(ACCEPT_PAUSE_SECONDS)

    @override
    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        """Register a new connection; evict the least recently used one beyond the limit."""
        super().connection_made(handler, transport)
        # The read size of a selector transport; other event loops have no such attribute.
        if hasattr(transport, "max_size"):
            transport.max_size = READ_BUFFER_BYTES
        self._lru[handler] = transport
        if len(self._lru) > self._max_connections:
            self._lru.pop(next(iter(self._lru))).abort()
            EVICTED_CONNECTIONS.inc()
            self._evicted_log(connections=self._max_connections)

    @override
    def connection_lost(self, handler: web.RequestHandler, exc: BaseException | None = None) -> None:
        """Unregister a connection."""
        self._lru.pop(handler, None)
        super().connection_lost(handler, exc)

    def _below(self, path: str) -> Handler | None:
        """Return the handler of a route that ends in a slash and that a path begins with."""
        routes = self._routes.items()
        return next((handler for route, handler in routes if route.endswith("/") and path.startswith(route)), None)

    async def _respond(self, request: web.BaseRequest) -> web.Response:
        if transport := self._lru.pop(request.protocol, None):
            self._lru[request.protocol] = transport
        handler = self._routes.get(request.path) or self._below(request.path)
        return standardize(await handler(request) if handler else web.Response(status=404))


class _Connection(web.RequestHandler):
    def __init__(self, server: Server, malformed_log: RateLimitedLog, **options: object) -> None:
        super().__init__(server, **options)  # type: ignore[arg-type]
        self._malformed_log = malformed_log

    @override
    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Respond to a parser error or a failed handler; aiohttp's own response and log would quote the request."""
        del message
        if status == 400:  # noqa: PLR2004
            self._malformed_log(error=type(exc).__name__)
        else:
            log.error("web.handler_failed", exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("part of another response is sent already")
        response = standardize(web.Response(status=status))
        response.force_close()
        return response
