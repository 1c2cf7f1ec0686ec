"""Slack's clock: its messages bear that time, and ours may be off."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Mapping
from contextlib import suppress
from email.utils import parsedate_to_datetime

from bot.store.db.engine import monotonic_time


class SlackClock:
    """The time of day for Slack, kept by the clock of the event loop, which nobody sets."""

    def __init__(self) -> None:
        self._offset: float | None = None
        """By how many seconds Slack's clock is ahead of the loop's; None until an answer said so."""

    def observe(self, headers: Mapping[str, object]) -> None:
        """Note what an answer of Slack's says the time is (RFC 9110 6.6.1)."""
        with suppress(ValueError, TypeError, OverflowError):
            self._offset = parsedate_to_datetime(str(headers.get("Date"))).timestamp() - monotonic_time()

    async def now(self, refresh: Callable[[], Awaitable[object]], *, seconds: float) -> float:
        """Return the time; ours where ``refresh``, which lets Slack answer, does not find it out within some seconds."""
        if self._offset is None:
            with suppress(Exception):  # whatever it is, it says itself
                async with asyncio.timeout(seconds):
                    await refresh()
        return time.time() if self._offset is None else monotonic_time() + self._offset
