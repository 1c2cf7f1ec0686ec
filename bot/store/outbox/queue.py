"""A channel's line, as SQL: who stands where, who is at its head, and who may go now."""

from typing import Any

from sqlalchemy import and_, bindparam, case, func, select

from bot.net.retry_after import MAX_PAUSE
from bot.store.db import schema
from bot.store.db.moments import deadline, has_passed, is_pending

LONGEST_LEASE = 30.0
"""Seconds for which a sender claims a delivery, or an editor a card, at the most."""
LONGEST_WAIT = 60.0
"""Seconds that a delivery, or a channel, waits at the most where Slack asked for no pause."""
RATE_LIMITED = frozenset("ratelimited rate_limited message_limit_exceeded".split())
"""Slack's words where it asks for one."""


def position() -> Any:
    """Return where in its channel's line a row stands."""
    return func.coalesce(schema.delivery.c.position, schema.delivery.c.id)


def unfinished() -> Any:
    """Return whether a row still has to go out by itself."""
    return undigested_in(schema.UNFINISHED)


def undigested_in(states: tuple[str, ...]) -> Any:
    """Return whether a row is in one of the states of an index, and no digest tells it."""
    return and_(in_states(states), func.coalesce(schema.delivery.c.digest_id, 0) == 0)


def in_states(states: tuple[str, ...]) -> Any:
    """Return whether a row is in one of the states of an index.

    Spelt so that SQLite takes the index of these few states (it wants them written out, and a channel), and not the one
    of ``held_by``, which leads through everything that was ever sent.
    """
    rows = schema.delivery.c
    in_state = rows.state.in_(bindparam(None, states, expanding=True, literal_execute=True))
    return and_(in_state, rows.channel > "")


def heads() -> Any:
    """Return the first place of each channel's line.

    Found once for a statement: PostgreSQL, which may believe that few rows wait where thousands do, would else look for
    them again for each row.
    """
    first = select(func.min(position()).label("position")).where(unfinished()).group_by(schema.delivery.c.channel)
    return select(first.cte("heads").prefix_with("MATERIALIZED", dialect="postgresql").c.position)


def due(now: float, clock_uncertain_for: float) -> tuple[Any, ...]:
    """Return what makes a row the next one of its channel, at the moment ``now``.

    Args:
        now: seconds since the epoch, by the database's clock.
        clock_uncertain_for: for how many seconds that clock does not tell who may be at work, because it was just set. An attempt
            that somebody is at would seem not to have arrived, and be sent again.
    """
    rows, channels = schema.delivery.c, schema.channel.c
    rests = is_pending(channels.free_at, now, longest_pause())
    busy = select(channels.id).where(and_(channels.id == rows.channel, rests)).exists()
    waited = has_passed(rows.lease_until, now, LONGEST_LEASE), has_passed(rows.not_before, now, _longest_wait())
    sure = (rows.unconfirmed.is_(False),) if clock_uncertain_for else ()
    return position().in_(heads()), unfinished(), *waited, *sure, ~busy


def ready_at(now: float, clock_uncertain_for: float) -> Any:
    """Return when a row, joined with its channel, can be claimed, if it is the next one there; arguments as of ``due``."""
    rows, channels = schema.delivery.c, schema.channel.c
    rested = deadline(func.coalesce(channels.free_at, 0.0), now, longest_pause())
    waited = deadline(rows.not_before, now, _longest_wait()), deadline(rows.lease_until, now, LONGEST_LEASE)
    return latest(*waited, rested, case((rows.unconfirmed, now + clock_uncertain_for), else_=0.0))


def _longest_wait() -> Any:
    return case((schema.delivery.c.error.in_(sorted(RATE_LIMITED)), MAX_PAUSE), else_=LONGEST_WAIT)


def longest_pause() -> Any:
    """Return the seconds for which a channel gets nothing at the most: longer where Slack asked for a pause."""
    channels = schema.channel.c
    return case((channels.free_at <= channels.rate_limited_until, MAX_PAUSE), else_=LONGEST_WAIT)


def latest(first: Any, *others: Any) -> Any:
    """Return the greatest of expressions that are not null; SQLite and PostgreSQL name that function differently."""
    greatest = first
    for other in others:
        greatest = case((greatest >= other, greatest), else_=other)
    return greatest
