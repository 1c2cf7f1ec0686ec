"""The write count of an SQLite file: the number of transactions that wrote to it, in the file and in its lock file.

SQLite accepts a file whose write-ahead log was deleted, or an older copy. The lock file outlives both: a file with a
lower count than the lock file has lost committed transactions.
"""

import os
import re
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

_CONTENT = re.compile(rb"([0-9a-f]{32})(?: (\d{10}))?\s*")
_LENGTH = 64


@dataclass(frozen=True)
class LockFileContent:
    """The content of a lock file: the store of the last start."""

    store_id: str
    write_count: int | None
    """None if a version without counts wrote it."""


def read_lock_file(lock: int | None) -> LockFileContent | None:
    """Return the content of a lock file, None if it has none that can be read."""
    found = _CONTENT.fullmatch(os.pread(lock, _LENGTH, 0)) if lock is not None else None
    return LockFileContent(found[1].decode(), int(found[2]) if found[2] else None) if found else None


class WriteCounter:
    """Counts the transactions that write to a file, from ``begin`` on."""

    def __init__(self) -> None:
        self._lock: int | None = None
        self._store_id = ""
        self._written: int | None = None

    def begin(self, lock: int, store_id: str, write_count: int) -> None:
        """Write a store's id and count to the lock file, and count from there."""
        self._lock, self._store_id = lock, store_id
        self._write(max(write_count, self._written or 0))
        os.fsync(lock)

    async def row_changes(self, tx: AsyncConnection) -> int:
        """Return the number of rows that the connection has changed."""
        connection: Any = await tx.get_raw_connection()
        return int(connection.driver_connection.total_changes)

    async def count(self, tx: AsyncConnection, before: int) -> int | None:
        """Count a transaction that is about to be committed, if it changed anything; return its number or None."""
        if self._written is None or not tx.in_transaction() or await self.row_changes(tx) == before:
            return None
        await tx.exec_driver_sql(f"PRAGMA user_version = {self._written + 1}")
        return self._written + 1

    def committed(self, write_count: int | None) -> None:
        """Record a committed transaction in the lock file: an older file is detected from now on."""
        if write_count is not None:
            self._write(write_count)

    def _write(self, write_count: int) -> None:
        if self._lock is not None:
            content = f"{self._store_id} {write_count:010d}".encode()
            os.pwrite(self._lock, content, 0)
            if self._written is None:
                os.ftruncate(self._lock, len(content))
            self._written = write_count


async def write_count_of(tx: AsyncConnection) -> int:
    """Return the write count of an SQLite file."""
    return int((await tx.exec_driver_sql("PRAGMA user_version")).scalar_one())
