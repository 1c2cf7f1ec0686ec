"""Channels whose id changed: the rows of the old id move to the new one, and the old id stays known.

https://docs.slack.dev/reference/events/channel_id_changed: a private channel that is shared gets another id. The audit
keeps the old one, as do messages that were sent.
"""

from typing import Any

from sqlalchemy import Table, and_, delete, exists, or_, select, update

from bot.store.channels.tracks import Tracks
from bot.store.db import schema
from bot.store.db.engine import Database, Transaction
from bot.store.db.wakeups import Queue
from bot.store.outbox.queue import in_states

_KEYS = {
    schema.track: ("account", "job_id"),
    schema.subscription: ("account", "filter"),
    schema.mute: ("account", "job_id"),
    schema.card: ("account", "job_id"),
}
"""The tables that are unique by channel, and their other key columns."""
_WAITS = ("pending", *schema.DEAD_LETTERS, schema.MUTED)


class ChannelMoves:
    """Moves. Methods that take ``tx`` join the caller's transaction."""

    def __init__(self, db: Database, tracks: Tracks) -> None:
        self._db = db
        self._tracks = tracks

    async def current(self, tx: Transaction, channel: str) -> str:
        """Return the id that a channel has now."""
        moves = schema.channel_move.c
        new: str | None = await tx.scalar(select(moves.new).where(moves.old == channel))
        return new or channel

    async def move(self, old: str, new: str) -> int:
        """Move the rows of a channel to its new id; return the number of requeued alerts. Idempotent."""
        moves = schema.channel_move
        row = self._db.insert(moves).values(old=old, new=new)
        async with self._db.transaction() as tx:
            await self._db.advisory_lock(tx)
            await tx.execute(delete(moves).where(moves.c.old == new))
            await tx.execute(update(moves).where(moves.c.new == old).values(new=new))
            await tx.execute(row.on_conflict_do_update(index_elements=["old"], set_={"new": new}))
            return await self._move_rows(tx, old, new)

    async def redirect(self, tx: Transaction, delivery: int, channel: str) -> bool:
        """Move deliveries that were enqueued for an old id; return whether ``channel`` is one.

        For a delivery that a closed channel rejected: it was claimed before the move, or enqueued during it.
        """
        await self._db.advisory_lock(tx)
        # A move that is being committed has locked this row: wait for it.
        await tx.execute(select(schema.delivery.c.id).where(schema.delivery.c.id == delivery).with_for_update())
        new = await self.current(tx, channel)
        if new == channel:
            return False
        await self._move_rows(tx, channel, new)
        return True

    async def _move_rows(self, tx: Transaction, old: str, new: str) -> int:
        for table, keys in _KEYS.items():
            await tx.execute(_move_unique(table, keys, old, new))
        await self._merge_tracks(tx, old, new)
        await _merge(tx, schema.subscription, old, new, "newer_than", earliest=True)
        await _merge(tx, schema.mute, old, new, "until", earliest=False)
        await _merge_cards(tx, old, new)
        await self._merge_settings(tx, old, new)
        confirmations = schema.confirmation.c
        pending = update(schema.confirmation).where(confirmations.channel == old, confirmations.completed_at.is_(None))
        await tx.execute(pending.values(channel=new))
        tx.wakes(*Queue)
        return await _move_deliveries(tx, old, new)

    async def _merge_tracks(self, tx: Transaction, old: str, new: str) -> None:
        """Merge the tracks that both ids have: the statuses of either."""
        tracks = await self._tracks.all_of(tx, old)
        await tx.execute(delete(schema.track).where(schema.track.c.channel == old))
        await self._tracks.add(tx, [track.moved(new) for track in tracks])

    async def _merge_settings(self, tx: Transaction, old: str, new: str) -> None:
        """Keep the preferences of the new id; if it has none, those of the old one."""
        channels = schema.channel.c
        chosen = select(schema.channel).where(channels.id.in_((old, new))).with_for_update()
        rows = {row.id: dict(row._mapping) for row in await tx.execute(chosen)}  # noqa: SLF001 - its public name
        if old not in rows:
            return
        values = rows[old] | {"id": new}
        if new in rows:
            default = {"broadcast": True, "full_cards": False, "failures_only": False}
            theirs = rows[new] if any(rows[new][name] != value for name, value in default.items()) else rows[old]
            values |= {name: theirs[name] for name in default}
            values |= {name: max(rows[old][name], rows[new][name]) for name in ("free_at", "rate_limited_until")}
        await tx.execute(delete(schema.channel).where(channels.id.in_((old, new))))
        await tx.execute(self._db.insert(schema.channel).values(values))


