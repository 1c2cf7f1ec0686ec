"""Dead letters: parked and dead deliveries, and how they are requeued.

A delivery that is part of a digest shares the digest's state and is never listed itself.
"""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any

from sqlalchemy import Row, func, select, update

from bot.store.db import schema
from bot.store.db.engine import Database
from bot.store.db.wakeups import Queue
from bot.store.outbox.delivery import MessageKind
from bot.store.outbox.queue import position, undigested_in

LOST_ACCESS = "person_lost_access"
"""The error of a dead delivery whose recipient may not read it: it is neither listed nor retried."""
_BATCH = 1000
"""Rows that one transaction requeues."""


@dataclass(frozen=True)
class DeadLetter:
    """A delivery that Slack rejected. Times are seconds since the epoch."""

    id: int
    channel: str
    """The id of its channel, or of a user."""
    message_kind: MessageKind
    state: str
    """``parked`` until its channel opens, ``dead`` if Slack rejects the message itself."""
    error: str | None
    """Slack's error code, or ours."""
    attempts: int
    created_at: float
    job_id: str | None
    """None for digests and notices, as are the next three fields."""
    change_kind: str | None
    """The kind of its change."""
    old_status: str | None
    new_status: str | None
    digested: int
    """The number of deliveries in a digest."""


@dataclass(frozen=True)
class Overview:
    """Dead letters, and counts of dead letters and pending deliveries."""

    dead_letters: list[DeadLetter]
    """The first in queue order, oldest first."""
    total: int
    """The number of all dead letters, listed or not."""
    pending: int
    """The number of deliveries still to be sent."""
    oldest_pending_seconds: float | None
    """Seconds since the oldest pending delivery was enqueued; None if there is none."""


@dataclass(frozen=True)
class ChannelDeadLetters:
    """The dead letters of a channel that have the same error."""

    channel: str
    """The id of the channel, or of a user."""
    error: str | None
    """Slack's error code, or ours."""
    count: int


class DeadLetters:
    """Parked and dead deliveries."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def overview(self, most: int) -> Overview:
        """Return up to ``most`` dead letters, and the counts of dead letters and pending deliveries."""
        since: Any = func.min(schema.delivery.c.created_at)
        waiting = select(func.count(), self._db.now() - since).where(undigested_in(schema.UNFINISHED))
        async with self._db.transaction() as tx:
            letters = [_dead_letter(row) for row in await tx.execute(_oldest(most))]
            total = (await tx.execute(select(func.count()).where(*_listed()))).scalar_one()
            count, age = (await tx.execute(waiting)).one()
        return Overview(letters, total, count, None if age is None else max(0.0, float(age)))

    async def by_channel(self, channels: Collection[str] | None = None) -> list[ChannelDeadLetters]:
        """Return the number of dead letters by channel and error, of some channels or of all, oldest first."""
        rows = schema.delivery.c
        chosen = () if channels is None else (self._db.among(rows.channel, channels),)
        counted = select(rows.channel, rows.error, func.count().label("messages")).where(*_listed(), *chosen)
        grouped = counted.group_by(rows.channel, rows.error).order_by(func.min(rows.id))
        async with self._db.transaction() as tx:
            return [ChannelDeadLetters(row.channel, row.error, row.messages) for row in await tx.execute(grouped)]

    async def by_state(self) -> dict[str, int]:
        """Return the number of deliveries by state, ``sent`` excluded; a digest counts once."""
        state, found = schema.delivery.c.state, dict[str, int]()
        async with self._db.transaction() as tx:
            # One by one: each of these has an index of its few rows, the whole table has none.
            for states in (schema.UNFINISHED, schema.DEAD_LETTERS, (schema.MUTED,)):
                counted = select(state, func.count()).where(undigested_in(states), _is_retryable()).group_by(state)
                found |= dict.fromkeys(states, 0)
                found |= {name: int(count) for name, count in await tx.execute(counted)}
        return found

    async def state_of(self, delivery: int) -> str | None:
        """Return the state of one delivery, or None if there is no such row."""
        async with self._db.transaction() as tx:
            return await tx.scalar(select(schema.delivery.c.state).where(schema.delivery.c.id == delivery))

    async def retry(self, deliveries: Iterable[int] | None = None) -> int:
        """Requeue dead letters, these or all; return the number of rows, each counted by one of two concurrent calls.

        The deliveries of a digest go with it and are not counted. An unconfirmed row stays unconfirmed: it is looked up
        in Slack before it is sent.
        """
        chosen = () if deliveries is None else (schema.delivery.c.id.in_(list(deliveries)),)
        return await self._requeue((*_listed(), *chosen))

    async def unpark_channel(self, channel: str) -> int:
        """Requeue the parked deliveries of a channel that accepts messages again; return the number of rows.

        Its cards are due at once. The call is idempotent, because Slack may repeat the event behind it. Dead rows stay:
        Slack rejected the message itself.
        """
        rows = schema.delivery.c
        chosen = (undigested_in(schema.DEAD_LETTERS), rows.state == "parked", rows.channel == channel)
        cards = schema.card.c
        async with self._db.transaction() as tx:
            await tx.execute(update(schema.card).where(cards.channel == channel).values(not_before=0.0))
            tx.wakes(*Queue)
        return await self._requeue(chosen)

    async def _requeue(self, chosen: tuple[Any, ...]) -> int:
        """Requeue rows in batches, one transaction each; return the number of rows."""
        rows, count, last, ids = schema.delivery.c, 0, 0, [0]
        fresh = {"state": "pending", "error": None, "not_before": 0.0, "lease_until": 0.0, "token": None, "attempts": 0}
        # Locked in one order: on PostgreSQL, two concurrent retries of all would deadlock otherwise.
        # Not by the bare id, in whose order SQLite would read the whole table.
        locked = select(rows.id).where(*chosen).order_by(rows.id + 0).limit(_BATCH).with_for_update()
        while ids:
            async with self._db.transaction() as tx:
                ids = list(await tx.scalars(locked.where(rows.id + 0 > last)))
                for of in (rows.id, rows.digest_id) if ids else ():
                    await tx.execute(update(schema.delivery).where(self._db.among(of, ids)).values(fresh))
                    tx.wakes(Queue.DELIVERIES)
            count, last = count + len(ids), max(ids, default=last)
        return count


def _listed() -> tuple[Any, ...]:
    return undigested_in(schema.DEAD_LETTERS), _is_retryable()


def _is_retryable() -> Any:
    return func.coalesce(schema.delivery.c.error, "") != LOST_ACCESS


def _oldest(most: int) -> Any:
    rows, changes = schema.delivery.c, schema.change.c
    held = schema.delivery.alias("held")
    holds = select(func.count()).where(held.c.digest_id == rows.id).scalar_subquery()
    columns = (rows.id, rows.channel, rows.message_kind, rows.state, rows.error, rows.attempts, rows.created_at)
    of_change = (changes.job_id, changes.kind.label("change_kind"), changes.old_status, changes.new_status)
    listed = select(*columns, *of_change, holds.label("digested")).select_from(
        schema.delivery.outerjoin(schema.change, changes.id == rows.change_id)
    )
    # A digest has the position of its first delivery.
    return listed.where(*_listed()).order_by(position(), rows.id).limit(most)


def _dead_letter(row: Row[Any]) -> DeadLetter:
    return DeadLetter(**{**row._mapping, "message_kind": MessageKind(row.message_kind)})  # noqa: SLF001 - its public name in SQLAlchemy
