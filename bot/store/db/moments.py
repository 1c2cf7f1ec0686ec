"""Stored moments, by a clock that can be set: the one decision whether one of them still lies ahead, as SQL.

A clock that was an hour ahead and is then put right leaves moments an hour further ahead than anybody meant to wait. So
each is compared together with its own longest wait, and one that lies further ahead than that counts as over.
"""

from typing import Any

from sqlalchemy import ColumnElement, and_, case, or_

_TOLERANCE = 1.0
"""Seconds by which a moment may lie further ahead: clocks are slewed, and two statements are not one moment."""


def has_passed(moment: Any, now: Any, longest: Any) -> ColumnElement[bool]:
    """Return whether a moment until which something waits has passed, or cannot be meant.

    Args:
        moment: seconds since the epoch, by the database's clock.
        now: the present by that clock.
        longest: the seconds that such a wait lasts at the most.
    """
    return or_(moment <= now, moment > now + longest + _TOLERANCE)


def is_pending(moment: Any, now: Any, longest: Any) -> ColumnElement[bool]:
    """Return the opposite of ``is_over``."""
    return and_(moment > now, moment <= now + longest + _TOLERANCE)


def deadline(moment: Any, now: Any, longest: Any) -> ColumnElement[float]:
    """Return a moment until which something waits; 0, long ago, where it cannot be meant. Arguments as of ``is_over``."""
    return case((moment > now + longest + _TOLERANCE, 0.0), else_=moment)


def not_after(moment: Any, now: Any) -> ColumnElement[float]:
    """Return a moment at which something happened: the present where the clock says that it is still to come."""
    return case((moment > now, now), else_=moment)
