"""Integrity checks of an SQLite file, and translation of its errors."""

import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from bot.errors import FtjobError, StoreDamaged, StoreLocked

BUSY_SECONDS = 5.0
"""How long SQLite waits for a lock that a backup or a person's shell holds."""

_HEADER = 100
_LOGS = ("-wal", "-journal")
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}


def check_integrity(path: Path) -> None:
    """Read the whole file without changing it. One that is empty passes: it is a store that has yet to begin.

    Raises:
        StoreDamaged: it is no database, shorter than it says, or a page of it is broken.
        StoreLocked: another program kept it locked for ``BUSY_SECONDS``.
    """
    if path.stat().st_size == 0:
        return
    if missing := _missing(path):
        raise _damaged(path, missing)
    with (
        explain_sqlite_errors(path),
        closing(sqlite3.connect(_read_only(path), timeout=BUSY_SECONDS, uri=True)) as connection,
    ):
        # A broken page is a row of the result, not an exception.
        (found,) = connection.execute("PRAGMA quick_check(1)").fetchone()
    if found != "ok":
        raise _damaged(path, found.splitlines()[-1])


@contextmanager
def explain_sqlite_errors(path: Path) -> Iterator[None]:
    """Turn SQLite's errors within the block into ours.

    Raises:
        StoreDamaged: SQLite met what no program of its own has written.
        StoreLocked: another program kept the file locked.
        FtjobError: the file cannot be used for another reason, such as a full disk.
    """
    try:
        yield
    except (sqlite3.Error, DBAPIError) as error:
        cause = error.orig if isinstance(error, DBAPIError) else error
        code = getattr(cause, "sqlite_errorcode", None)
        if code is None:
            raise
        raise _error(path, code & 0xFF, str(cause)) from error


def is_lock_error(error: BaseException | None) -> bool:
    """Whether SQLite met a lock of another program that it waited for in vain; never for an error of PostgreSQL."""
    return getattr(error, "sqlite_errorcode", 0) & 0xFF in _BUSY


def _error(path: Path, code: int, found: str) -> FtjobError:
    if code in _DAMAGED:
        return _damaged(path, found)
    if code in _BUSY:
        return StoreLocked(f"{path} is locked by another program. Close that program, then try again.")
    return FtjobError(f"{path} can't be used: {found}.")


def _damaged(path: Path, found: str) -> StoreDamaged:
    # A write-ahead log that stays behind would be played into whatever takes the file's place.
    return StoreDamaged(
        f"{path} is damaged ({found}). The file wasn't changed. Move it elsewhere, along with {path.name}-wal and "
        f"{path.name}-shm if they exist, then restore a backup or start fresh (all tracking will be lost)."
    )


def _missing(path: Path) -> str | None:
    """Return how the file contradicts its own header; None if it doesn't. SQLite reads a truncated end as zeros."""
    with path.open("rb") as file:
        header = file.read(_HEADER)
    size = path.stat().st_size
    if len(header) < _HEADER:
        return f"a {size}-byte file is too small for a database"
    if not header.startswith(b"SQLite format 3\0") or any(path.with_name(path.name + end).exists() for end in _LOGS):
        return None  # a log may hold what is missing; SQLite itself says what is wrong with another header
    page = int.from_bytes(header[16:18], "big")
    said = (65536 if page == 1 else page) * int.from_bytes(header[28:32], "big")
    return f"only {size:,} of {said:,} bytes are there" if size < said else None


def _read_only(path: Path) -> str:
    """Return an address under which nothing is written: closing would else play the write-ahead log into the file."""
    return f"{path.absolute().as_uri()}?mode=ro"
