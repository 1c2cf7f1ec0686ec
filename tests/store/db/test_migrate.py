import asyncio
import json
import os
import re
import signal
import sys
import time as wall
from asyncio.subprocess import PIPE, STDOUT
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import Connection, MetaData, inspect, select, text

from bot.errors import FtjobError
from bot.store import Store, open_store
from bot.store.db import schema
from bot.store.db.engine import Database, open_database
from bot.store.db.migrate import upgrade
from tests.store.clocks import StoreClock
from tests.store.schema_0012 import AUDIT
from tests.store.seeds import add_jobs, known_job, reading

NEWEST = "0016"
_SQLITE_CATALOG = "SELECT name, sql FROM sqlite_master WHERE name NOT LIKE 'sqlite_%' ORDER BY name"
_POSTGRES_CATALOG = [
    """SELECT conrelid::regclass::text, conname, pg_get_constraintdef(oid) FROM pg_constraint
    WHERE connamespace = 'public'::regnamespace AND conrelid <> 0 ORDER BY 1, 2""",
    "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' ORDER BY 1",
    """SELECT table_name, column_name, data_type, is_nullable, column_default FROM information_schema.columns
    WHERE table_schema = 'public' ORDER BY 1, 2""",
]


@pytest.fixture
def is_migrated() -> bool:
    """Each test begins with nothing."""
    return False


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


async def test_the_migrated_schema_has_the_declared_constraints_and_indexes(
    database_url: str, time: StoreClock
) -> None:
    async with open_database(database_url, time.now) as db:
        await upgrade(db)
        migrated = await _catalog(db)
        async with db.transaction() as tx:
            await tx.run_sync(schema.metadata.drop_all)
            await tx.run_sync(schema.metadata.create_all)
        declared = await _catalog(db)

    assert len(declared) > 10
    assert migrated == declared


async def test_an_upgrade_of_what_is_up_to_date_changes_nothing(database_url: str, time: StoreClock) -> None:
    async with open_store(database_url, time.now) as store:
        await add_jobs(store, reading("ftjob-a"))
        before = await _catalog(store.db)
        await upgrade(store.db)
        assert await _catalog(store.db) == before

    async with open_store(database_url, time.now) as store:
        await known_job(store, "ftjob-a")


async def test_a_database_of_a_newer_program_is_refused_and_left_alone(database_url: str, time: StoreClock) -> None:
    async with open_store(database_url, time.now) as store:
        await _run(store.db, "UPDATE alembic_version SET version_num = '9999'")

    with pytest.raises(FtjobError, match=r"from a newer version of ftjob \(schema 9999\). Upgrade ftjob"):
        async with open_store(database_url, time.now):
            pass

    async with open_database(database_url, time.now) as db, db.transaction() as tx:
        assert await tx.scalar(text("SELECT version_num FROM alembic_version")) == "9999"


async def test_a_migration_that_fails_halfway_leaves_the_old_state(database_url: str, time: StoreClock) -> None:
    async with open_database(database_url, time.now) as db:
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

        await add_jobs(stores[0], reading("ftjob-a"))
        await known_job(stores[-1], "ftjob-a")


# --- from the first schema, with data in every table ---

