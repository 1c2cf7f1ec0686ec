"""Typed commands: who types them, and what is said of those that are refused."""

import pytest

from bot.commands.command import Requester
from bot.commands.registry import parse
from bot.errors import UserError

REQUESTER = Requester("U0OLIVIA", "C0ML", "T0ACME")


def refused(text: str) -> str:
    """Return the error for words that are no command."""
    with pytest.raises(UserError) as caught:
        parse(text, REQUESTER)
    return str(caught.value)
