"""What happens in the workspace, as Slack tells it. Pure."""

import re
from typing import Any

_CHANNEL = re.compile(r"[CG][A-Z0-9]{1,30}")


def joined_channel(body: dict[str, Any]) -> tuple[str, str] | None:
    """Return who, maybe the bot itself, was just let into which channel, or None where an event does not say so."""
    match body.get("event"):
        case {"type": "member_joined_channel", "user": str(user), "channel": str(channel)}:
            return user, channel
    return None


def reopened_channel(body: dict[str, Any], bot_user: str | None) -> str | None:
    """Return the channel that an event lets the bot write to again, or None where it does not say so.

    Args:
        body: the event in its envelope.
        bot_user: the bot's own user id. While it is unknown anybody's arrival counts: an alert that is tried in vain
            is parked again, one that is forgotten is not told.
    """
    match body.get("event"):
        case {"type": "channel_unarchive" | "group_unarchive", "channel": str(channel)}:
            return channel
        case {"type": "member_joined_channel", "user": str(user), "channel": str(channel)}:
            return channel if bot_user in (user, None) else None
    return None


def changed_channel_id(body: dict[str, Any]) -> tuple[str, str] | None:
    """Return the old and the new id of a channel that got another one, or None where an event does not say so."""
    match body.get("event"):
        case {"type": "channel_id_changed", "old_channel_id": str(old), "new_channel_id": str(new)} if old != new:
            return (old, new) if _CHANNEL.fullmatch(old) and _CHANNEL.fullmatch(new) else None
    return None
