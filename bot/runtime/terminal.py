"""Untrusted text on a terminal: literal, on one line, without control or bidirectional characters."""

from rich.text import Text

from bot.text import printable


def literal(text: str, style: str = "") -> Text:
    """Return ``text`` for Rich, with brackets taken literally, not as markup."""
    return Text(printable(text), style=style)
