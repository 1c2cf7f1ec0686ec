"""Slack's clock: the time base of its message timestamps. Ours may be off."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from email.utils import parsedate_to_datetime

from bot.runtime.clock import monotonic_time


class SlackClock:
    """Slack's time of day, kept as an offset to the monotonic clock."""

    def __init__(self) -> None:
        self._offset: float | None = None
        """Slack's time minus the monotonic clock, in seconds; None before the first response."""

    def observe(self, headers: Mapping[str, object]) -> None:
        """Set the clock from the ``Date`` header of a response (RFC 9110 6.6.1)."""
        with suppress(ValueError, TypeError, OverflowError):
            self._offset = parsedate_to_datetime(str(headers.get("Date"))).timestamp() - monotonic_time()

    async def now(self, refresh: Callable[[], Awaitable[object]], *, seconds: float) -> float:
        """Return the time, in seconds since the epoch.

        Args:
            refresh: called if the clock was never set; makes a request whose response sets it.
            seconds: timeout of ``refresh``; without a response our own clock counts.
        """
        if self._offset is None:
            with suppress(Exception):  # whoever makes the request reports its errors
                async with asyncio.timeout(seconds):
                    await refresh()
        return time.time() if self._offset is None else monotonic_time() + self._offset
