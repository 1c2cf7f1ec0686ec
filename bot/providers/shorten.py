"""Shortens long texts in JSON while it arrives, so that one huge text takes no memory. Pure.

What is left of a text is more than anybody keeps of it (``redaction.LONGEST``).
"""

import re

KEPT = 128 * 1024
"""Bytes of one text that are kept at the least: 10,000 characters, however they are escaped, take 120,000."""
_PLAIN = 12
"""Bytes without a backslash after which no escape is under way: a pair of surrogates takes as many."""

_TO_QUOTE = re.compile(rb'(?:[^"\\]++|\\.)*+', re.DOTALL)
_SAFE_END = re.compile(rb'[^"\\]{%d}(?=[\x00-!#-\[\]-\x7f])' % _PLAIN)


class Shortener:
    """Takes the bytes of one JSON document in pieces, and returns them without the ends of its long texts."""

    def __init__(self, kept: int = KEPT) -> None:
        self._kept = kept
        self._held = b""
        """A backslash at the end of a piece: what it escapes is still to come."""
        self._in_text = False
        self._length = 0
        """Bytes of the present text so far."""
        self._is_cut = False

    def feed(self, piece: bytes) -> bytes:
        """Return what is kept of the next piece."""
        piece, at, kept = self._held + piece, 0, bytearray()
        self._held = b""
        while at < len(piece):
            if self._in_text:
                end = _end_of(_TO_QUOTE, piece, at)
                kept += self._of_text(piece[at:end])
                if end < len(piece) and piece[end : end + 1] != b'"':
                    self._held = piece[end:]
                    return bytes(kept)
            else:
                quote = piece.find(b'"', at)
                end = len(piece) if quote < 0 else quote
                kept += piece[at:end]
            at = end + 1
            if end < len(piece):
                kept += b'"'
                self._in_text, self._length, self._is_cut = not self._in_text, 0, False
        return bytes(kept)

    def _of_text(self, part: bytes) -> bytes:
        """Return what is kept of a part of the present text; it is cut where neither an escape nor a letter is."""
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


def _end_of(pattern: re.Pattern[bytes], piece: bytes, at: int) -> int:
    found = pattern.match(piece, at)
    return found.end() if found else at
