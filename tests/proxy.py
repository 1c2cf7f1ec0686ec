"""A real HTTP proxy on loopback for tests: it tunnels (CONNECT), forwards plain HTTP and WebSockets, and counts."""

import asyncio
import base64
import contextlib
import re
from collections import Counter
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any
from urllib.parse import urlsplit

CHUNK = 2**16


class ProxyServer:
    """Notes each request as "CONNECT host:port" or "POST http://host:port", and passes it on."""

    def __init__(self, *, password: str | None = None, refuses: int | None = None) -> None:
        """Take what it asks for: ``password`` is "user:password", ``refuses`` the status that everybody gets."""
        self.asked: Counter[str] = Counter()
        self.port = 0
        self._password = password
        self._refuses = refuses

    @property
    def url(self) -> str:
        """Its address, without a password."""
        return f"http://127.0.0.1:{self.port}"

    def asked_for(self, origin: str) -> int:
        """Return how many requests there were for "host:port", of any kind."""
        return sum(times for line, times in self.asked.items() if line.endswith((f" {origin}", f"//{origin}")))

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Take one connection."""
        try:
            with contextlib.suppress(OSError, asyncio.IncompleteReadError):
                await self._pass_on(reader, writer)
        finally:
            writer.close()

    async def _pass_on(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        method, target, _ = head.split(b"\r\n", 1)[0].decode().split()
        url = urlsplit(target if "//" in target else f"//{target}")
        self.asked[f"{method} {url.scheme and f'{url.scheme}://'}{url.netloc}"] += 1
        if status := self._refusal(head):
            writer.write(f"HTTP/1.1 {status} No\r\nContent-Type: text/html\r\nContent-Length: 4\r\n\r\n<no>".encode())
            await writer.drain()
            return
        there, to = await asyncio.open_connection(url.hostname, url.port or 80)
        if method == "CONNECT":
            writer.write(b"HTTP/1.1 200 Connection established\r\n\r\n")
            await relay(reader, to, there, writer)
        else:
            await _both(self._requests(head, reader, to), _raw(there, writer), to)

    def _refusal(self, head: bytes) -> int | None:
        if self._password:
            proof = f"Proxy-Authorization: Basic {base64.b64encode(self._password.encode()).decode()}"
            return None if proof.encode() in head else 407
        return self._refuses

    async def _requests(self, head: bytes, reader: asyncio.StreamReader, to: asyncio.StreamWriter) -> None:
        """Pass on the requests of a connection, each without the address before its path."""
        while True:
            to.write(re.sub(rb"^(\w+) \w+://[^/]+", rb"\1 ", head))
            length = re.search(rb"content-length: (\d+)", head, re.IGNORECASE)
            to.write(await reader.readexactly(int(length[1]) if length else 0))
            if b"upgrade: websocket" in head.lower():
                await _raw(reader, to)
                return
            head = await reader.readuntil(b"\r\n\r\n")
            method, target, _ = head.split(b"\r\n", 1)[0].decode().split()
            self.asked[f"{method} {'/'.join(target.split('/')[:3])}"] += 1


@asynccontextmanager
async def proxy_server(*, password: str | None = None, refuses: int | None = None) -> AsyncIterator[ProxyServer]:
    """Run a proxy until the block ends."""
    proxy = ProxyServer(password=password, refuses=refuses)
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()


async def relay(
    reader: asyncio.StreamReader, to: asyncio.StreamWriter, there: asyncio.StreamReader, writer: asyncio.StreamWriter
) -> None:
    """Pass bytes on in both directions until one side has no more."""
    await _both(_raw(reader, to), _raw(there, writer), to)


async def _raw(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(CHUNK):
        writer.write(data)
        await writer.drain()


async def _both(there: Coroutine[Any, Any, None], back: Coroutine[Any, Any, None], to: asyncio.StreamWriter) -> None:
    tasks = [asyncio.create_task(each) for each in (there, back)]
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        to.close()
