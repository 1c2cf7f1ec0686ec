"""Slack's patience: how many messages a channel takes in a while, and how many calls of a method the app may make."""

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
"""How many calls of each method Slack takes in a minute, by the rate limit tiers 2, 3 and 4 of the methods' pages."""


@dataclass
class _Bucket:
    tokens: float
    at: float


@dataclass
class RateLimits:
    """Token buckets: per channel ``per_second`` in the long run and ``burst`` at once, per method as its tier says."""

    clock: Callable[[], float]
    burst: int = 3
    per_second: float = 1.0
    has_tiers: bool = False
    """Whether methods have limits, too. Tests hurry more than a bot does, and go without."""
    _buckets: dict[str, _Bucket] = field(default_factory=dict)

    def consume(self, channel: str) -> None:
        """Count one message.

        Raises:
            Refusal: ``ratelimited``, HTTP 429, with the seconds to wait.
        """
        self._take(channel, self.burst, self.per_second)

    def consume_call(self, method: str) -> None:
        """Count one call of a method.

        Raises:
            Refusal: as above.
        """
        if self.has_tiers and method in PER_MINUTE:
            self._take(method, PER_MINUTE[method], PER_MINUTE[method] / 60)

    def _take(self, name: str, burst: int, per_second: float) -> None:
        now = self.clock()
        bucket = self._buckets.setdefault(name, _Bucket(burst, now))
        bucket.tokens = min(burst, bucket.tokens + max(0.0, now - bucket.at) * per_second)
        bucket.at = now
        if bucket.tokens < 1:
            wait = max(1, math.ceil((1 - bucket.tokens) / per_second))
            raise WebApiError("ratelimited", status=429, headers={"Retry-After": str(wait)})
        bucket.tokens -= 1

    def reset(self) -> None:
        """Count from the beginning."""
        self._buckets.clear()
