"""Foreign text on a terminal: literal, on one line, and without what moves the cursor or turns the line around."""

from rich.text import Text

from bot.text import printable


def literal(text: str, style: str = "") -> Text:
    """Return ``text`` for Rich, in which brackets are no markup."""
    return Text(printable(text), style=style)
