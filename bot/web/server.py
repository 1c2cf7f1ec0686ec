"""aiohttp's server below its applications, so that also what its parser refuses is answered by us.

Strangers learn nothing from an answer: a refusal has one body for each status, and no header names a version.
"""

import asyncio
import os
import resource
import socket
from collections.abc import Awaitable, Callable, Mapping
from contextlib import ExitStack

import structlog
from aiohttp import web

from bot.errors import FtjobError
from bot.telemetry.metrics import EVICTED_CONNECTIONS
from bot.telemetry.sampled import RateLimitedLog

Handler = Callable[[web.BaseRequest], Awaitable[web.Response]]

LINGER_SECONDS = 1.0
"""How long the rest of a refused body is read, so that the answer arrives before the connection ends."""

BACKLOG = 128
"""How many connections the system lets wait until they are let in."""

ACCEPT_PAUSE_SECONDS = 0.005
"""Between two connections that are let in while all the room is taken: a crowd costs the bot little time."""

READ_BUFFER_BYTES = 16 * 1024
"""Bytes of a connection that are read ahead; asyncio alone takes 256 KiB, before anybody can say that it is enough."""

_ERRORS = {
    400: "bad_request",
    401: "unauthorized",
    404: "not_found",
    405: "method_not_allowed",
    408: "timeout",
    413: "too_large",
    415: "unsupported_media_type",
    503: "busy",
}

log = structlog.get_logger()


def connection_limit(descriptors: int) -> int:
    """Return how many connections strangers may hold at once in a process that may have so many descriptors.

    The rest of them is left to the bot's own: Slack, the APIs, the database.
    """
    return max(1, min(256, descriptors // 4))


def default_connection_limit() -> int:
    """Return how many connections strangers may hold at once in this process."""
    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return connection_limit(soft if soft != resource.RLIM_INFINITY else 1 << 20)


async def listen(host: str, port: int) -> list[socket.socket]:
    """Return a socket that listens for each address of a host.

    Raises:
        OSError: the host is unknown.
        FtjobError: the port is taken, or needs rights that we don't have.
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
                raise FtjobError(f"Can't listen on {host}:{port}: {why}. Choose another PORT.") from error
            listener.setblocking(False)  # noqa: FBT003 - its own signature
            listeners.append(listener)
        undo.pop_all()
        return listeners


def standardize(response: web.Response) -> web.Response:
    """Give a refusal without a body the constant one of its status, and every answer the same server's name."""
    response.headers["Server"] = "ftjob"
    if response.status >= 400 and not response.body:  # noqa: PLR2004
        response.body = f'{{"error":"{_ERRORS.get(response.status, "internal")}"}}'.encode()
        response.content_type = "application/json"
    return response


class Server(web.Server):
    """Answers by path, and 404 elsewhere; cuts connections that keep it waiting for the head of a request.

    Where all the room is taken, a new connection takes the place of the one that was silent for longest: whoever asks
    at once is answered, however many others hold their connections open.
    """

    def __init__(self, routes: Mapping[str, Handler], *, header_seconds: float, max_connections: int) -> None:
        super().__init__(self._answer)
        self._routes = routes
        self._header_seconds = header_seconds
        self._max_connections = max_connections
        self._lru: dict[web.RequestHandler, asyncio.Transport] = {}
        self._malformed_log = RateLimitedLog("web.unreadable")
        self._evicted_log = RateLimitedLog("web.crowded")
        self._accept_log = RateLimitedLog("web.not_accepted")

    def __call__(self) -> web.RequestHandler:
        """Return the protocol of a new connection."""
        return _Connection(
            self,
            self._malformed_log,
            loop=asyncio.get_running_loop(),
            # aiohttp measures it from the connection's start or the last answer to the end of the next head.
            keepalive_timeout=self._header_seconds,
            lingering_time=LINGER_SECONDS,
            read_bufsize=READ_BUFFER_BYTES,
            auto_decompress=False,  # the bytes that were signed are those that came
            access_log=None,
        )

    async def accept(self, listener: socket.socket) -> None:
        """Let in whoever comes, until it is cancelled; where all the room is taken, a few after the other."""
        loop = asyncio.get_running_loop()
        while True:
            try:
                connection, _ = await loop.sock_accept(listener)
                await loop.connect_accepted_socket(self, connection)
            except OSError as error:  # it hung up already, or the system has no descriptor left
                self._accept_log(error=type(error).__name__, number=error.errno)
                await asyncio.sleep(ACCEPT_PAUSE_SECONDS)
            if len(self._lru) >= self._max_connections:
                await asyncio.sleep(ACCEPT_PAUSE_SECONDS)

    def connection_made(self, handler: web.RequestHandler, transport: asyncio.Transport) -> None:
        """Take a new connection in, and cut another one where there is no room for both."""
        super().connection_made(handler, transport)
        # What a selector transport asks the kernel for at once; other loops have no such bound to set.
        if hasattr(transport, "max_size"):
            transport.max_size = READ_BUFFER_BYTES
        self._lru[handler] = transport
        if len(self._lru) > self._max_connections:
            self._lru.pop(next(iter(self._lru))).abort()
            EVICTED_CONNECTIONS.inc()
            self._evicted_log(connections=self._max_connections)

    def connection_lost(self, handler: web.RequestHandler, exc: BaseException | None = None) -> None:
        """Forget a connection."""
        self._lru.pop(handler, None)
        super().connection_lost(handler, exc)

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        if transport := self._lru.pop(request.protocol, None):
            self._lru[request.protocol] = transport
        handler = self._routes.get(request.path)
        return standardize(await handler(request) if handler else web.Response(status=404))


class _Connection(web.RequestHandler):
    def __init__(self, server: Server, malformed_log: RateLimitedLog, **options: object) -> None:
        super().__init__(server, **options)  # type: ignore[arg-type]
        self._malformed_log = malformed_log

    def handle_error(
        self, request: web.BaseRequest, status: int = 500, exc: BaseException | None = None, message: str | None = None
    ) -> web.StreamResponse:
        """Answer what the parser refused, or a handler broke at; aiohttp's own answer and log quote the request."""
        del message
        if status == 400:  # noqa: PLR2004
            self._malformed_log(error=type(exc).__name__)
        else:
            log.error("web.broke", exc_info=exc)
        if request.writer.output_size > 0:
            raise ConnectionError("half of another answer is sent already")
        answer = standardize(web.Response(status=status))
        answer.force_close()
        return answer
