"""A TCP proxy before PostgreSQL that can switch servers and drop the server's answer to a commit."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from urllib.parse import urlsplit

_COMMIT = b"COMMIT;"


class PostgresProxy:
    """A proxy in front of one server."""

    def __init__(self, url: str) -> None:
        self._target = urlsplit(url)
        self._open: list[asyncio.StreamWriter] = []
        self._drops_next = False

    @asynccontextmanager
    async def serving(self) -> AsyncIterator[str]:
        """Yield the URL of the proxy."""
        server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        port = server.sockets[0].getsockname()[1]
        try:
            yield self._target._replace(netloc=f"{self._target.username}@127.0.0.1:{port}").geturl()
        finally:
            self.redirect(self._target.geturl())
            server.close()

    def redirect(self, url: str) -> None:
        """Close every connection, and connect new ones to another server."""
        self._target = urlsplit(url)
        for writer in self._open:
            writer.close()
        self._open.clear()

    def drop_next_answer(self) -> None:
        """Forward the next commit, then close the connection instead of returning its answer."""
        self._drops_next = True

    async def _relay(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        there, back = await asyncio.open_connection(self._target.hostname, self._target.port)
        self._open += [writer, back]
        loses = asyncio.Event()
        await asyncio.gather(self._forward_requests(reader, back, loses), _forward_answers(there, writer, loses))

    async def _forward_requests(
        self, source: asyncio.StreamReader, target: asyncio.StreamWriter, loses: asyncio.Event
    ) -> None:
        with suppress(OSError):
            while data := await source.read(65536):
                if self._drops_next and _COMMIT in data:
                    self._drops_next = False
                    loses.set()
                target.write(data)
        target.close()


async def _forward_answers(source: asyncio.StreamReader, target: asyncio.StreamWriter, loses: asyncio.Event) -> None:
    with suppress(OSError):
        while (data := await source.read(65536)) and not loses.is_set():
            target.write(data)
    target.close()
