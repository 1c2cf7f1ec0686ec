"""The queue of each channel, as SQL expressions: positions, heads, and rows that are due."""

from typing import Any

from sqlalchemy import and_, bindparam, case, func, select

from bot.net.retry_after import MAX_PAUSE
from bot.store.db import schema
from bot.store.db.moments import deadline, has_passed, is_pending

MAX_LEASE = 30.0
"""Seconds: the longest lease on a delivery or a card."""
MAX_WAIT = 60.0
"""Seconds: the longest wait of a delivery or a channel, unless Slack asked for a pause."""
RATE_LIMITED = frozenset("ratelimited rate_limited message_limit_exceeded".split())
"""Slack's error codes that ask for a pause."""


def position() -> Any:
    """Return the position of a row in its channel's queue."""
    return func.coalesce(schema.delivery.c.position, schema.delivery.c.id)


def unfinished() -> Any:
    """Return whether a row is still to be sent as a message of its own."""
    return undigested_in(schema.UNFINISHED)


def undigested_in(states: tuple[str, ...]) -> Any:
    """Return whether a row is in one of an index's states and in no digest."""
    return and_(in_states(states), func.coalesce(schema.delivery.c.digest_id, 0) == 0)


def in_states(states: tuple[str, ...]) -> Any:
    """Return whether a row is in one of an index's states.

    The literals and the channel let SQLite use the partial index of these states, and not that of ``digest_id``, which
    has every row that was ever sent.
    """
    rows = schema.delivery.c
    in_state = rows.state.in_(bindparam(None, states, expanding=True, literal_execute=True))
    return and_(in_state, rows.channel > "")


def queue_heads() -> Any:
    """Return the positions of the heads of all queues.

    Materialized: PostgreSQL may underestimate the number of pending rows and would evaluate the query for each row.
    """
    first = select(func.min(position()).label("position")).where(unfinished()).group_by(schema.delivery.c.channel)
    return select(first.cte("heads").prefix_with("MATERIALIZED", dialect="postgresql").c.position)


def due(now: float, clock_uncertain_for: float) -> tuple[Any, ...]:
    """Return the conditions for a row to be the head of its queue and due at ``now``.

    Args:
        now: seconds since the epoch, by the database's clock.
        clock_uncertain_for: seconds for which leases cannot be trusted, because that clock was just set. Unconfirmed rows are
            left out: another process may be sending one of them at this moment.
    """
    rows, channels = schema.delivery.c, schema.channel.c
    rests = is_pending(channels.free_at, now, longest_pause())
    busy = select(channels.id).where(and_(channels.id == rows.channel, rests)).exists()
    waited = has_passed(rows.lease_until, now, MAX_LEASE), has_passed(rows.not_before, now, _longest_wait())
    sure = (rows.unconfirmed.is_(False),) if clock_uncertain_for else ()
    return position().in_(queue_heads()), unfinished(), *waited, *sure, ~busy


def ready_at(now: float, clock_uncertain_for: float) -> Any:
    """Return when the head of a queue, joined with its channel, can be claimed. Arguments as for ``due``."""
    rows, channels = schema.delivery.c, schema.channel.c
    not_paused = deadline(func.coalesce(channels.free_at, 0.0), now, longest_pause())
    waited = deadline(rows.not_before, now, _longest_wait()), deadline(rows.lease_until, now, MAX_LEASE)
    return latest(*waited, not_paused, case((rows.unconfirmed, now + clock_uncertain_for), else_=0.0))


def _longest_wait() -> Any:
    return case((schema.delivery.c.error.in_(sorted(RATE_LIMITED)), MAX_PAUSE), else_=MAX_WAIT)


def longest_pause() -> Any:
    """Return the longest pause of a channel in seconds: longer if Slack asked for it."""
    channels = schema.channel.c
    return case((channels.free_at <= channels.rate_limited_until, MAX_PAUSE), else_=MAX_WAIT)


def latest(first: Any, *others: Any) -> Any:
    """Return the greatest of non-null expressions: SQLite and PostgreSQL have different functions for it."""
    greatest = first
    for other in others:
        greatest = case((greatest >= other, greatest), else_=other)
    return greatest
