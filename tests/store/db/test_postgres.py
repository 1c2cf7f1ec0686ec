"""Connections to PostgreSQL: through a pooler, through failovers, and with the options that a URL gives the driver."""

import asyncio
import time as wall
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from bot.store import Store, open_store
from bot.store.db.engine import Database, open_database
from bot.store.db.postgres import TRANSACTION_TIMEOUT, connect_arguments
from bot.store.db.url import PostgresAddress, parse
from tests.pgbouncer import pgbouncer
from tests.postgres import admin
from tests.store.postgres_proxy import PostgresProxy
from tests.store.seeds import add_jobs, known_job, reading

# --- options of the driver ---

ARGUMENTS: dict[str, dict[str, Any]] = {
    "postgres://u:p@h:5/d": {"host": ["h"], "port": [5], "user": "u", "password": "p", "database": "d"},
    "postgres://h/d?sslmode=require&channel_binding=require": {
        "host": ["h"],
        "port": [5432],
        "database": "d",
        "dsn": "postgresql://?sslmode=require",
    },
    "postgresql:///d?host=/var/run/pg": {"host": ["/var/run/pg"], "port": [5432], "database": "d"},
    "postgresql:///d?sslmode=prefer&sslrootcert=/nowhere/ca.pem": {
        "database": "d",
        "dsn": "postgresql://?sslmode=prefer",
    },
    "postgresql:///d?sslpassword=a%26b&application_name=bot&options=-c%20a%3Db&target_session_attrs=primary": {
        "database": "d",
        "dsn": "postgresql://?sslpassword=a%26b",
        "server_settings": {"application_name": "bot", "options": "-c a=b"},
        "target_session_attrs": "primary",
    },
    "postgresql:///d?connect_timeout=3": {"database": "d", "timeout": 3},
    "postgresql:///d?connect_timeout=60": {"database": "d", "timeout": TRANSACTION_TIMEOUT},
}


@pytest.mark.parametrize("url", ARGUMENTS)
def test_an_address_becomes_arguments_of_the_driver(url: str) -> None:
    address = parse(url)
    assert isinstance(address, PostgresAddress)
    assert connect_arguments(address) == {"timeout": TRANSACTION_TIMEOUT, **ARGUMENTS[url]}


async def test_the_trust_of_the_machine_is_tls_that_checks_the_name() -> None:
    address = parse("postgresql://h/d?sslrootcert=system")
    assert isinstance(address, PostgresAddress)
    assert connect_arguments(address)["ssl"].check_hostname


@pytest.mark.parametrize(
    "change", ["?connect_timeout=10", "?application_name=my%20bot&options=-c%20statement_timeout%3D9s"]
)
async def test_options_of_libpq_reach_the_server(postgres_url: str, change: str) -> None:
    async with open_store(postgres_url + change, wall.time) as store, store.db.transaction() as tx:
        shown = [
            (await tx.execute(text(f"SHOW {name}"))).scalar() for name in ("application_name", "statement_timeout")
        ]
    assert shown == (["", "0"] if "timeout=10" in change else ["my bot", "9s"])


# --- behind a pooler ---


async def use(db: Database, times: int) -> None:
    """Use the database as it is used all the time: a few statements, the same ones again and again."""
    for nth in range(times):
        async with db.transaction() as tx:
            await tx.execute(text("SELECT CAST(:nth AS int)"), {"nth": nth})
            await tx.execute(text("SELECT count(*) FROM pg_catalog.pg_class"))


async def prepared(db: Database) -> int:
    """Return how many statements are prepared in the server's session that answers."""
    async with db.transaction() as tx:
        return int((await tx.execute(text("SELECT count(*) FROM pg_prepared_statements"))).scalar_one())


@pytest.mark.parametrize("pool_mode", ["transaction", "session"])
async def test_behind_a_pooler_every_transaction_works_and_leaves_nothing(postgres_url: str, pool_mode: str) -> None:
    with pgbouncer(postgres_url, pool_mode=pool_mode) as url:
        async with open_database(url, wall.time) as one, open_database(url, wall.time) as two:
            # More at once than the pooler has sessions, so that each transaction meets another one.
            parallel = 2 if pool_mode == "transaction" else 1
            await asyncio.gather(*(use(db, 20) for db in (one, two) for _ in range(parallel)))
            assert [await prepared(db) for db in (one, two)] == [0, 0]


