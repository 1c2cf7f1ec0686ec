import asyncio
import re
import time as wall
from contextlib import AsyncExitStack
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, inspect, text

from bot.errors import FtjobError
from bot.store import Store, open_store, schema
from bot.store.engine import Database, open_database
from bot.store.migrate import upgrade
from tests.store.seeds import know, known, reading
from tests.store.times import Time

_SQLITE_CATALOG = "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name"
_POSTGRES_CATALOG = [
    """SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND conrelid <> 0 ORDER BY 1, 2""",
    "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1",
    """SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns
    WHERE table_schema = 'public' ORDER BY 1, 2""",
]


async def _tables(db: Database) -> set[str]:
    async with db.transaction() as tx:
        return set(await tx.run_sync(lambda connection: inspect(connection).get_table_names()))


async def _run(db: Database, *statements: str) -> None:
    async with db.transaction() as tx:
        for statement in statements:
            await tx.execute(text(statement))


async def _catalog(db: Database) -> list[Any]:
    """Return all that the database says of its schema, Alembic's own table aside."""
    queries = [_SQLITE_CATALOG] if db.is_sqlite else _POSTGRES_CATALOG
    async with db.transaction() as tx:
        found = [tuple(row) for query in queries for row in await tx.execute(text(query))]
    # The words of each definition: columns and constraints may stand in another order.
    return [sorted(re.findall(r"\w+", " ".join(map(str, row)))) for row in found if "alembic" not in str(row)]


async def test_the_migrated_schema_is_the_declared_one(store: Store) -> None:
    def differences(connection: Connection) -> list[Any]:
        context = MigrationContext.configure(connection, opts={"compare_server_default": True})
        return list(compare_metadata(context, schema.metadata))

    async with store.db.transaction() as tx:
        assert await tx.run_sync(differences) == []


async def test_the_migrated_schema_has_the_declared_constraints_and_indexes(database_url: str, time: Time) -> None:
    async with open_database(database_url, time.clock) as db:
        await upgrade(db)
        migrated = await _catalog(db)
        async with db.transaction() as tx:
            await tx.run_sync(schema.metadata.drop_all)
            await tx.run_sync(schema.metadata.create_all)
        declared = await _catalog(db)

    assert len(declared) > 10
    assert migrated == declared


async def test_an_upgrade_of_what_is_up_to_date_changes_nothing(database_url: str, time: Time) -> None:
    async with open_store(database_url, time.clock) as store:
        await know(store, reading("ftjob-a"))
        before = await _catalog(store.db)
        await upgrade(store.db)
        assert await _catalog(store.db) == before

    async with open_store(database_url, time.clock) as store:
        await known(store, "ftjob-a")


async def test_a_database_of_a_newer_program_is_refused_and_left_alone(database_url: str, time: Time) -> None:
    async with open_store(database_url, time.clock) as store:
        await _run(store.db, "UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(FtjobError, match=r"schema 9999, which this version of ftjob does not know: start a newer one"):
        async with open_store(database_url, time.clock):
            pass

    async with open_database(database_url, time.clock) as db, db.transaction() as tx:
        assert await tx.scalar(text("SELECT version_num FROM alembic_version")) == "9999"


async def test_a_migration_that_fails_halfway_leaves_the_old_state(database_url: str, time: Time) -> None:
    async with open_database(database_url, time.clock) as db:
        await _run(db, "CREATE TABLE subscription (in_the_way INTEGER)")

        with pytest.raises(Exception, match="already exists"):
            await upgrade(db)

        assert await _tables(db) == {"subscription"}
        await _run(db, "DROP TABLE subscription")
        await upgrade(db)
        assert await _tables(db) == {*schema.metadata.tables, "alembic_version"}


async def test_processes_that_start_at_once_upgrade_one_after_the_other(postgres_url: str) -> None:
    async with AsyncExitStack() as stack:
        opening = (stack.enter_async_context(open_store(postgres_url, wall.time)) for _ in range(6))
        stores = await asyncio.gather(*opening)

        await know(stores[0], reading("ftjob-a"))
        await known(stores[-1], "ftjob-a")
