"""Streaming JSON shortener: truncates long strings while they arrive, so that a huge one takes no memory. Pure.

It keeps more of each string than ``redaction.MAX_TEXT_LENGTH``, to which everything later truncates.
"""

import re

KEPT = 128 * 1024
"""Least number of bytes kept of a string: 10,000 characters, however escaped, take up to 120,000."""
_PLAIN = 12
"""Bytes without a backslash after which no escape sequence is open: a surrogate pair takes as many."""

_TO_QUOTE = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_SAFE_END = re.compile(rb'[^"\\]{%d}(?=[\x00-!#-\[\]-\x7f])' % _PLAIN)


class Shortener:
    """Filter for the bytes of one JSON document: passes them on without the ends of long strings."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._held = b""
        """Trailing backslash of the last piece, whose escaped character is still to come."""
        self._in_text = False
        self._length = 0
        """Bytes of the current string so far."""
        self._is_cut = False

    def feed(self, piece: bytes) -> bytes:
        """Return the kept bytes of the next piece."""
        piece, position, kept = self._held + piece, 0, bytearray()
        self._held = b""
        while position < len(piece):
            if self._in_text:
                end = _end_of(_TO_QUOTE, piece, position)
                kept += self._of_text(piece[position:end])
                if end < len(piece) and piece[end : end + 1] != b'"':
                    self._held = piece[end:]
                    return bytes(kept)
            else:
                quote = piece.find(b'"', position)
                end = len(piece) if quote < 0 else quote
                kept += piece[position:end]
            position = end + 1
            if end < len(piece):
                kept += b'"'
                self._in_text, self._length, self._is_cut = not self._in_text, 0, False
        return bytes(kept)

    def _of_text(self, part: bytes) -> bytes:
        """Return the kept bytes of a part of the current string; a cut splits neither an escape sequence nor a character."""
        before = self._length
        self._length += len(part)
        if self._is_cut:
            return b""
        if self._length <= self._kept:
            return part
        safe = _SAFE_END.search(part, max(0, self._kept - before))
        if safe is None:
            return part
        self._is_cut = True
        return part[: safe.end()]


def _end_of(pattern: re.Pattern[bytes], piece: bytes, position: int) -> int:
    found = pattern.match(piece, position)
    return found.end() if found else position
