"""Load generator: sends signed slash commands as Slack does."""

import asyncio
import re
import time
from collections.abc import Mapping
from typing import Any, Self
from urllib.parse import urlencode, urlsplit

from bot.sandbox.slack import payloads
from bot.sandbox.slack.server import Slack
from tests.bench.inbox import Inbox

TIMEOUT = 10.0
"""Seconds that an answer may take."""
_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)", re.IGNORECASE)


class LoadGenerator:
    """Sends signed commands over HTTP and takes their answers, at a response URL for each."""

    def __init__(self, slack: Slack, inbox: Inbox) -> None:
        self._slack = slack
        self._inbox = inbox
        self._form = payloads.slash_command(slack.add_user("typist"), slack.add_channel("typing"), "/ftjob", "")
        self._typed = 0

    async def type(self, *, url: str, text: str, count: int, at_once: int) -> dict[str, Any]:
        """Type ``count`` commands, each only when one of the ``at_once`` before it was answered.

        Returns:
            The seconds that each acknowledgement took, the seconds until all was answered, and the last answer.
        """
        acks: list[float] = []
        answers: list[bytes] = []
        left = iter(range(count))

        async def keep_typing() -> None:
            line = await KeptConnection.to(url)
            try:
                for _ in left:
                    seconds, answer = await self._exchange(line, text)
                    acks.append(seconds)
                    answers.append(answer)
            finally:
                line.close()

        begun = time.perf_counter()
        await asyncio.gather(*(keep_typing() for _ in range(at_once)))
        took = time.perf_counter() - begun
        return {"acks": acks, "seconds": took, "answer": answers[-1].decode()}

    async def _exchange(self, line: "KeptConnection", text: str) -> tuple[float, bytes]:
        """Type one command; return the seconds to its acknowledgement, and its answer."""
        self._typed += 1
        number = str(self._typed)
        body = urlencode({**self._form, "text": text, "response_url": f"{self._inbox.origin}/answer/{number}"})
        signature = self._slack.payload_sender.signature(body)
        answered = self._inbox.expect(number)
        begun = time.perf_counter()
        await line.post(body, signature)
        seconds = time.perf_counter() - begun
        return seconds, await asyncio.wait_for(answered, TIMEOUT)


class KeptConnection:
    """One kept-alive HTTP connection, written by hand: the load generator must cost less than what it measures."""

    def __init__(self, url: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        parts = urlsplit(url)
        self._head = f"POST {parts.path} HTTP/1.1\r\nHost: {parts.netloc}\r\n"
        self._head += "Content-Type: application/x-www-form-urlencoded\r\n"
        self._reader, self._writer = reader, writer

    @classmethod
    async def to(cls, url: str) -> Self:
        """Open a connection."""
        parts = urlsplit(url)
        return cls(url, *await asyncio.open_connection(parts.hostname, parts.port))

    async def post(self, body: str, headers: Mapping[str, str]) -> None:
        """Post one form and read the whole answer to it.

        Raises:
            RuntimeError: the answer was not 200.
        """
        head = self._head + "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._writer.write(f"{head}Content-Length: {len(body)}\r\n\r\n{body}".encode("ascii"))
        answer = await self._reader.readuntil(b"\r\n\r\n")
        if not answer.startswith(b"HTTP/1.1 200 "):
            raise RuntimeError(f"a command was answered with {answer.splitlines()[0]!r}")
        if length := _LENGTH.search(answer):
            await self._reader.readexactly(int(length[1]))

    def close(self) -> None:
        """Close the connection."""
        self._writer.close()
