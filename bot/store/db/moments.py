"""Stored timestamps by a clock that can be set: whether one has passed, as SQL.

A clock that was an hour ahead and is then corrected leaves timestamps an hour too far ahead. So each is compared with
its longest wait, and one that lies further ahead than that has passed.
"""

from typing import Any

from sqlalchemy import ColumnElement, and_, case, or_

_TOLERANCE = 1.0
"""Seconds by which a timestamp may lie further ahead: clocks are slewed, and statements take time."""


def has_passed(moment: Any, now: Any, longest: Any) -> ColumnElement[bool]:
    """Return whether the end of a wait has passed, or is implausible.

    Args:
        moment: seconds since the epoch, by the database's clock.
        now: the current time of that clock.
        longest: the longest wait in seconds.
    """
    return or_(moment <= now, moment > now + longest + _TOLERANCE)


def is_pending(moment: Any, now: Any, longest: Any) -> ColumnElement[bool]:
    """Return the opposite of ``has_passed``."""
    return and_(moment > now, moment <= now + longest + _TOLERANCE)


def deadline(moment: Any, now: Any, longest: Any) -> ColumnElement[float]:
    """Return the end of a wait; 0 if it is implausible. Arguments as for ``has_passed``."""
    return case((moment > now + longest + _TOLERANCE, 0.0), else_=moment)


def not_after(moment: Any, now: Any) -> ColumnElement[float]:
    """Return the time of an event, at most the current time."""
    return case((moment > now, now), else_=moment)
