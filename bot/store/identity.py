"""Which store this is, and whether it is the one that was here before.

A store has a random id. The lock file beside an SQLite file outlives it and remembers the id: so a database that is
gone, or was swapped, is noticed instead of being taken for a first start.
"""

import os
import re
import secrets
from dataclasses import dataclass
from enum import StrEnum

from sqlalchemy import exists, or_, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store import schema
from bot.store.engine import Database

_ID = re.compile(rb"[0-9a-f]{32}")


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


@dataclass(frozen=True)
class Identity:
    """One store."""

    id: str
    made_at: float
    """When it got its id, seconds since the epoch."""
    story: Story


def story(remembered: str | None, stored: str | None, *, is_empty: bool) -> Story:
    """Return what became of a store.

    Args:
        remembered: the id that the lock file names, None where it names none.
        stored: the id in the database, None where it has none: a fresh one, or one of a version without ids.
        is_empty: whether nothing else is in the database.
    """
    if remembered is None:
        return Story.NEW if stored is None else Story.KNOWN  # a copy without its lock file, or a server's
    if stored is None:
        return Story.LOST if is_empty else Story.REPLACED
    return Story.KNOWN if stored == remembered else Story.REPLACED


async def identify(db: Database) -> Identity:
    """Return which store this is, changing nothing: one without an id gets a new one, which counts once it is kept."""
    async with db.transaction() as tx:
        row = (await tx.execute(select(schema.identity))).first()
        others = [table for table in schema.metadata.tables.values() if table is not schema.identity]
        has_rows = await tx.scalar(select(or_(*(exists(select(table)) for table in others))))
        now = await tx.scalar(select(db.now()))
    found = story(_remembered(db.lock), row.store_id if row else None, is_empty=not has_rows)
    if row:
        return Identity(row.store_id, row.made_at, found)
    return Identity(secrets.token_hex(16), now or 0.0, found)


async def keep(db: Database, tx: AsyncConnection, identity: Identity) -> None:
    """Write the identity into the caller's transaction; where another process was first, that one's stays."""
    await db.one_at_a_time(tx)
    if await tx.scalar(select(schema.identity.c.store_id)) is None:
        await tx.execute(db.insert(schema.identity).values(store_id=identity.id, made_at=identity.made_at))


def remember(db: Database, identity: Identity) -> None:
    """Write the id into the lock file, after what is to be said of it is committed. Without a lock file do nothing."""
    if db.lock is not None and _remembered(db.lock) != identity.id:
        os.pwrite(db.lock, identity.id.encode(), 0)
        os.ftruncate(db.lock, len(identity.id))
        os.fsync(db.lock)


def _remembered(lock: int | None) -> str | None:
    found = None if lock is None else _ID.fullmatch(os.pread(lock, 64, 0).strip())
    return found[0].decode() if found else None
