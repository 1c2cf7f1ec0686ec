"""Direct messages: whose they are, and the end of all that is sent there to somebody who may not read it any more."""

from typing import Any

from sqlalchemy import bindparam, delete, select, update

from bot.store.db import schema
from bot.store.db.engine import Database, Transaction
from bot.store.outbox.queue import in_states


class DirectMessages:
    """The channels between the bot and one person. Methods that take ``tx`` join the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def set_owner(self, tx: Transaction, channel: str, person: str) -> None:
        """Note whose direct messages a channel is; any other channel is nobody's."""
        if channel.startswith("D"):
            row = self._db.insert(schema.channel).values(id=channel, free_at=0.0, person=person)
            await tx.execute(row.on_conflict_do_update(index_elements=["id"], set_={"person": person}))

    async def owner(self, channel: str) -> str | None:
        """Return whose direct messages a channel is, "" where nobody knows; None for a channel of many people."""
        if channel.startswith(("U", "W")):
            return channel
        if not channel.startswith("D"):
            return None
        async with self._db.transaction() as tx:
            return await _owner_of(tx, channel) or ""

    async def revoke(self, tx: Transaction, channel: str, error: str) -> tuple[str, int]:
        """End what is sent to the person whose direct messages a channel is; return who that is, and how much they followed.

        Their tracks, subscriptions and mutes there are deleted. What is owed to them is given up, but for what is under
        way at this moment, which finds the same out.
        """
        person = channel if channel.startswith(("U", "W")) else await _owner_of(tx, channel)
        mine = select(schema.channel.c.id).where(schema.channel.c.person == person)
        channels = [channel, *([person] if person else []), *(await tx.scalars(mine))]
        ended = 0
        for table in (schema.track, schema.subscription, schema.mute):
            gone = await tx.execute(delete(table).where(table.c.channel.in_(channels)))
            ended += gone.rowcount if table is not schema.mute else 0
        for waits in _waiting():
            waiting = update(schema.delivery).where(schema.delivery.c.channel.in_(channels), *waits)
            await tx.execute(waiting.values(state="dead", error=error))
        return person or "", ended


def _waiting() -> list[tuple[Any, ...]]:
    """Return what makes a row one that waits, one for each index: what was sent must never be read for it."""
    state = schema.delivery.c.state
    return [
        (in_states(schema.UNFINISHED), state != "inflight"),
        (in_states(schema.DEAD_LETTERS), state == "parked"),
        (state == bindparam(None, schema.MUTED, literal_execute=True),),
    ]


async def _owner_of(tx: Transaction, channel: str) -> str | None:
    found: str | None = await tx.scalar(select(schema.channel.c.person).where(schema.channel.c.id == channel))
    return found
