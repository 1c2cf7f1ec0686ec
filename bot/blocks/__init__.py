"""What the bot's messages look like: Block Kit, drawn from values. Pure."""

from bot.blocks.parts import Message

__all__ = ["Message"]
