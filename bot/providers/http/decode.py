"""Lenient JSON decoder for API responses, in which a defect affects only its own item. Pure.

A lone surrogate, a number of thousands of digits or a raw control character is tolerated. An object with a duplicate key
and a number outside JSON (NaN, Infinity) are ambiguous, and replaced.
"""

import json
import re
from typing import Any, Final

_MAX_DIGITS = 100
"""Digits; Python refuses 4,300, and no float has 309."""
_MAX_DEPTH = 200
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)


class Ambiguous:
    """Placeholder for an ambiguous value; no JSON type, so that validation rejects it."""


AMBIGUOUS: Final = Ambiguous()


def decoded(body: bytes) -> Any:
    """Return decoded JSON, with ``AMBIGUOUS`` for ambiguous values and None for numbers too long and nesting too deep.

    Raises:
        ValueError: not JSON.
    """
    text = body.decode()
    try:
        return _decoder.decode(text)
    except RecursionError:
        return _decoder.decode(_shallow(text))


def _object(pairs: list[tuple[str, Any]]) -> dict[str, Any] | Ambiguous:
    found = dict(pairs)
    return found if len(found) == len(pairs) else AMBIGUOUS


def _integer(digits: str) -> int | None:
    return int(digits) if len(digits) <= _MAX_DIGITS else None


_decoder = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_constant=lambda _: AMBIGUOUS, strict=False
)


def _shallow(text: str) -> str:
    """Return JSON with null for everything nested deeper than ``_MAX_DEPTH``."""
    parts, level, end = [], 0, 0
    for found in _BRACKETS.finditer(text):
        if found[0] in "[{":
            level += 1
            if level == _MAX_DEPTH:
                parts += [text[end : found.start()], "null"]
        elif found[0] in "]}":
            end = found.end() if level == _MAX_DEPTH else end
            level -= 1
    return "".join([*parts, text[end:]])
