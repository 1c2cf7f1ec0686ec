"""Servers that no HTTP library would let one write: they answer with whatever bytes a test wants."""

import asyncio
from collections.abc import Awaitable, Callable
from types import TracebackType
from typing import Self

Responder = Callable[[asyncio.StreamWriter], Awaitable[None]]
"""Answers one request; the connection stays open afterwards unless it closes the writer."""


class RawServer:
    """Reads requests and lets ``talk`` answer them, byte by byte; counts both requests and connections."""

    def __init__(self, talk: Responder) -> None:
        self._respond = talk
        self._tasks: set[asyncio.Task[None]] = set()
        self._quiet = asyncio.Event()
        self.asked = asyncio.Event()
        """Set by the first request."""
        self.requests = 0
        self.connections = 0
        """How many were ever opened."""
        self.port = 0

    @property
    def base_url(self) -> str:
        """The address that a client is given."""
        return f"http://127.0.0.1:{self.port}/v1"

    @property
    def open_connections(self) -> int:
        """How many are open now."""
        return len(self._tasks)

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def until_disconnected(self, seconds: float = 300.0) -> None:
        """Wait until every connection is closed."""
        async with asyncio.timeout(seconds):
            while self._tasks:
                self._quiet.clear()
                await self._quiet.wait()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        task = asyncio.create_task(self._serve(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._end)

    def _end(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        self._quiet.set()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while not writer.is_closing():
                await reader.readuntil(b"\r\n\r\n")
                self.requests += 1
                self.asked.set()
                await self._respond(writer)
                await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass  # the client left
        finally:
            writer.close()


def responds(content: bytes, *, then_close: bool = False) -> Responder:
    """Return a talk that sends these bytes."""

    async def talk(writer: asyncio.StreamWriter) -> None:
        writer.write(content)
        if then_close:
            writer.close()

    return talk


def ok_response(body: bytes) -> bytes:
    """Return a right answer."""
    return response_head(f"Content-Length: {len(body)}") + body


def response_head(*headers: str) -> bytes:
    """Return the beginning of an answer that seems to be a good one."""
    return "\r\n".join(["HTTP/1.1 200 OK", "Content-Type: application/json", *headers, "", ""]).encode()


def drips(interval: float) -> Responder:
    """Return a talk whose body never ends, one byte each ``pace`` seconds."""

    async def talk(writer: asyncio.StreamWriter) -> None:
        writer.write(response_head("Content-Length: 1000000"))
        while True:
            writer.write(b" ")
            await writer.drain()
            await asyncio.sleep(interval)

    return talk


class EndlessBody:
    """A talk whose body is a gigabyte, sent as fast as it is taken."""

    def __init__(self, *headers: str, frame: Callable[[bytes], bytes] = bytes) -> None:
        self._head = response_head(*headers)
        self._chunk = frame(b" " * 2**16)
        self.sent = 0
        """Bytes that the client, or the sockets between, took."""

    async def __call__(self, writer: asyncio.StreamWriter) -> None:
        """Send until it is all there or the client leaves."""
        writer.write(self._head)
        while self.sent < 2**30:
            writer.write(self._chunk)
            await writer.drain()
            self.sent += len(self._chunk)
