"""The SQLite file behind a database: its transactions are counted, and its locks by other programs logged."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from sqlalchemy.exc import OperationalError
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store.sqlite.integrity import is_lock_error
from bot.store.sqlite.write_counter import LockFileContent, WriteCounter, read_lock_file

log = structlog.get_logger()


class SqliteFile:
    """An open SQLite file."""

    def __init__(self, lock: int | None = None) -> None:
        """Take the descriptor of the lock file beside it; None for a file that is only read."""
        self._lock = lock
        self._write_counter = WriteCounter()
        self.is_locked = False
        """Whether another program locked the file during the last transaction."""

    def read_lock_file(self) -> LockFileContent | None:
        """Return the content of the lock file, None if it has none that can be read."""
        return read_lock_file(self._lock)

    def count_writes(self, store_id: str, write_count: int) -> None:
        """Write a store's id and count to the lock file, and count from then on; do nothing without a lock file."""
        if self._lock is not None:
            self._write_counter.begin(self._lock, store_id, write_count)

    @asynccontextmanager
    async def transaction(self, tx: AsyncConnection) -> AsyncIterator[None]:
        """Connect and begin; commit at the end of the block, or roll back on any exception."""
        try:
            async with tx, tx.begin():
                before = await self._write_counter.row_changes(tx)
                yield
                write_count = await self._write_counter.count(tx, before)
            self._write_counter.committed(write_count)
            self._log_lock(None)
        except OperationalError as error:
            if is_lock_error(error.orig):
                self._log_lock(error)
            raise

    def _log_lock(self, error: Exception | None) -> None:
        """Log once that the file is locked, and once that it no longer is.

        Writers wait for it in turn, ``BUSY_SECONDS`` each: the first that times out logs it for all.
        """
        if error and not self.is_locked:
            log.error("store.locked", exc_info=error)
        elif self.is_locked and not error:
            log.info("store.unlocked")
        self.is_locked = error is not None
