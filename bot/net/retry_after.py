"""The ``Retry-After`` header of Slack and of fine-tuning APIs, and jitter. Pure.

RFC 9110 10.2.3: a number of seconds, or a date.
"""

import re
from collections.abc import Iterable
from datetime import UTC
from email.utils import parsedate_to_datetime

MIN_PAUSE = 1.0
MAX_PAUSE = 300.0
"""Bounds in seconds of the pauses that the header can ask for."""

# Some APIs send fractions. [0-9], because Python's \d takes superscripts and full-width digits.
_SECONDS = re.compile(r"([0-9]+)(?:\.[0-9]{1,9})?")
_MAX_DIGITS = 9
_MAX_DATE_LENGTH = 40


def parse_retry_after(values: Iterable[object], *, now: float) -> float | None:
    """Return the pause in seconds, within the bounds, or None if the header is missing or invalid.

    Args:
        values: every value of the header in a response; two are invalid.
        now: the current time, in seconds since the epoch.
    """
    stated = list(values)
    if len(stated) != 1 or not isinstance(stated[0], str):
        return None
    text = stated[0].strip(" \t")
    seconds = _number(text)
    if seconds is None:
        seconds = _until(text, now)
    return None if seconds is None else min(max(MIN_PAUSE, seconds), MAX_PAUSE)


def jittered(pause: float, jitter: float) -> float:
    """Return a pause with up to a tenth of jitter added, so that clients spread out; at most ``MAX_PAUSE``.

    ``jitter`` is a random number from 0 to 1. A pause beyond ``MAX_PAUSE`` stays as it is.
    """
    return min(pause * (1 + jitter / 10), max(pause, MAX_PAUSE))


def _number(text: str) -> float | None:
    found = _SECONDS.fullmatch(text)
    if found is None:
        return None
    return MAX_PAUSE if len(found[1].lstrip("0")) > _MAX_DIGITS else float(text)


def _until(text: str, now: float) -> float | None:
    if not text.isascii() or len(text) > _MAX_DATE_LENGTH:
        return None
    try:
        date = parsedate_to_datetime(text)
        # A date without a zone is GMT, as in HTTP.
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp() - now
    except (ValueError, TypeError, IndexError, OverflowError):
        return None