def _move_unique(table: Table, keys: tuple[str, ...], old: str, new: str) -> Any:
    """Move the rows of a channel that have no counterpart under its new id."""
    other = table.alias()
    same = (other.c[key] == table.c[key] for key in keys)
    counterpart = exists().where(other.c.channel == new, *same)
    return update(table).where(table.c.channel == old, ~counterpart).values(channel=new)


async def _merge(tx: Transaction, table: Table, old: str, new: str, moment: str, *, earliest: bool) -> None:
    """Merge the rows that both ids have, with the earlier or the later time of the two."""
    keys = _KEYS[table]
    for row in await tx.execute(select(table).where(table.c.channel == old)):
        value = getattr(row, moment)
        beyond = table.c[moment] > value if earliest else table.c[moment] < value
        counterpart = and_(table.c.channel == new, *(table.c[key] == getattr(row, key) for key in keys))
        # A mute of flap suppression cannot last as long as one that a person set.
        whose = {"person": row.person} if table is schema.mute else {}
        await tx.execute(update(table).where(counterpart, beyond).values({moment: value, **whose}))
    await tx.execute(delete(table).where(table.c.channel == old))


async def _merge_cards(tx: Transaction, old: str, new: str) -> None:
    """Keep one card of each job, the posted one if only one is posted, and make all of them due.

    A claim on one of them is lost: the result of an edit under the old id means nothing.
    """
    card, rows = schema.card, schema.delivery
    other = card.alias()
    same = and_(other.c.account == card.c.account, other.c.job_id == card.c.job_id, other.c.channel == new)
    both = select(card.c.id, card.c.ts, other.c.id.label("other"), other.c.ts.label("other_ts"))
    for pair in (await tx.execute(both.join(other, same).where(card.c.channel == old))).all():
        keeps_old = pair.ts and not pair.other_ts
        kept, dropped = (pair.id, pair.other) if keeps_old else (pair.other, pair.id)
        await tx.execute(update(rows).where(rows.c.card_id == dropped).values(card_id=kept))
        await tx.execute(delete(card).where(card.c.id == dropped))
        await tx.execute(update(card).where(card.c.id == kept).values(channel=new))
    fresh = {"not_before": 0.0, "lease_until": 0.0, "token": None, "failures": 0}
    await tx.execute(update(card).where(card.c.channel == new).values(fresh))


async def _move_deliveries(tx: Transaction, old: str, new: str) -> int:
    """Move unsent deliveries, and requeue parked ones; one in flight keeps its claim."""
    rows = schema.delivery.c
    await tx.execute(_duplicates(of=old, beside=new))
    await tx.execute(_duplicates(of=new, beside=old))
    unsent = or_(in_states(schema.UNFINISHED), in_states(schema.DEAD_LETTERS), in_states((schema.MUTED,)))
    await tx.execute(update(schema.delivery).where(rows.channel == old, unsent).values(channel=new))
    parked = update(schema.delivery).where(in_states(schema.DEAD_LETTERS), rows.state == "parked", rows.channel == new)
    return (await tx.execute(parked.values(state="pending", error=None, not_before=0.0, attempts=0))).rowcount


def _duplicates(*, of: str, beside: str) -> Any:
    """Delete pending rows of one id whose duplicate under the other id is pending or sent: it is one channel."""
    rows, other = schema.delivery.c, schema.delivery.alias()
    same = (other.c.change_id == rows.change_id, other.c.message_kind == rows.message_kind)
    other_is_kept = (other.c.channel == beside, other.c.state != "dead")
    waits = and_(rows.channel == of, rows.state.in_(_WAITS), rows.unconfirmed.is_(False), rows.digest_id.is_(None))
    return delete(schema.delivery).where(waits, rows.change_id.is_not(None), exists().where(*same, *other_is_kept))
