"""Clocks of a store that only a test moves, on both databases."""

from typing import Any

import asyncpg
import pytest
from sqlalchemy import text

from bot.store import Store
from tests.empty_store import run_in_own_loop

_EPOCH = 1_700_000_000.0
"""Where both clocks begin."""
_STOPPED_CLOCK = """
    CREATE SCHEMA IF NOT EXISTS simulated;
    CREATE SCHEMA IF NOT EXISTS unseen;
    CREATE TABLE IF NOT EXISTS unseen.clock (now double precision NOT NULL);
    DELETE FROM unseen.clock;
    INSERT INTO unseen.clock VALUES (1700000000);
    CREATE OR REPLACE FUNCTION simulated.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
        AS 'SELECT to_timestamp(now) FROM unseen.clock';
"""
"""A clock that stands still until it is moved; found first, it takes the place of PostgreSQL's own."""

_SKEWED_CLOCK = """
    CREATE SCHEMA simulated;
    CREATE SCHEMA unseen;
    CREATE TABLE unseen.ahead (seconds double precision NOT NULL);
    INSERT INTO unseen.ahead VALUES (0);
    CREATE FUNCTION simulated.clock_timestamp() RETURNS timestamptz LANGUAGE sql VOLATILE
        AS 'SELECT pg_catalog.clock_timestamp() + seconds * interval ''1 second'' FROM unseen.ahead';
"""
"""A clock that runs, ahead of PostgreSQL's own."""


class StoreClock:
    """A store's time, which does not depend on the machine: on SQLite the clock is ours, PostgreSQL is given one.

    It has to be made before the store is opened.
    """

    def __init__(self, database_url: str) -> None:
        self._is_ours = database_url.startswith("sqlite")
        self._now = _EPOCH
        if not self._is_ours:
            run_in_own_loop(_replace_clock(database_url, _STOPPED_CLOCK))

    def now(self) -> float:
        return self._now

    async def advance(self, store: Store, seconds: float) -> None:
        """Advance the clock by ``seconds``; below 0 it is set back."""
        self._now += seconds
        if not self._is_ours:
            async with store.db.transaction() as tx:
                await tx.execute(text("UPDATE unseen.clock SET now = :now"), {"now": self._now})

    def approx(self, seconds: float) -> Any:
        """Return ``seconds`` to compare a duration with."""
        return pytest.approx(seconds, abs=1e-5)


async def _replace_clock(database_url: str, clock: str) -> None:
    connection = await asyncpg.connect(database_url)
    await connection.execute(clock)
    name = await connection.fetchval("SELECT current_database()")
    await connection.execute(f'ALTER DATABASE "{name}" SET search_path = public, simulated, pg_catalog')
    await connection.close()


class SkewedPostgres:
    """A PostgreSQL whose clock runs, and can be set. It has to be made before anybody connects to the database."""

    def __init__(self, database_url: str) -> None:
        self._url = database_url
        run_in_own_loop(_replace_clock(database_url, _SKEWED_CLOCK))

    def step(self, seconds: float) -> None:
        """Set the clock by so many seconds."""
        run_in_own_loop(self._step(seconds))

    async def _step(self, seconds: float) -> None:
        connection = await asyncpg.connect(self._url)
        await connection.execute("UPDATE unseen.ahead SET seconds = seconds + $1", seconds)
        await connection.close()
