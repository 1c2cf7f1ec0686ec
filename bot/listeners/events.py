"""Events API payloads, and a buffer for those that arrive before the bot knows its own user id.

Slack sends each event once.
"""

import re
from typing import Any

import structlog

MAX_EVENTS = 10_000
"""Events in the buffer; beyond that the oldest is dropped."""

_CHANNEL = re.compile(r"[CG][A-Z0-9]{1,30}")

log = structlog.get_logger()


def joined_channel(body: dict[str, Any]) -> tuple[str, str] | None:
    """Return (user, channel) of a ``member_joined_channel`` event, or None. The user may be the bot."""
    match body.get("event"):
        case {"type": "member_joined_channel", "user": str(user), "channel": str(channel)}:
            return user, channel
    return None


def reopened_channel(body: dict[str, Any], bot_user: str | None) -> str | None:
    """Return the channel that the bot can post to again after this event, or None.

    Args:
        body: the event in its envelope.
        bot_user: the bot's own user id. While it is None, any join counts: a delivery that fails is parked again,
            but a missed event would leave it parked.
    """
    match body.get("event"):
        case {"type": "channel_unarchive" | "group_unarchive", "channel": str(channel)}:
            return channel
        case {"type": "member_joined_channel", "user": str(user), "channel": str(channel)}:
            return channel if bot_user in (user, None) else None
    return None


def changed_channel_id(body: dict[str, Any]) -> tuple[str, str] | None:
    """Return (old id, new id) of a ``channel_id_changed`` event, or None."""
    match body.get("event"):
        case {"type": "channel_id_changed", "old_channel_id": str(old), "new_channel_id": str(new)} if old != new:
            return (old, new) if _CHANNEL.fullmatch(old) and _CHANNEL.fullmatch(new) else None
    return None


class EarlyEvents:
    """Events that wait for the bot's identity, without duplicates."""

    def __init__(self, max_events: int = MAX_EVENTS) -> None:
        self._max_events = max_events
        self._pending: dict[tuple[str, str | None], None] = {}
        self._is_full = False

    def add_join(self, person: str, channel: str) -> None:
        """Buffer that a user, maybe the bot, joined a channel."""
        self._keep(person, channel)

    def add_home_view(self, person: str) -> None:
        """Buffer that a user's Home tab has to be rendered again."""
        self._keep(person, None)

    def drain(self, bot_user: str) -> tuple[list[str], list[str]]:
        """Empty the buffer; return the channels the bot joined and the users whose Home tab is outdated."""
        channels = [channel for person, channel in self._pending if channel and person == bot_user]
        viewers = [person for person, channel in self._pending if channel is None]
        self._pending.clear()
        self._is_full = False
        return channels, viewers

    def _keep(self, person: str, channel: str | None) -> None:
        self._pending[person, channel] = None
        if len(self._pending) > self._max_events:
            if not self._is_full:
                log.warning("events.dropped", most=self._max_events)
            self._is_full = True
            del self._pending[next(iter(self._pending))]
