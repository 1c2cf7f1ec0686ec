"""A log line that strangers can cause as often as they like."""

import time
from collections.abc import Callable
from typing import Any

import structlog


class RateLimitedLog:
    """Logs one event at most once a second, however often strangers cause it."""

    def __init__(self, event: str, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._event = event
        self._clock = clock
        self._log = structlog.get_logger()
        self._suppressed = 0
        self._next = 0.0

    def __call__(self, **fields: Any) -> None:
        """Log it, with the number of those that were left out since the last time, or leave it out."""
        now = self._clock()
        if now < self._next:
            self._suppressed += 1
            return
        self._log.info(self._event, left_out=self._suppressed, **fields)
        self._suppressed, self._next = 0, now + 1