async def test_a_store_is_made_and_used_behind_a_pooler(postgres_url: str) -> None:
    with pgbouncer(postgres_url) as url:
        for _ in range(3):
            async with open_store(url, wall.time) as store:
                await asyncio.gather(*(add_jobs(store, reading(f"ftjob-{n}")) for n in range(5)))
        async with open_store(url, wall.time) as store:
            for n in range(5):
                await known_job(store, f"ftjob-{n}")


async def test_a_server_without_a_pooler_keeps_its_prepared_statements(postgres_url: str) -> None:
    async with open_database(postgres_url, wall.time) as db:
        await use(db, 3)
        assert await prepared(db) > 0


async def test_a_pooler_that_comes_in_between_later_is_noticed(postgres_url: str) -> None:
    """The same address leads to the server itself at first, then to a pooler."""
    wire = PostgresProxy(postgres_url)
    async with wire.serving() as url, open_database(url, wall.time) as db:
        await use(db, 2)
        assert await prepared(db) > 0
        with pgbouncer(postgres_url) as pooled:
            wire.redirect(pooled)
            await use(db, 20)
            assert await prepared(db) == 0


# --- sessions that a failover leaves behind ---


@pytest.fixture
async def pool(postgres_url: str) -> AsyncIterator[Store]:
    """A store with several connections open."""
    async with open_store(postgres_url, wall.time) as store:
        await _hold(store, 4)
        yield store


async def _hold(store: Store, connections: int) -> None:
    """Let so many connections be open at once."""
    ready, held = asyncio.Event(), 0

    async def hold() -> None:
        nonlocal held
        async with store.db.transaction() as tx:
            await tx.execute(text("SELECT 1"))
            held += 1
            if held == connections:
                ready.set()
            await ready.wait()

    await asyncio.gather(*(hold() for _ in range(connections)))


async def _read_only_sessions(server: str, name: str, store: Store) -> None:
    """Leave the pool with sessions that refuse to write, of a database that writes again."""
    async with admin(server) as connection:
        await connection.execute(f"ALTER DATABASE {name} SET default_transaction_read_only = on")
        await connection.execute("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
        await _hold(store, 4)
        await connection.execute(f"ALTER DATABASE {name} RESET default_transaction_read_only")


async def test_sessions_that_a_failover_left_read_only_cost_one_transaction(
    pool: Store, postgres_server: str, postgres_url: str
) -> None:
    await _read_only_sessions(postgres_server, postgres_url.rpartition("/")[2], pool)

    with pytest.raises(DBAPIError, match="read-only"):
        await add_jobs(pool, reading("ftjob-refused"))

    for n in range(4):
        await add_jobs(pool, reading(f"ftjob-{n}"))
    await asyncio.gather(*(known_job(pool, f"ftjob-{n}") for n in range(4)))


@pytest.mark.parametrize("state", ["57P01", "57P02", "57P03", "08006", "53300"])
async def test_errors_of_a_server_that_goes_away_drop_every_connection(pool: Store, state: str) -> None:
    before = await _session(pool)
    with pytest.raises(DBAPIError):
        async with pool.db.transaction() as tx:
            await tx.execute(text(f"DO $$ BEGIN RAISE EXCEPTION 'gone' USING ERRCODE = '{state}'; END $$"))
    assert not before & await _session(pool)


async def test_an_error_of_a_statement_drops_no_connection(pool: Store) -> None:
    before = await _session(pool)
    with pytest.raises(DBAPIError):
        async with pool.db.transaction() as tx:
            await tx.execute(text("SELECT 1 / 0"))
    assert before == await _session(pool)


async def _session(store: Store) -> set[int]:
    """Return the server's processes behind the pool."""
    found: set[int] = set()
    ready = asyncio.Event()

    async def hold() -> None:
        async with store.db.transaction() as tx:
            found.add((await tx.execute(text("SELECT pg_backend_pid()"))).scalar_one())
            if len(found) == 4:
                ready.set()
            await ready.wait()

    await asyncio.gather(*(hold() for _ in range(4)))
    return found
