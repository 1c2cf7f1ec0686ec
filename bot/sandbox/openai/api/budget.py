"""How many requests a key has in a minute."""

import math
from collections import deque
from collections.abc import Callable
from http import HTTPStatus

from bot.sandbox.openai.api.wire import Refused

WINDOW = 60
"""Seconds."""


class Budget:
    """The requests of one key in the last minute."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._recent: deque[float] = deque()

    def spend(self, per_minute: int) -> None:
        """Take one request off it.

        Raises:
            Refused: nothing is left of it; says when there will be.
        """
        now, recent = self._clock(), self._recent
        while recent and recent[0] <= now - WINDOW:
            recent.popleft()
        if len(recent) >= per_minute:
            wait = str(math.ceil(recent[0] + WINDOW - now) if recent else WINDOW)
            raise Refused(
                HTTPStatus.TOO_MANY_REQUESTS,
                "Rate limit reached.",
                kind="requests",
                code="rate_limit_exceeded",
                headers={"Retry-After": wait},
            )
        recent.append(now)
