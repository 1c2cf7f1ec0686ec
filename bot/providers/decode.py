"""JSON as fine-tuning APIs write it, decoded so that what is wrong with one item stays with that item. Pure.

A lone surrogate, a number of thousands of digits or a raw control character makes one field odd; an object with a doubled
key and a number that JSON does not have (NaN, Infinity) can be read in two ways, and neither is believed.
"""

import json
import re
from typing import Any, Final

_LONGEST_NUMBER = 100
"""Digits; Python itself refuses 4,300, and no float holds 309."""
_DEEPEST = 200
_BRACKETS = re.compile(r'"(?:[^"\\]|\\.)*+"|[\[\]{}]', re.DOTALL)


class Ambiguous:
    """What stands in place of a value that can be read in two ways; nothing that expects JSON takes it."""


AMBIGUOUS: Final = Ambiguous()


def decoded(body: bytes) -> Any:
    """Return decoded JSON with ``AMBIGUOUS`` and, where it is nested too deep or a number too long, None in places.

    Raises:
        ValueError: it is no JSON.
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
    return int(digits) if len(digits) <= _LONGEST_NUMBER else None


_decoder = json.JSONDecoder(
    object_pairs_hook=_object, parse_int=_integer, parse_constant=lambda _: AMBIGUOUS, strict=False
)


def _shallow(text: str) -> str:
    """Return JSON with null in place of what is nested deeper than ``_DEEPEST``."""
    parts, level, end = [], 0, 0
    for found in _BRACKETS.finditer(text):
        if found[0] in "[{":
            level += 1
            if level == _DEEPEST:
                parts += [text[end : found.start()], "null"]
        elif found[0] in "]}":
            end = found.end() if level == _DEEPEST else end
            level -= 1
    return "".join([*parts, text[end:]])
