"""The ledger: every request that reached a stand-in, in order, never changed afterwards."""

import asyncio
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True)
class LoggedRequest:
    """One request as it passed."""

    at: float
    """Seconds since the epoch, by the stand-in's clock."""
    endpoint: str
    """The Web API method ("chat.postMessage") or the route ("GET /fine_tuning/jobs")."""
    request: dict[str, Any]
    """What was sent: arguments, query or body."""
    status: int
    """HTTP status of the answer; 0 where the connection ended without one."""
    response: Any
    """The answer's body as it was sent, or None."""
    accepted: bool
    """Whether the server did what was asked, whatever the caller was told."""
    credential: str = ""
    """The name of the token or key that came with the request, never its value."""


@dataclass
class RequestLog:
    """An append-only list of entries that can be awaited."""

    clock: Callable[[], float] = time.time
    _entries: list[LoggedRequest] = field(default_factory=list)
    _moved: asyncio.Event = field(default_factory=asyncio.Event)

    def append(
        self,
        what: str,
        request: dict[str, Any],
        *,
        status: int,
        response: Any = None,
        accepted: bool,
        credential: str = "",
    ) -> LoggedRequest:
        """Append one entry, stamped with the clock, and wake everybody who waits."""
        entry = LoggedRequest(self.clock(), what, request, status, response, accepted, credential)
        self._entries.append(entry)
        self.notify_waiters()
        return entry

    def notify_waiters(self) -> None:
        """Wake everybody who waits: the stand-in's state changed."""
        self._moved.set()
        self._moved = asyncio.Event()

    async def wait_for_change(self) -> None:
        """Wait until the stand-in's state changes."""
        await self._moved.wait()

    async def wait_until(self, condition: Callable[[], Any], *, seconds: float = 300.0, why: str = "") -> Any:
        """Wait until ``condition()`` is truthy and return its value.

        Raises:
            TimeoutError: it did not become true in time; the message holds ``why`` and the last entries.
        """
        deadline = asyncio.get_running_loop().time() + seconds
        while not (value := condition()):
            left = deadline - asyncio.get_running_loop().time()
            try:
                await asyncio.wait_for(self._moved.wait(), left)
            except TimeoutError:
                if value := condition():
                    return value
                recent = [f"{entry.endpoint} {entry.status}" for entry in self._entries[-12:]]
                raise TimeoutError(f"not within {seconds} s: {why or condition}; last requests: {recent}") from None
        return value

    def for_endpoint(self, what: str) -> list[LoggedRequest]:
        """Return the entries of one method or route."""
        return [entry for entry in self._entries if entry.endpoint == what]

    def after(self, count: int) -> list[LoggedRequest]:
        """Return all entries but the first ``count``."""
        return self._entries[max(0, count) :]

    def __iter__(self) -> Iterator[LoggedRequest]:
        return iter(tuple(self._entries))

    def __len__(self) -> int:
        return len(self._entries)
