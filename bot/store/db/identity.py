"""The identity of a store, and its origin: whether it is the one of the last start.

A store has a random id. The lock file beside an SQLite file outlives it and has the id and the write count: so a lost,
replaced or older database is detected, and not mistaken for a first start.
"""

import secrets
from dataclasses import dataclass, field
from enum import StrEnum

from sqlalchemy import exists, or_, select

from bot.store.db import schema
from bot.store.db.engine import Database, Transaction
from bot.store.sqlite.write_counter import write_count_of


class StoreOrigin(StrEnum):
    """Where the store comes from, compared with the last start."""

    NEW = "new"
    """There was no store before."""
    KNOWN = "known"
    """It is the store of the last start."""
    LOST = "lost"
    """There was a store; now there is an empty one."""
    REPLACED = "replaced"
    """Another store is in its place, such as a backup."""
    OLDER = "older"
    """It is the store of the last start without its last writes: its log was deleted, or a copy is in its place."""


@dataclass(frozen=True)
class StoreIdentity:
    """The identity of a store."""

    id: str
    created_at: float
    """When its id was created, seconds since the epoch."""
    origin: StoreOrigin
    write_count: int = field(default=0, compare=False)
    """The number of transactions that wrote to it; on SQLite only."""


def origin_of(
    lock_file_id: str | None, database_id: str | None, *, is_empty: bool, is_older: bool = False
) -> StoreOrigin:
    """Return the origin of a store.

    Args:
        lock_file_id: the id that the lock file names, None where it names none.
        database_id: the id in the database, None where it has none: a fresh one, or one of a version without ids.
        is_empty: whether nothing else is in the database.
        is_older: whether its write count is below that of the lock file.
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
    """Return the identity of a store without changing it; a new id counts once it is saved."""
    async with db.transaction() as tx:
        row = (await tx.execute(select(schema.store_identity))).first()
        others = [table for table in schema.metadata.tables.values() if table is not schema.store_identity]
        has_rows = await tx.scalar(select(or_(*(exists(select(table)) for table in others))))
        now = await tx.scalar(select(db.now()))
        write_count = await write_count_of(tx) if db.is_sqlite else 0
    lock_file = db.file.read_lock_file() if db.file else None
    is_older = lock_file is not None and write_count < (lock_file.write_count or 0)
    stored = row.store_id if row else None
    found = origin_of(lock_file.store_id if lock_file else None, stored, is_empty=not has_rows, is_older=is_older)
    if row:
        return StoreIdentity(row.store_id, row.created_at, found, write_count)
    return StoreIdentity(secrets.token_hex(16), now or 0.0, found, write_count)


async def save(db: Database, tx: Transaction, identity: StoreIdentity) -> None:
    """Save the identity in the caller's transaction, unless another process was first."""
    await db.advisory_lock(tx)
    if await tx.scalar(select(schema.store_identity.c.store_id)) is None:
        await tx.execute(db.insert(schema.store_identity).values(store_id=identity.id, created_at=identity.created_at))


def write_lock_file(db: Database, identity: StoreIdentity) -> None:
    """Write the id to the lock file, after the notice about its origin is committed, and count writes from then on.

    Do nothing without a lock file.
    """
    if db.file:
        db.file.count_writes(identity.id, identity.write_count)
