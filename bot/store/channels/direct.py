"""Direct message channels: their owners, and the revocation of an owner's tracks, subscriptions and deliveries."""

from typing import Any

from sqlalchemy import bindparam, delete, select, update

from bot.store.db import schema
from bot.store.db.engine import Database, Transaction
from bot.store.outbox.queue import in_states


class DirectMessages:
    """Direct message channels. Methods that take ``tx`` join the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def set_owner(self, tx: Transaction, channel: str, person: str) -> None:
        """Record the owner of a direct message channel; other channels have none."""
        if channel.startswith("D"):
            row = self._db.insert(schema.channel).values(id=channel, free_at=0.0, person=person)
            await tx.execute(row.on_conflict_do_update(index_elements=["id"], set_={"person": person}))

    async def owner(self, channel: str) -> str | None:
        """Return the owner of a direct message channel, "" if unknown; None for other channels."""
        if channel.startswith(("U", "W")):
            return channel
        if not channel.startswith("D"):
            return None
        async with self._db.transaction() as tx:
            return await _owner_of(tx, channel) or ""

    async def revoke(self, tx: Transaction, channel: str, error: str) -> tuple[str, int]:
        """Revoke the direct messages of a channel's owner; return the owner and the number of their tracks and subscriptions.

        Their tracks, subscriptions and mutes there are deleted. Their deliveries become dead, but for one in flight, which
        ends the same way.
        """
        person = channel if channel.startswith(("U", "W")) else await _owner_of(tx, channel)
        mine = select(schema.channel.c.id).where(schema.channel.c.person == person)
        channels = [channel, *([person] if person else []), *(await tx.scalars(mine))]
        ended = 0
        for table in (schema.track, schema.subscription, schema.mute):
            deleted = await tx.execute(delete(table).where(table.c.channel.in_(channels)))
            ended += deleted.rowcount if table is not schema.mute else 0
        for waits in _waiting():
            waiting = update(schema.delivery).where(schema.delivery.c.channel.in_(channels), *waits)
            await tx.execute(waiting.values(state="dead", error=error))
        return person or "", ended


def _waiting() -> list[tuple[Any, ...]]:
    """Return the conditions for undelivered rows, one for each partial index: sent rows must never be read."""
    state = schema.delivery.c.state
    return [
        (in_states(schema.UNFINISHED), state != "inflight"),
        (in_states(schema.DEAD_LETTERS), state == "parked"),
        (state == bindparam(None, schema.MUTED, literal_execute=True),),
    ]


async def _owner_of(tx: Transaction, channel: str) -> str | None:
    found: str | None = await tx.scalar(select(schema.channel.c.person).where(schema.channel.c.id == channel))
    return found
