"""A channel's line, as SQL: who stands where, who is at its head, and who may go now."""

from typing import Any

from sqlalchemy import and_, bindparam, case, func, select

from bot.store import schema


def place() -> Any:
    """Return where in its channel's line a row stands."""
    return func.coalesce(schema.delivery.c.place, schema.delivery.c.id)


def unfinished() -> Any:
    """Return whether a row still has to go out by itself."""
    return alone_in(schema.UNFINISHED)


def alone_in(states: tuple[str, ...]) -> Any:
    """Return whether a row is in one of the states of an index, and no digest tells it."""
    return and_(in_states(states), func.coalesce(schema.delivery.c.held_by, 0) == 0)


def in_states(states: tuple[str, ...]) -> Any:
    """Return whether a row is in one of the states of an index.

    Spelt so that SQLite takes the index of these few states (it wants them written out, and a channel), and not the one
    of ``held_by``, which leads through everything that was ever sent.
    """
    rows = schema.delivery.c
    in_state = rows.state.in_(bindparam(None, states, expanding=True, literal_execute=True))
    return and_(in_state, rows.channel > "")


def heads() -> Any:
    """Return the first place of each channel's line."""
    return select(func.min(place())).where(unfinished()).group_by(schema.delivery.c.channel)


def due(now: Any) -> tuple[Any, ...]:
    """Return what makes a row the next one of its channel, at the moment ``now``."""
    rows, channels = schema.delivery.c, schema.channel.c
    busy = select(channels.id).where(and_(channels.id == rows.channel, channels.free_at > now)).exists()
    return place().in_(heads()), unfinished(), rows.lease_until <= now, rows.not_before <= now, ~busy


def latest(first: Any, *others: Any) -> Any:
    """Return the greatest of expressions that are not null; SQLite and PostgreSQL name that function differently."""
    greatest = first
    for other in others:
        greatest = case((greatest >= other, greatest), else_=other)
    return greatest
