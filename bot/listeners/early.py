"""Events that came before Slack said who the bot is: kept until it does, because Slack sends an event once."""

import structlog

MAX_EVENTS = 10_000
"""Events that are remembered; beyond it the oldest is forgotten."""

log = structlog.get_logger()


class EarlyEvents:
    """What waits for the bot's identity; of what comes twice one is kept."""

    def __init__(self, max_events: int = MAX_EVENTS) -> None:
        self._max_events = max_events
        self._pending: dict[tuple[str, str | None], None] = {}
        self._is_full = False

    def add_join(self, person: str, channel: str) -> None:
        """Keep that somebody, who may be the bot, was let into a channel."""
        self._keep(person, channel)

    def add_home_view(self, person: str) -> None:
        """Keep that somebody saw a Home tab that could not say anything yet."""
        self._keep(person, None)

    def drain(self, bot_user: str) -> tuple[list[str], list[str]]:
        """Return the channels that the bot was let into, and who waits for their Home tab; keep nothing of it."""
        channels = [channel for person, channel in self._pending if channel and person == bot_user]
        viewers = [person for person, channel in self._pending if channel is None]
        self._pending.clear()
        self._is_full = False
        return channels, viewers

    def _keep(self, person: str, channel: str | None) -> None:
        self._pending[person, channel] = None
        if len(self._pending) > self._max_events:
            if not self._is_full:
                log.warning("events.forgotten", most=self._max_events)
            self._is_full = True
            del self._pending[next(iter(self._pending))]
