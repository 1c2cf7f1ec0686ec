"""Untrusted text made safe for databases and terminals. Pure; `blocks.parts` escapes text for Slack."""

import re
import unicodedata

REPLACEMENT_CHARACTER = "\ufffd"
"""Replaces each character that can't be stored."""

_UNSTORABLE = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\ud800-\udfff]")
_KEPT_CONTROLS = "\n\t"
_JOINERS = re.compile("(?<=[^\x00-\x7f])[\u200c\u200d](?=[^\x00-\x7f])")
"""Zero-width joiners and non-joiners between letters of many scripts and parts of an emoji."""
_MAX_NAME_LENGTH = 40


def storable(text: str) -> str:
    """Return ``text`` with U+FFFD for each control character and lone surrogate, which databases and Slack reject.

    They are replaced, not removed, so that different texts stay different.
    """
    return _UNSTORABLE.sub(REPLACEMENT_CHARACTER, text)


def is_invisible(character: str) -> bool:
    """Whether a character is a control, bidirectional or zero-width one (Unicode categories Cc, Cf, Cs, Zl and Zp)."""
    return character not in _KEPT_CONTROLS and unicodedata.category(character) in ("Cc", "Cf", "Cs", "Zl", "Zp")


def invisible_character(text: str) -> str | None:
    """Return the name of the first invisible character in a typed text, or None.

    A joiner between non-ASCII letters is part of their script, or of an emoji, and allowed.
    """
    return next((character_name(each) for each in _JOINERS.sub("", text) if is_invisible(each)), None)


def character_name(character: str) -> str:
    """Return a character's code point and Unicode name, if it has one: "U+202E RIGHT-TO-LEFT OVERRIDE", "U+0007"."""
    return f"U+{ord(character):04X} {unicodedata.name(character, '')[:_MAX_NAME_LENGTH]}".rstrip()


def printable(text: str) -> str:
    """Return ``text`` on one line for a terminal or a log, with escapes for nonprintable characters."""
    return text if text.isprintable() else "".join(map(_visible, text))


def _visible(character: str) -> str:
    return character if character.isprintable() else character.encode("unicode_escape").decode()
