"""Where answers to commands arrive: response URLs, served by hand so that taking an answer costs next to nothing.

It stands at the address that the measured processes believe to be Slack's; whatever else they ask there is handed on
to the stand-in Slack.
"""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
from typing_extensions import override

from bot.blocks.replies import STILL_CHECKING
from bot.sandbox.slack.server import Slack

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)
_HEADERS = re.compile(rb"\r\n(authorization|content-type): ([^\r]*)", re.IGNORECASE)
_STILL_CHECKING = STILL_CHECKING.rstrip("…").encode()
_OK = b"HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 2\r\n\r\nok"


class Inbox:
    """The answers that are waited for, by number."""

    def __init__(self, slack: Slack, latency: float) -> None:
        self.origin = ""
        """The address without a path, once it is served."""
        self._slack = slack
        self._latency = latency
        self._waiting: dict[str, asyncio.Future[bytes]] = {}

    @asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator[None]:
        """Take answers until the block ends."""
        server = await asyncio.get_running_loop().create_server(lambda: _Connection(self), "127.0.0.1", port)
        self.origin = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        try:
            yield
        finally:
            server.close()

    def expect(self, number: str) -> asyncio.Future[bytes]:
        """Return what will hold the answer that comes to the response URL with this number."""
        return self._waiting.setdefault(number, asyncio.get_running_loop().create_future())

    def take(self, number: str, answer: bytes) -> None:
        """Hand an answer to whoever waits for it; that it is still to come is none."""
        if _STILL_CHECKING not in answer:
            self._waiting.pop(number).set_result(answer)

    def later(self, transport: asyncio.Transport) -> None:
        """Say "ok" after the latency."""
        asyncio.get_running_loop().call_later(self._latency, transport.write, _OK)

    async def dispatch(self, method: str, path: str, head: bytes, body: bytes) -> bytes:
        """Let the stand-in Slack answer a request, and return its answer as it goes over the wire."""
        headers = {name.decode(): value.decode() for name, value in _HEADERS.findall(head)}
        async with (
            aiohttp.ClientSession() as session,
            session.request(method, self._slack.origin + path, headers=headers, data=body) as answer,
        ):
            content = await answer.read()
        line = f"HTTP/1.1 {answer.status} {answer.reason}\r\nContent-Type: {answer.headers['Content-Type']}\r\n"
        return f"{line}Content-Length: {len(content)}\r\n\r\n".encode() + content


class _Connection(asyncio.Protocol):
    """One kept connection: a request is read whole, then answered."""

    def __init__(self, inbox: Inbox) -> None:
        self._inbox = inbox
        self._read = b""
        self._tasks: set[asyncio.Task[None]] = set()

    @override
    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self._transport = transport

    @override
    def data_received(self, data: bytes) -> None:
        self._read += data
        head, found, body = self._read.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if not found or len(body) < int(length[1] if length else 0):
            return
        self._read = b""
        method, path, _ = head.decode("latin-1").split(" ", 2)
        if path.startswith("/answer/"):
            self._inbox.take(path.removeprefix("/answer/"), body)
            self._inbox.later(self._transport)
        else:
            task = asyncio.create_task(self._dispatch(method, path, head, body))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _dispatch(self, method: str, path: str, head: bytes, body: bytes) -> None:
        self._transport.write(await self._inbox.dispatch(method, path, head, body))
