"""Slack's patience: how many messages a channel takes in a while."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.sandbox.workspace import Refusal


@dataclass
class _Bucket:
    tokens: float
    at: float


@dataclass
class Limits:
    """A token bucket per channel: ``per_second`` in the long run, ``burst`` at once."""

    clock: Callable[[], float]
    burst: int = 3
    per_second: float = 1.0
    _buckets: dict[str, _Bucket] = field(default_factory=dict)

    def spend(self, channel: str) -> None:
        """Count one message.

        Raises:
            Refusal: ``ratelimited``, HTTP 429, with the seconds to wait.
        """
        now = self.clock()
        bucket = self._buckets.setdefault(channel, _Bucket(self.burst, now))
        bucket.tokens = min(self.burst, bucket.tokens + max(0.0, now - bucket.at) * self.per_second)
        bucket.at = now
        if bucket.tokens < 1:
            wait = max(1, math.ceil((1 - bucket.tokens) / self.per_second))
            raise Refusal("ratelimited", status=429, headers={"Retry-After": str(wait)})
        bucket.tokens -= 1

    def forget(self) -> None:
        """Count from the beginning."""
        self._buckets.clear()
