"""What a message says, as Slack's methods and response URLs take it."""

from typing import Any

from bot.blocks import Message


def content_of(message: Message) -> dict[str, Any]:
    """Return a message as arguments: its text, and its blocks where it has any."""
    return {"text": message.text, "blocks": list(message.blocks)} if message.blocks else {"text": message.text}
