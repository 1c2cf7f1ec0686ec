"""Events that came before Slack said who the bot is: kept until it does, because Slack sends an event once."""

import structlog

MOST = 10_000
"""Events that are remembered; beyond it the oldest is forgotten."""

log = structlog.get_logger()


class Early:
    """What waits for the bot's identity; of what comes twice one is kept."""

    def __init__(self, most: int = MOST) -> None:
        self._most = most
        self._waiting: dict[tuple[str, str | None], None] = {}
        self._is_full = False

    def joined(self, person: str, channel: str) -> None:
        """Keep that somebody, who may be the bot, was let into a channel."""
        self._keep(person, channel)

    def opened_home(self, person: str) -> None:
        """Keep that somebody saw a Home tab that could not say anything yet."""
        self._keep(person, None)

    def take(self, bot_user: str) -> tuple[list[str], list[str]]:
        """Return the channels that the bot was let into, and who waits for their Home tab; keep nothing of it."""
        channels = [channel for person, channel in self._waiting if channel and person == bot_user]
        viewers = [person for person, channel in self._waiting if channel is None]
        self._waiting.clear()
        self._is_full = False
        return channels, viewers

    def _keep(self, person: str, channel: str | None) -> None:
        self._waiting[person, channel] = None
        if len(self._waiting) > self._most:
            if not self._is_full:
                log.warning("events.forgotten", most=self._most)
            self._is_full = True
            del self._waiting[next(iter(self._waiting))]
