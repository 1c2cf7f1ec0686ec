"""A dry run of a start changes nothing, neither in a database nor beside it, and finds out what a start would."""

import os
import shutil
import sqlite3
import time
from contextlib import closing
from pathlib import Path

import asyncpg
import pytest

from bot.errors import FtjobError, StoreInUse, StoreLocked, StoreUnusable
from bot.store import open_store
from bot.store.db.engine import open_database
from bot.store.db.migrate import upgrade
from bot.store.db.probe import SchemaState, probe
from bot.store.sqlite.integrity import BUSY_SECONDS, check_integrity
from tests.empty_store import lay_out

OLDER = "0010"


def seen(folder: Path) -> dict[str, tuple[bytes, int, int] | None]:
    """Return every file of a folder: what is in it, when it was written, and who may read it.

    Of the index of a log, which holds nothing of its own, it is only whether there is one.
    """
    return {
        file.name: None
        if file.name.endswith("-shm")
        else (file.read_bytes(), file.stat().st_mtime_ns, file.stat().st_mode)
        for file in folder.iterdir()
    }


async def left_alone(folder: Path, file: Path) -> SchemaState:
    """Try a database and return what was found; nothing may have changed."""
    before = seen(folder)
    found = await probe(f"sqlite:///{file}")
    assert seen(folder) == before
    assert (found.kind, found.ignored) == ("SQLite", ())
    return found.state


async def test_where_there_is_no_file_yet_none_is_made(tmp_path: Path) -> None:
    assert await left_alone(tmp_path, tmp_path / "ftjob.db") is SchemaState.EMPTY
    (tmp_path / "empty.db").touch()
    assert await left_alone(tmp_path, tmp_path / "empty.db") is SchemaState.EMPTY


async def test_where_a_link_leads_nowhere_yet_nothing_is_made_either(tmp_path: Path) -> None:
    (tmp_path / "link.db").symlink_to(tmp_path / "elsewhere.db")
    assert (await probe(f"sqlite:///{tmp_path / 'link.db'}")).state is SchemaState.EMPTY
    assert os.listdir(tmp_path) == ["link.db"]  # noqa: PTH208 - it is only read


async def test_a_file_that_is_up_to_date_stays_as_it_is(tmp_path: Path) -> None:
    file = tmp_path / "ftjob.db"
    lay_out(file)
    file.chmod(0o644)
    assert await left_alone(tmp_path, file) is SchemaState.READY

    async with open_store(f"sqlite:///{file}", time.time):
        pass
    assert await left_alone(tmp_path, file) is SchemaState.READY


async def test_a_file_of_an_older_version_is_not_brought_up_to_date(tmp_path: Path) -> None:
    file = tmp_path / "ftjob.db"
    async with open_database(f"sqlite:///{file}", time.time) as db:
        await upgrade(db, OLDER)
    assert await left_alone(tmp_path, file) is SchemaState.OLD


async def test_a_log_that_a_killed_bot_left_is_not_played_in(tmp_path: Path) -> None:
    file, copy = tmp_path / "ftjob.db", tmp_path / "copy.db"
    lay_out(file)
    with closing(sqlite3.connect(file)) as bot:
        bot.execute("CREATE TABLE what_was_committed_last (id INTEGER)")
        bot.commit()
        for end in ("", "-wal", "-shm"):
            shutil.copy(f"{file}{end}", f"{copy}{end}")
    assert copy.with_name("copy.db-wal").stat().st_size > 0
    assert await left_alone(tmp_path, copy) is SchemaState.READY


async def test_what_another_program_writes_meanwhile_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file, shells = tmp_path / "ftjob.db", list[sqlite3.Connection]()
    lay_out(file)

    def examine_and_write(path: Path) -> None:
        check_integrity(path)
        shells.append(sqlite3.connect(path, check_same_thread=False))
        shells[0].execute("CREATE TABLE what_was_written_meanwhile (id INTEGER)")
        shells[0].commit()

    monkeypatch.setattr("bot.store.db.probe.check_integrity", examine_and_write)
    assert (await probe(f"sqlite:///{file}")).state is SchemaState.READY
    with closing(shells[0]), closing(sqlite3.connect(file)) as other:
        assert other.execute("SELECT count(*) FROM what_was_written_meanwhile").fetchone() == (0,)


async def test_a_file_that_is_held_is_in_use_whether_or_not_it_is_there_yet(tmp_path: Path) -> None:
    file = tmp_path / "ftjob.db"
    async with open_store(f"sqlite:///{file}", time.time):
        with pytest.raises(StoreInUse):
            await probe(f"sqlite:///{file}")
        file.unlink()
        with pytest.raises(StoreInUse):
            await probe(f"sqlite:///{file}")


async def test_a_file_that_another_program_locks_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.store.db.probe.BUSY_SECONDS", BUSY_SECONDS / 50)
    file = tmp_path / "ftjob.db"
    lay_out(file)
    with closing(sqlite3.connect(file, isolation_level=None)) as shell:
        shell.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreLocked):
            await probe(f"sqlite:///{file}")


async def test_a_file_with_two_names_of_a_newer_version_or_in_no_folder_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "ftjob.db"
    lay_out(file)
    with closing(sqlite3.connect(file)) as newer:
        newer.execute("UPDATE alembic_version SET version_num = '9999'")
        newer.commit()
    with pytest.raises(FtjobError, match="schema 9999"):
        await probe(f"sqlite:///{file}")
    os.link(file, tmp_path / "other.db")
    with pytest.raises(StoreUnusable, match="2 hard links"):
        await probe(f"sqlite:///{file}")
    with pytest.raises(StoreUnusable, match="nowhere doesn't exist"):
        await probe(f"sqlite:///{tmp_path}/nowhere/ftjob.db")
    assert not (tmp_path / "nowhere").exists()


async def tables(url: str) -> list[str]:
    """Return the tables of a PostgreSQL, each with how many rows it has."""
    connection = await asyncpg.connect(url)
    try:
        names = [
            row[0] for row in await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        ]
        return [f"{name} {await connection.fetchval(f'SELECT count(*) FROM {name}')}" for name in sorted(names)]  # noqa: S608
    finally:
        await connection.close()


async def test_a_postgresql_stays_as_it_is_too(postgres_url: str) -> None:
    ready = await tables(postgres_url)
    assert (await probe(postgres_url)).state is SchemaState.READY
    assert await tables(postgres_url) == ready != []

    connection = await asyncpg.connect(postgres_url)
    await connection.execute("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    await connection.close()
    assert (await probe(postgres_url)).state is SchemaState.EMPTY
    assert await tables(postgres_url) == []

    async with open_database(postgres_url, time.time) as db:
        await upgrade(db, OLDER)
    older = await tables(postgres_url)
    assert (await probe(postgres_url)).state is SchemaState.OLD
    assert await tables(postgres_url) == older


async def test_a_postgresql_that_takes_no_writes_is_named(postgres_url: str) -> None:
    connection = await asyncpg.connect(postgres_url)
    name = await connection.fetchval("SELECT current_database()")
    await connection.execute(f'ALTER DATABASE "{name}" SET default_transaction_read_only = on')
    await connection.close()

    with pytest.raises(StoreUnusable, match="read-only"):
        await probe(postgres_url)
