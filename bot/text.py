"""Foreign text made fit for a database and for a terminal. Pure; text for Slack is `blocks.parts`' to make safe."""

import re
import unicodedata

REPLACEMENT_CHARACTER = "\ufffd"
"""What stands in place of a character that cannot be kept."""

_UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_KEPT_CONTROLS = "\n\t"
_JOINERS = re.compile("(?<=[^\x00-\x7f])[\u200c\u200d](?=[^\x00-\x7f])")
"""What joins, or keeps apart, the letters of many scripts and the parts of an emoji."""
_MAX_NAME_LENGTH = 40


def storable(text: str) -> str:
    """Return ``text`` with U+FFFD for each control character and lone surrogate: databases and Slack refuse some of them.

    None is dropped, so that no two texts become one.
    """
    return _UNSTORABLE.sub(REPLACEMENT_CHARACTER, text)


def is_invisible(character: str) -> bool:
    """Whether a character is a control, bidirectional or zero-width one (Unicode categories Cc, Cf, Cs, Zl and Zp)."""
    return character not in _KEPT_CONTROLS and unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def invisible_character(text: str) -> str | None:
    """Return the first character of a typed text that can't be seen, by its name; None without one.

    A joiner between letters that are not ASCII is part of their script, or of an emoji.
    """
    return next((character_name(each) for each in _JOINERS.sub("", text) if is_invisible(each)), None)


def character_name(character: str) -> str:
    """Return a character's code point and Unicode name: "U+202E RIGHT-TO-LEFT OVERRIDE"."""
    return f"U+{ord(character):04X} {unicodedata.name(character, 'without a name')[:_MAX_NAME_LENGTH]}"


def printable(text: str) -> str:
    """Return ``text`` on one line for a terminal or a log: what does not print (ESC, bidirectional controls) as escapes."""
    return text if text.isprintable() else "".join(map(_visible, text))


def _visible(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()
