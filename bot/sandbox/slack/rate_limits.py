"""Rate limits of Slack: messages per channel, and calls per Web API method."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from bot.sandbox.slack.workspace import WebApiError

_TIERS = {
    20: "conversations.list usergroups.users.list",
    50: "chat.delete chat.update conversations.history conversations.info conversations.open conversations.replies",
    100: "chat.postEphemeral conversations.members files.getUploadURLExternal users.info views.open views.publish "
    "views.push views.update",
}
PER_MINUTE = {method: most for most, methods in _TIERS.items() for method in methods.split()}
"""Calls per minute of each method, according to its rate limit tier (2, 3 or 4)."""


@dataclass
class _TokenBucket:
    tokens: float
    at: float


@dataclass
class RateLimits:
    """Token buckets: per channel ``per_second`` with bursts of ``burst``, per method according to its tier."""

    clock: Callable[[], float]
    burst: int = 3
    per_second: float = 1.0
    has_tiers: bool = False
    """Whether the tiers apply. Most tests call faster than a bot does and run without."""
    _buckets: dict[str, _TokenBucket] = field(default_factory=dict)

    def consume(self, channel: str) -> None:
        """Count one message to a channel.

        Raises:
            WebApiError: ``ratelimited``, HTTP 429, with Retry-After.
        """
        self._consume(channel, self.burst, self.per_second)

    def consume_call(self, method: str) -> None:
        """Count one call of a method.

        Raises:
            WebApiError: as for ``consume``.
        """
        if self.has_tiers and method in PER_MINUTE:
            self._consume(method, PER_MINUTE[method], PER_MINUTE[method] / 60)

    def _consume(self, name: str, burst: int, per_second: float) -> None:
        now = self.clock()
        bucket = self._buckets.setdefault(name, _TokenBucket(burst, now))
        bucket.tokens = min(burst, bucket.tokens + max(0.0, now - bucket.at) * per_second)
        bucket.at = now
        if bucket.tokens < 1:
            wait = max(1, math.ceil((1 - bucket.tokens) / per_second))
            raise WebApiError("ratelimited", status=429, headers={"Retry-After": str(wait)})
        bucket.tokens -= 1

    def reset(self) -> None:
        """Refill every bucket."""
        self._buckets.clear()
