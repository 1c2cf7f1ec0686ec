"""Which store this is, and whether it is the one that was here before.

A store has a random id. The lock file beside an SQLite file outlives it and remembers the id, and how much was written:
so a database that is gone, was swapped, or is older than it was, is noticed instead of being taken for a first start.
"""

import secrets
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import exists, or_, select

from bot.store.db import schema
from bot.store.db.engine import Database, Transaction
from bot.store.sqlite.write_counter import read_lock_file, write_count_of


class StoreOrigin(StrEnum):
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
class StoreIdentity:
    """One store."""

    id: str
    created_at: float
    """When it got its id, seconds since the epoch."""
    origin: StoreOrigin
    write_count: int = field(default=0, compare=False)
    """How many transactions wrote to it; only SQLite counts them."""


def origin_of(
    lock_file_id: str | None, database_id: str | None, *, is_empty: bool, is_older: bool = False
) -> StoreOrigin:
    """Return what became of a store.

    Args:
        lock_file_id: the id that the lock file names, None where it names none.
        database_id: the id in the database, None where it has none: a fresh one, or one of a version without ids.
        is_empty: whether nothing else is in the database.
        is_older: whether fewer transactions wrote to it than to the one that was here.
    """
    if lock_file_id is None:
        return (
            StoreOrigin.NEW if database_id is None else StoreOrigin.KNOWN
        )  # a copy without its lock file, or a server's
    if database_id is None:
        return StoreOrigin.LOST if is_empty else StoreOrigin.REPLACED
    if database_id != lock_file_id:
        return StoreOrigin.REPLACED
    return StoreOrigin.OLDER if is_older else StoreOrigin.KNOWN


async def identify(db: Database) -> StoreIdentity:
    """Return which store this is, changing nothing: one without an id gets a new one, which counts once it is kept."""
    async with db.transaction() as tx:
        row = (await tx.execute(select(schema.store_identity))).first()
        others = [table for table in schema.metadata.tables.values() if table is not schema.store_identity]
        has_rows = await tx.scalar(select(or_(*(exists(select(table)) for table in others))))
        now = await tx.scalar(select(db.now()))
        generation = await write_count_of(tx) if db.is_sqlite else 0
    memory = read_lock_file(db.lock_file)
    is_older = memory is not None and generation < (memory.write_count or 0)
    stored = row.store_id if row else None
    found = origin_of(memory.store_id if memory else None, stored, is_empty=not has_rows, is_older=is_older)
    if row:
        return StoreIdentity(row.store_id, row.created_at, found, generation)
    return StoreIdentity(secrets.token_hex(16), now or 0.0, found, generation)


async def save(db: Database, tx: Transaction, identity: StoreIdentity) -> None:
    """Write the identity into the caller's transaction; where another process was first, that one's stays."""
    await db.advisory_lock(tx)
    if await tx.scalar(select(schema.store_identity.c.store_id)) is None:
        await tx.execute(db.insert(schema.store_identity).values(store_id=identity.id, created_at=identity.created_at))


def write_lock_file(db: Database, identity: StoreIdentity) -> None:
    """Write the id into the lock file, after what is to be said of it is committed, and count what is written from then on.

    Without a lock file do nothing.
    """
    if db.lock_file is not None:
        db.write_counter.begin(db.lock_file, identity.id, identity.write_count)
