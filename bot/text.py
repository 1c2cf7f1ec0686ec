"""Foreign text made fit for a database and for a terminal. Pure; text for Slack is `blocks.parts`' to make safe."""

import re

UNREADABLE = "\ufffd"
"""What stands in place of a character that cannot be kept."""

_UNFIT = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")


def storable(text: str) -> str:
    """Return ``text`` with U+FFFD for each control character and lone surrogate: databases and Slack refuse some of them.

    None is dropped, so that no two texts become one.
    """
    return _UNFIT.sub(UNREADABLE, text)


def printable(text: str) -> str:
    """Return ``text`` on one line for a terminal or a log: what does not print (ESC, bidirectional controls) as escapes."""
    return text if text.isprintable() else "".join(map(_visible, text))


def _visible(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()
