"""Which store this is, and whether it is the one that was here before.

A store has a random id. The lock file beside an SQLite file outlives it and remembers the id, and how much was written:
so a database that is gone, was swapped, or is older than it was, is noticed instead of being taken for a first start.
"""

import secrets
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import exists, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.db import schema
from bot.store.db.engine import Database
from bot.store.sqlite.generation import generation_of, remembered


class Story(StrEnum):
    """What became of the store since the last start."""

    NEW = "new"
    """There was none here before."""
    KNOWN = "known"
    """It is the one that was here."""
    LOST = "lost"
    """One was here; now there is an empty one."""
    REPLACED = "replaced"
    """Another one was put in its place, such as a backup of one that was lost."""
    OLDER = "older"
    """It is the one that was here, without what was last written to it: its log is gone, or a copy is in its place."""


@dataclass(frozen=True)
class Identity:
    """One store."""

    id: str
    made_at: float
    """When it got its id, seconds since the epoch."""
    story: Story
    generation: int = field(default=0, compare=False)
    """How many transactions wrote to it; only SQLite counts them."""


def story(remembered: str | None, stored: str | None, *, is_empty: bool, is_older: bool = False) -> Story:
    """Return what became of a store.

    Args:
        remembered: the id that the lock file names, None where it names none.
        stored: the id in the database, None where it has none: a fresh one, or one of a version without ids.
        is_empty: whether nothing else is in the database.
        is_older: whether fewer transactions wrote to it than to the one that was here.
    """
    if remembered is None:
        return Story.NEW if stored is None else Story.KNOWN  # a copy without its lock file, or a server's
    if stored is None:
        return Story.LOST if is_empty else Story.REPLACED
    if stored != remembered:
        return Story.REPLACED
    return Story.OLDER if is_older else Story.KNOWN


async def identify(db: Database) -> Identity:
    """Return which store this is, changing nothing: one without an id gets a new one, which counts once it is kept."""
    async with db.transaction() as tx:
        row = (await tx.execute(select(schema.identity))).first()
        others = [table for table in schema.metadata.tables.values() if table is not schema.identity]
        has_rows = await tx.scalar(select(or_(*(exists(select(table)) for table in others))))
        now = await tx.scalar(select(db.now()))
        generation = await generation_of(tx) if db.is_sqlite else 0
    memory = remembered(db.lock)
    is_older = memory is not None and generation < (memory.generation or 0)
    stored = row.store_id if row else None
    found = story(memory.store_id if memory else None, stored, is_empty=not has_rows, is_older=is_older)
    if row:
        return Identity(row.store_id, row.made_at, found, generation)
    return Identity(secrets.token_hex(16), now or 0.0, found, generation)


async def keep(db: Database, tx: AsyncConnection, identity: Identity) -> None:
    """Write the identity into the caller's transaction; where another process was first, that one's stays."""
    await db.one_at_a_time(tx)
    if await tx.scalar(select(schema.identity.c.store_id)) is None:
        await tx.execute(db.insert(schema.identity).values(store_id=identity.id, made_at=identity.made_at))


def remember(db: Database, identity: Identity) -> None:
    """Write the id into the lock file, after what is to be said of it is committed, and count what is written from then on.

    Without a lock file do nothing.
    """
    if db.lock is not None:
        db.generations.begin(db.lock, identity.id, identity.generation)
