"""A dry run of a start: whether a database can be created, opened and written. It leaves nothing behind."""

import asyncio
import os
import sqlite3
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from sqlalchemy import update

from bot.store.db import schema
from bot.store.db.engine import Database, open_database, sqlite_path
from bot.store.db.migrate import is_behind, revision_of, upgrade
from bot.store.db.url import SqliteAddress, parse
from bot.store.sqlite.file_lock import lock_if_exists, open_error
from bot.store.sqlite.integrity import BUSY_SECONDS, check_integrity, explain_sqlite_errors

_BESIDE = ("-wal", "-shm")


class SchemaState(StrEnum):
    """The state of the schema before a start."""

    READY = "up to date"
    OLD = "outdated; `ftjob run` will migrate it"
    EMPTY = "not created yet; `ftjob run` will create it"


@dataclass(frozen=True)
class Probe:
    """A usable database."""

    kind: str
    state: SchemaState
    ignored: Sequence[str] = ()
    """Options of its URL without effect."""


async def probe(url: str) -> Probe:
    """Return what a start with the database at ``url`` would find; neither it nor anything beside it is changed.

    Raises:
        FtjobError: it could not be used, as of ``open_store``.
    """
    address = parse(url)
    if isinstance(address, SqliteAddress):
        return Probe("SQLite", await _sqlite(sqlite_path(url)), address.ignored)
    async with open_database(url, time.time) as db:
        return Probe("PostgreSQL", await _postgres(db), db.ignored_options)


async def _postgres(db: Database) -> SchemaState:
    async with db.transaction(without_timeout=True) as tx:
        state = _state(await tx.run_sync(revision_of))
        if state is SchemaState.READY:
            # It changes no row, and is refused where no row could be changed.
            nothing = update(schema.store_identity).where(schema.store_identity.c.store_id.is_(None))
            await tx.execute(nothing.values(created_at=0.0))
        await tx.rollback()
    if state is SchemaState.EMPTY:
        await upgrade(db, keep=False)
    return state


async def _sqlite(path: Path) -> SchemaState:
    with lock_if_exists(path):
        if _is_empty(path):
            await _make_elsewhere(path)
            return SchemaState.EMPTY
        with _tidy(path):
            await asyncio.to_thread(check_integrity, path)
            return await asyncio.to_thread(_inspect, path)


def _is_empty(path: Path) -> bool:
    return not path.exists() or path.stat().st_size == 0


async def _make_elsewhere(path: Path) -> None:
    """Make a database beside where the real one would be, in a folder that is removed afterwards."""
    with _folder_beside(path) as trial:
        async with open_database(f"sqlite:///{trial}/ftjob.db", time.time) as db:
            with explain_sqlite_errors(path):
                await upgrade(db)


def _folder_beside(path: Path) -> tempfile.TemporaryDirectory[str]:
    try:
        return tempfile.TemporaryDirectory(prefix=".ftjob-check-", dir=Path(os.path.realpath(path)).parent)
    except OSError as error:
        raise open_error(path, error) from error


def _inspect(path: Path) -> SchemaState:
    """Return the state of a file that takes writes; one with a log beside it is only read: closing would play that in."""
    has_log = not _is_empty(Path(f"{os.path.realpath(path)}-wal"))
    uri = f"{path.absolute().as_uri()}?mode={'ro' if has_log else 'rw'}"
    with (
        explain_sqlite_errors(path),
        closing(sqlite3.connect(uri, timeout=BUSY_SECONDS, uri=True, isolation_level=None)) as opened,
    ):
        if not has_log:
            opened.execute("BEGIN IMMEDIATE")
        is_ours = opened.execute("SELECT 1 FROM sqlite_master WHERE name = 'alembic_version'").fetchone()
        row = opened.execute("SELECT version_num FROM alembic_version").fetchone() if is_ours else None
        return _state(row[0] if row else None)


def _state(revision: str | None) -> SchemaState:
    if revision is None:
        return SchemaState.EMPTY
    return SchemaState.OLD if is_behind(revision) else SchemaState.READY


@contextmanager
def _tidy(path: Path) -> Iterator[None]:
    """Remove what SQLite puts beside a file that it reads, if it was not there before and holds nothing."""
    real_path = os.path.realpath(path)
    new = [file for end in _BESIDE if not (file := Path(f"{real_path}{end}")).exists()]
    try:
        yield
    finally:
        # A log that came meanwhile and holds something is that of another program: without it, its writes are lost.
        is_others = any(file.name.endswith("-wal") and not _is_empty(file) for file in new)
        for file in [] if is_others else new:
            with suppress(OSError):
                file.unlink()
