"""Request log: every request that reached a stand-in, in order, append-only."""

import asyncio
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

RECHECK_SECONDS = 0.25
"""Seconds after which a condition is checked again although no request arrived."""


@dataclass(frozen=True)
class LoggedRequest:
    """One request and its response."""

    at: float
    """Seconds since the epoch, by the stand-in's clock."""
    endpoint: str
    """The Web API method ("chat.postMessage") or the route ("GET /fine_tuning/jobs")."""
    request: dict[str, Any]
    """The arguments, the query or the body that was sent."""
    status: int
    """HTTP status of the response; 0 if the connection ended without one."""
    response: Any
    """Body of the response as it was sent, or None."""
    accepted: bool
    """Whether the request took effect, whatever response the caller got."""
    credential: str = ""
    """Name of the request's token or key, never its value."""


@dataclass
class RequestLog:
    """An append-only list of requests, with waiting for a condition."""

    clock: Callable[[], float] = time.time
    _requests: list[LoggedRequest] = field(default_factory=list)
    _changed: asyncio.Event = field(default_factory=asyncio.Event)

    def append(
        self,
        endpoint: str,
        request: dict[str, Any],
        *,
        status: int,
        response: Any = None,
        accepted: bool,
        credential: str = "",
    ) -> LoggedRequest:
        """Append one request, stamped with the clock, and wake all waiters."""
        entry = LoggedRequest(self.clock(), endpoint, request, status, response, accepted, credential)
        self._requests.append(entry)
        self.notify_waiters()
        return entry

    def notify_waiters(self) -> None:
        """Wake all waiters; call it when the stand-in's state changed."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def wait_for_change(self) -> None:
        """Wait until the stand-in's state changes."""
        await self._changed.wait()

    async def wait_until(self, condition: Callable[[], Any], *, seconds: float = 300.0, why: str = "") -> Any:
        """Wait until ``condition()`` is truthy and return its value; ``why`` names the condition in the error.

        Raises:
            TimeoutError: it did not become true in time; the message holds ``why`` and the latest requests.
        """
        deadline = asyncio.get_running_loop().time() + seconds
        while not (value := condition()):
            left = deadline - asyncio.get_running_loop().time()
            if left <= 0:
                recent = [f"{entry.endpoint} {entry.status}" for entry in self._requests[-12:]]
                raise TimeoutError(f"not within {seconds} s: {why or condition}; last requests: {recent}")
            # A condition may also become true without a request, as a counter that the bot raises.
            with suppress(TimeoutError):
                await asyncio.wait_for(self._changed.wait(), min(left, RECHECK_SECONDS))
        return value

    def for_endpoint(self, endpoint: str) -> list[LoggedRequest]:
        """Return the requests to one Web API method or route."""
        return [entry for entry in self._requests if entry.endpoint == endpoint]

    def after(self, count: int) -> list[LoggedRequest]:
        """Return all requests but the first ``count``."""
        return self._requests[max(0, count) :]

    def __iter__(self) -> Iterator[LoggedRequest]:
        return iter(tuple(self._requests))

    def __len__(self) -> int:
        return len(self._requests)