OLD: dict[str, list[dict[str, Any]]] = {
    "account": [{"name": "default", "swept_at": 1.5}, {"name": "other", "swept_at": 0.0}],
    "card": [
        {"id": 7, "account": "default", "job_id": "ftjob-a", "channel": "C1", "ts": "1.000001"},
        {"id": 9, "account": "default", "job_id": "ftjob-a", "channel": "C2", "ts": None},
    ],
    "change": [
        {
            "id": 3,
            "account": "default",
            "job_id": "ftjob-a",
            "version": 2,
            "kind": "status",
            "late": True,
            "old_status": "queued",
            "old_model": None,
            "new_status": "failed",
            "new_model": "ft:m",
            "body": '{"id": "ftjob-a"}',
            "reason": "no \u00fc",
            "seen_at": 2.25,
        }
    ],
    "channel": [{"id": "C1", "free_at": 3.5}],
    "job": [
        {
            "account": "default",
            "id": "ftjob-a",
            "version": 2,
            "status": "failed",
            "fine_tuned_model": "ft:m",
            "created_at": 1000.0,
            "same_since": 2.25,
            "settled": True,
        }
    ],
    "question": [
        {
            "key": "k",
            "verb": "cancel",
            "account": "default",
            "job_id": "ftjob-a",
            "person": "U1",
            "channel": "C1",
            "expires_at": 9.0,
            "answered_at": None,
        }
    ],
    "subscription": [{"account": "default", "channel": "C1", "person": "U1", "newer_than": 1000.0}],
    "track": [{"account": "default", "job_id": "ftjob-a", "channel": "C2", "person": None, "since": 1.0}],
    "delivery": [
        {
            "id": number,
            "key": f"key-{number}",
            "channel": "C1",
            "kind": "post",
            "picture": message_kind,
            "change_id": change,
            "replies_to": 7,
            "state": state,
            "attempts": 1,
            "in_doubt": state == "ambiguous",
            "not_before": 4.0,
            "lease_until": 5.0,
            "token": "t",
            "created_at": 2.5,
            "first_at": 2.75,
            "last_at": None,
            "ts": "1.000002",
            "error": "ratelimited",
        }
        for number, (message_kind, change, state) in enumerate(
            [
                *(("change", 3, state) for state in ("pending", "inflight", "ambiguous", "sent", "parked", "dead")),
                ("card", None, "sent"),
            ],
            start=11,
        )
    ],
}


RENAMED_TABLES = {"question": "confirmation"}
RENAMED_COLUMNS = {
    "account": {"swept_at": "polled_at"},
    "job": {"same_since": "state_since", "settled": "closed"},
    "question": {"answered_at": "confirmed_at"},
    "delivery": {
        "picture": "message_kind",
        "replies_to": "card_id",
        "in_doubt": "unconfirmed",
        "first_at": "first_attempt_at",
        "last_at": "last_attempt_at",
    },
}
RENAMED_STATES = {"unconfirmed": "ambiguous"}


async def _make_old(url: str) -> None:
    """Make a database as the first version left it."""
    async with open_database(url, wall.time) as db:
        await upgrade(db, "0001")
        tables = await _reflected(db)
        assert set(OLD) == set(tables) - {"alembic_version"}
        async with db.transaction() as tx:
            for name, found in OLD.items():
                await tx.execute(tables[name].insert(), found)


async def _reflected(db: Database) -> dict[str, Any]:
    metadata = MetaData()
    async with db.transaction() as tx:
        await tx.run_sync(metadata.reflect)
    return dict(metadata.tables)


async def _old_rows(db: Database) -> dict[str, list[dict[str, Any]]]:
    """Return what the first version would see of every table of its own, by its own names."""
    tables, found = await _reflected(db), {}
    async with db.transaction() as tx:
        for name, expected in OLD.items():
            table = tables[name] if name in tables else tables[RENAMED_TABLES[name]]
            renamed = RENAMED_COLUMNS.get(name, {})
            columns = [
                (table.c[column] if column in table.c else table.c[renamed[column]]).label(column)
                for column in expected[0]
            ]
            rows = await tx.execute(select(*columns).order_by(*table.primary_key.columns))
            found[name] = [dict(row._mapping) for row in rows]  # noqa: SLF001 - SQLAlchemy's public name for it
    for row in found["delivery"]:
        row["state"] = RENAMED_STATES.get(row["state"], row["state"])
    return found


async def _revision(db: Database) -> str | None:
    async with db.transaction() as tx:
        return await tx.run_sync(lambda connection: MigrationContext.configure(connection).get_current_revision())


async def test_every_row_of_the_first_schema_is_kept(database_url: str) -> None:
    await _make_old(database_url)
    async with open_store(database_url, wall.time) as store:
        assert await _old_rows(store.db) == OLD
        assert await _revision(store.db) == NEWEST
        await known_job(store, "ftjob-a")
        assert await store.outbox.deliveries.seconds_to_next() is not None


async def test_whose_direct_messages_a_channel_is_is_taken_from_who_follows_there(database_url: str) -> None:
    await _make_old(database_url)
    async with open_database(database_url, wall.time) as db:
        tables = await _reflected(db)
        tracks = [
            {"job_id": f"ftjob-{nth}", "channel": direct, "person": person}
            for nth, (direct, person) in enumerate(
                [("D1", "U1"), ("D1", "U1"), ("D2", None), ("C2", "U3"), ("D3", "U4")]
            )
        ]
        async with db.transaction() as tx:
            await tx.execute(
                tables["track"].insert(), [{"account": "default", "since": 1.0, **each} for each in tracks]
            )
            await tx.execute(tables["channel"].insert(), [{"id": "D3", "free_at": 7.0}])
    async with open_store(database_url, wall.time) as store:
        persons = [await store.channels.direct_messages.owner(channel) for channel in ("D1", "D2", "C2", "D3", "U7")]
        async with store.db.transaction() as tx:
            assert await tx.scalar(text("SELECT free_at FROM channel WHERE id = 'D3'")) == 7.0

    assert persons == ["U1", "", None, "U4", "U7"]


