"""Auth pause: while Slack rejects our token, one delivery a minute tests whether it still does."""

import structlog

from bot.delivery.policy import MAX_BACKOFF
from bot.runtime.clock import Clock
from bot.slack.errors import AUTH_ERRORS
from bot.slack.messages import PostResult

log = structlog.get_logger()


class AuthPause:
    """Pause of all deliveries after an auth error, until a post works again."""

    def __init__(self, monotonic: Clock) -> None:
        self._monotonic = monotonic
        self._until = 0.0

    @property
    def is_on(self) -> bool:
        """Whether Slack's last response about the token was an error."""
        return self._until > 0.0

    @property
    def seconds_left(self) -> float:
        """Seconds until the next delivery may be tried, 0 if it may be now."""
        return max(0.0, self._until - self._monotonic())

    def apply(self, result: PostResult) -> None:
        """Begin, prolong or end the pause, and log its begin and its end."""
        if result.error in AUTH_ERRORS:
            if not self.is_on:
                log.critical("slack.auth_failed", error=result.error)
            self._until = self._monotonic() + MAX_BACKOFF
        elif result.ts:
            if self.is_on:
                log.info("slack.auth_recovered")
            self._until = 0.0
