"""The generation of an SQLite file: how many transactions wrote to it, as the file says and as the lock file beside it does.

SQLite takes a file whose write-ahead log is gone, or an older copy, for the whole truth. The lock file outlives both: a
file of an earlier generation than it names has lost what was committed since.
"""

import os
import re
from dataclasses import dataclass
from typing import Any

from sqlalchemy.ext.asyncio import AsyncConnection

_MEMORY = re.compile(rb"([0-9a-f]{32})(?: (\d{10}))?\s*")
_LENGTH = 64


@dataclass(frozen=True)
class LockFileContent:
    """What the lock file says of the store that was here."""

    store_id: str
    write_count: int | None
    """None where a version wrote it that did not count."""


def read_lock_file(lock: int | None) -> LockFileContent | None:
    """Return what a lock file says, None where it says nothing that can be read."""
    found = _MEMORY.fullmatch(os.pread(lock, _LENGTH, 0)) if lock is not None else None
    return LockFileContent(found[1].decode(), int(found[2]) if found[2] else None) if found else None


class WriteCounter:
    """Counts the transactions that write to a file. It begins once the store is the one that is known here."""

    def __init__(self) -> None:
        self._lock: int | None = None
        self._store_id = ""
        self._written: int | None = None

    def begin(self, lock: int, store_id: str, write_count: int) -> None:
        """Let the lock file name a store and its generation, and count from there."""
        self._lock, self._store_id = lock, store_id
        self._write(max(write_count, self._written or 0))
        os.fsync(lock)

    async def row_changes(self, tx: AsyncConnection) -> int:
        """Return how many rows the connection has changed so far."""
        connection: Any = await tx.get_raw_connection()
        return int(connection.driver_connection.total_changes)

    async def count(self, tx: AsyncConnection, before: int) -> int | None:
        """Count a transaction that is about to be committed, if it changed anything; return its number or None."""
        if self._written is None or not tx.in_transaction() or await self.row_changes(tx) == before:
            return None
        await tx.exec_driver_sql(f"PRAGMA user_version = {self._written + 1}")
        return self._written + 1

    def committed(self, write_count: int | None) -> None:
        """Note that a transaction was committed: from now on the file cannot be older without being noticed."""
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
    """Return the generation that an SQLite file says it is of."""
    return int((await tx.exec_driver_sql("PRAGMA user_version")).scalar_one())