async def _db_upgrade(folder: Path, url: str, **more: str) -> tuple[int | None, str]:
    """Run ``ftjob db upgrade`` as a process of its own."""
    secrets = {
        "SLACK_BOT_TOKEN": "xoxb-0123456789abcdef",
        "SLACK_APP_TOKEN": "xapp-0123456789abcdef",
        "OPENAI_API_KEY": "sk-1",
    }
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "bot", "db", "upgrade"),
        cwd=folder,
        env={"PATH": os.environ["PATH"], **secrets, "DATABASE_URL": url, **more},
        stdout=PIPE,
        stderr=STDOUT,
    )
    async with asyncio.timeout(300):
        said, _ = await process.communicate()
    return process.returncode, said.decode()


@pytest.mark.deep
async def test_a_kill_within_the_migration_leaves_the_old_schema_whole(database_url: str, tmp_path: Path) -> None:
    await _make_old(database_url)
    async with open_database(database_url, wall.time) as db:
        before = await _catalog(db)

    for _ in range(3):
        killed, said = await _db_upgrade(tmp_path, database_url, FTJOB_CRASH_AT="in_migration")
        assert killed == -signal.SIGKILL, said
        async with open_database(database_url, wall.time) as db:
            assert await _revision(db) == "0001"
            assert await _catalog(db) == before
            assert await _old_rows(db) == OLD

    assert await _db_upgrade(tmp_path, database_url) == (0, "The database is up to date.\n")
    async with open_database(database_url, wall.time) as db:
        assert await _revision(db) == NEWEST
        assert await _old_rows(db) == OLD


async def test_a_kill_within_the_first_migration_leaves_nothing(database_url: str, tmp_path: Path) -> None:
    killed, said = await _db_upgrade(tmp_path, database_url, FTJOB_CRASH_AT="in_migration")
    assert killed == -signal.SIGKILL, said
    async with open_database(database_url, wall.time) as db:
        assert await _tables(db) == set()

    assert await _db_upgrade(tmp_path, database_url) == (0, "The database is up to date.\n")
    async with open_store(database_url, wall.time) as store:
        assert await _revision(store.db) == NEWEST


async def test_a_kill_after_the_migration_leaves_the_new_schema(database_url: str, tmp_path: Path) -> None:
    await _make_old(database_url)
    assert await _db_upgrade(tmp_path, database_url) == (0, "The database is up to date.\n")

    killed, said = await _db_upgrade(tmp_path, database_url, FTJOB_CRASH_AT="in_migration")

    assert killed == -signal.SIGKILL, said
    async with open_store(database_url, wall.time) as store:
        assert await _revision(store.db) == NEWEST
        assert await _old_rows(store.db) == OLD


WANDB = {"project": "search", "api_key": "plainh1dd3n", "token_count": "4096"}


async def test_what_older_versions_stored_loses_its_secrets_and_nothing_else(database_url: str) -> None:
    body = {"id": "ftjob-a", "integrations": [{"type": "wandb", "wandb": WANDB}], "seed": 7, "trained_tokens": 5000}
    old = [
        {
            **OLD["change"][0],
            "id": 100 + n,
            "version": 100 + n,
            "body": json.dumps(body),
            "reason": "gsk_" + "h1dd3n" * 5,
        }
        for n in range(1100)
    ]
    async with open_database(database_url, wall.time) as db:
        await upgrade(db, "0009")
        tables = await _reflected(db)
        async with db.transaction() as tx:
            await tx.execute(tables["change"].insert(), [*OLD["change"], *old])
            snapshots = [
                {
                    "account": account,
                    "job_id": f"ftjob-{n}",
                    "body": json.dumps(body if n else {"id": "x"}),
                    "digest": "d",
                }
                for account in ("default", "other")
                for n in range(3)
            ]
            await tx.execute(tables["picture"].insert(), snapshots)
            await tx.execute(tables["audit"].insert(), AUDIT)

    async with open_store(database_url, wall.time) as store:
        async with store.db.transaction() as tx:
            changes = (await tx.execute(select(schema.change.c.body, schema.change.c.reason).order_by("id"))).all()
            kept = (await tx.execute(select(schema.job_snapshot.c.body, schema.job_snapshot.c.body_hash))).all()
        assert await store.actions.audit.first_broken() is None

    clean = {**body, "integrations": [{"type": "wandb", "wandb": {**WANDB, "api_key": "..."}}]}
    assert tuple(changes[0]) == (OLD["change"][0]["body"], OLD["change"][0]["reason"])
    assert {(json.dumps(clean), "gsk_...")} == {tuple(row) for row in changes[1:]}
    assert len(changes) == 1101
    assert sorted(map(tuple, kept)) == sorted(
        [('{"id": "x"}', "d"), (json.dumps(clean), ""), (json.dumps(clean), "")] * 2
    )


