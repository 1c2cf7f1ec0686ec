"""Preferences of channels: which alerts are posted, and how."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import and_, exists, select, update

from bot.store.db import schema
from bot.store.db.engine import Database, Transaction
from bot.store.db.wakeups import Queue


@dataclass(frozen=True)
class Preferences:
    """The preferences of a channel."""

    broadcast: bool = True
    """Whether results are posted in the channel, not only in the job's thread."""
    full_cards: bool = False
    """Whether cards list properties and metadata below their lines."""
    failures_only: bool = False
    """Whether only failures and stalled or missing jobs are alerted on."""


class ChannelPreferences:
    """Preferences of channels."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def find(self, channel: str) -> Preferences:
        """Return the preferences of a channel."""
        async with self._db.transaction() as tx:
            return await self.find_in(tx, channel)

    async def find_in(self, tx: Transaction, channel: str) -> Preferences:
        """Return the preferences of a channel, in the caller's transaction."""
        return (await self.all_in(tx, [channel]))[channel]

    async def all_in(self, tx: Transaction, channels: Sequence[str]) -> dict[str, Preferences]:
        """Return the preferences of channels, in the caller's transaction."""
        row = schema.channel.c
        chosen = select(row.id, row.broadcast, row.full_cards, row.failures_only).where(
            self._db.among(row.id, channels)
        )
        found = {channel: Preferences(*settings) for channel, *settings in await tx.execute(chosen)}
        return dict.fromkeys(channels, Preferences()) | found

    async def change(self, channel: str, **changes: bool) -> Preferences:
        """Change preferences of a channel by name, and return all of them; its cards become stale if their size changed."""
        row = self._db.insert(schema.channel).values(id=channel, free_at=0.0, **changes)
        async with self._db.transaction() as tx:
            before = await self.find_in(tx, channel)
            await tx.execute(row.on_conflict_do_update(index_elements=["id"], set_=changes))
            after = await self.find_in(tx, channel)
            if after.full_cards != before.full_cards:
                await tx.execute(_bump_cards(channel))
                tx.wakes(Queue.CARDS)
        return after


def _bump_cards(channel: str) -> Any:
    """Mark the cards of a channel's open jobs as stale."""
    cards, jobs = schema.card.c, schema.job.c
    has_open_job = exists().where(and_(jobs.account == cards.account, jobs.id == cards.job_id, jobs.closed.is_(False)))
    mine = update(schema.card).where(cards.channel == channel, has_open_job)
    return mine.values(generation=cards.generation + 1, not_before=0.0)
