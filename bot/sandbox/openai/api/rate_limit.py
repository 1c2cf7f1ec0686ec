"""Rate limit of an API key: requests per minute, in a sliding window."""

import math
from collections import deque
from collections.abc import Callable
from http import HTTPStatus

from bot.sandbox.openai.api.wire import ApiError

WINDOW_SECONDS = 60
"""Length of the window."""


class RateLimit:
    """Requests of one key in the last minute."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._recent: deque[float] = deque()

    def consume(self, per_minute: int) -> None:
        """Count one request.

        Raises:
            ApiError: the limit is reached; Retry-After says for how long.
        """
        now, recent = self._clock(), self._recent
        while recent and recent[0] <= now - WINDOW_SECONDS:
            recent.popleft()
        if len(recent) >= per_minute:
            wait = str(math.ceil(recent[0] + WINDOW_SECONDS - now) if recent else WINDOW_SECONDS)
            raise ApiError(
                HTTPStatus.TOO_MANY_REQUESTS,
                "Rate limit reached.",
                kind="requests",
                code="rate_limit_exceeded",
                headers={"Retry-After": wait},
            )
        recent.append(now)
