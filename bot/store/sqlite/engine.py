"""Connections to an SQLite file."""

from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import event
from sqlalchemy.engine import URL
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from bot.store.sqlite.integrity import BUSY_SECONDS


def sqlite_engine(path: Path) -> AsyncEngine:
    """Return an engine with one connection."""
    # SQLite before 3.51.3 can lose commits where two share a write-ahead log.
    engine = create_async_engine(
        URL.create("sqlite+aiosqlite", database=str(path)),
        pool_size=1,
        max_overflow=0,
        pool_timeout=60,
        connect_args={"timeout": BUSY_SECONDS},
    )
    event.listen(engine.sync_engine, "connect", _prepare)
    # A connection that is closed under an open cursor, as when a task is cancelled, keeps its lock until it is collected.
    event.listen(engine.sync_engine, "invalidate", lambda connection, _record, _error: connection.rollback())
    # A deferred transaction that turns into a writing one fails at once instead of waiting.
    event.listen(engine.sync_engine, "begin", lambda connection: connection.exec_driver_sql("BEGIN IMMEDIATE"))
    return engine


def read_only_engine(path: Path) -> AsyncEngine:
    """Return an engine that only reads, beside another process that writes."""
    file = URL.create("sqlite+aiosqlite", database=f"file:{quote(str(path))}", query={"mode": "ro", "uri": "true"})
    return create_async_engine(file, connect_args={"timeout": BUSY_SECONDS})


def _prepare(connection: Any, _record: Any) -> None:
    connection.isolation_level = None
    # SQLite's own folds ASCII letters only.
    connection.create_function("lower", 1, _lower, deterministic=True)
    cursor = connection.cursor()
    for pragma in ("journal_mode=WAL", "synchronous=FULL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _lower(value: Any) -> Any:
    return value.lower() if isinstance(value, str) else value
