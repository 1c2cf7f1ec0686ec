"""Clocks: functions that return the time in seconds, handed in so that tests can set it."""

import asyncio
from collections.abc import Callable

Clock = Callable[[], float]
"""Seconds: since the epoch, or of a monotonic clock."""


def monotonic_time() -> float:
    """Return the running loop's monotonic time, for ages in memory: the wall clock may be set."""
    return asyncio.get_running_loop().time()
