"""Block Kit messages, modals and the Home tab, rendered from plain values. Pure."""

from bot.blocks.parts import Message

__all__ = ["Message"]