async def test_stored_jobs_get_their_names_and_open_cards_are_drawn_again(database_url: str) -> None:
    bodies = {
        "ftjob-a": {"metadata": {"name": "ranker \u00fc"}, "suffix": "other"},
        "ftjob-b": {"user_provided_suffix": "s" * 70},
        "ftjob-c": {"fine_tuned_model": "ft:gpt-4o:acme:search:1"},
        "ftjob-d": {"metadata": None, "fine_tuned_model": "ft:gpt-4o:acme::1"},
    }
    async with open_database(database_url, wall.time) as db:
        await upgrade(db, "0013")
        tables = await _reflected(db)
        async with db.transaction() as tx:
            for nth, (job_id, body) in enumerate(bodies.items()):
                key = {"account": "default", "job_id": job_id}
                state = {"version": 1, "status": "running", "state_since": 9e8 * (nth > 2), "closed": nth > 1}
                await tx.execute(tables["job"].insert(), {"account": "default", "id": job_id, **state})
                await tx.execute(tables["job_snapshot"].insert(), {**key, "body": json.dumps(body), "body_hash": "h"})
                await tx.execute(tables["card"].insert(), {"id": nth + 1, **key, "channel": "C1", "ts": "1.0"})

    async with open_store(database_url, wall.time) as store, store.db.transaction() as tx:
        names = dict((await tx.execute(select(schema.job_snapshot.c.job_id, schema.job_snapshot.c.name))).all())
        cards = dict((await tx.execute(select(schema.card.c.job_id, schema.card.c.generation))).all())

    assert names == {"ftjob-a": "ranker \u00fc", "ftjob-b": "s" * 59 + "…", "ftjob-c": "search", "ftjob-d": None}
    assert cards == {"ftjob-a": 1, "ftjob-b": 1, "ftjob-c": 0, "ftjob-d": 1}, "one closed long ago stays as it is"


async def test_subscriptions_to_every_account_are_marked_and_old_jobs_are_no_news(database_url: str) -> None:
    subscribed = [
        ("default", "CALL", 10.0),
        ("other", "CALL", 10.0),
        ("default", "CONE", 10.0),
        ("other", "CNEW", 60.0),
    ]
    async with open_database(database_url, wall.time) as db:
        await upgrade(db, "0014")
        tables = await _reflected(db)
        async with db.transaction() as tx:
            for name in ("default", "other"):
                await tx.execute(tables["account"].insert(), {"name": name})
                state = {"account": name, "version": 1, "status": "running", "state_since": 0.0, "closed": False}
                for created_at in (20.0, 50.0):
                    job = {"id": f"ftjob-{created_at:g}", "created_at": created_at, **state}
                    await tx.execute(tables["job"].insert(), job)
            for account, channel, newer_than in subscribed:
                row = {"account": account, "channel": channel, "person": "U1", "filter": "{}", "newer_than": newer_than}
                await tx.execute(tables["subscription"].insert(), row)

    async with open_store(database_url, wall.time) as store, store.db.transaction() as tx:
        columns = schema.subscription.c
        rows = await tx.execute(select(columns.channel, columns.every_account, columns.newer_than).order_by(columns.id))
        found = [tuple(row) for row in rows]

    assert found == [("CALL", True, 50.0), ("CALL", True, 50.0), ("CONE", False, 50.0), ("CNEW", False, 60.0)]
