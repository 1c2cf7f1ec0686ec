import asyncio
import os
import signal
import sqlite3
import stat
import time as wall
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from sqlalchemy import select, text
from sqlalchemy.exc import OperationalError

from bot.errors import FtjobError, StoreInUse, StoreUnusable
from bot.store import Store, open_store
from bot.store.db.engine import open_database, sqlite_path
from bot.store.outbox.delivery import MessageKind, NewDelivery
from bot.store.sqlite.integrity import check_integrity
from tests.stopwatch import stopwatch, within
from tests.store.clocks import StoreClock
from tests.store.seeds import STARTED, add_jobs, contents, deliveries, known_job, reading


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ftjob.db"


async def test_what_was_committed_is_there_after_the_store_was_closed(database_url: str, time: StoreClock) -> None:
    async with open_store(database_url, time.now) as store:
        await add_jobs(store, reading("ftjob-a"))
        before = await contents(store)

    async with open_store(database_url, time.now) as store:
        assert await contents(store) == before


async def test_a_transaction_that_was_cut_leaves_nothing_and_does_not_stop_the_next(store: Store) -> None:
    async def write_forever() -> None:
        while True:
            async with store.db.transaction() as tx:
                await store.jobs.states.add(tx, "default", [reading("ftjob-cut").snapshot])
                await asyncio.sleep(0.001)
                await tx.execute(text("DELETE FROM job"))

    for nth in range(150):
        task = asyncio.create_task(write_forever())
        await asyncio.sleep(0.012 * (nth * 0.618 % 1))  # spread evenly over what a transaction takes
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

        assert (await contents(store))["job"] == []


async def test_the_clock_goes_on_within_a_transaction(postgres_url: str) -> None:
    async with open_store(postgres_url, wall.time) as store, store.db.transaction() as tx:
        first = await tx.scalar(select(store.db.now()))
        await tx.execute(text("SELECT pg_sleep(0.05)"))
        second = await tx.scalar(select(store.db.now()))

    assert first is not None
    assert second is not None
    assert second - first >= 0.05
    assert abs(second - wall.time()) < 5


async def test_sqlite_goes_by_the_clock_that_was_handed_in(file: Path) -> None:
    moment = 5.0
    async with open_store(f"sqlite:///{file}", lambda: moment) as store, store.db.transaction() as tx:
        assert await tx.scalar(select(store.db.now())) == 5.0
        moment = 6.5
        assert await tx.scalar(select(store.db.now())) == 6.5


async def test_a_second_store_on_the_same_file_is_refused_until_the_first_is_closed(file: Path) -> None:
    url = f"sqlite:///{file}"
    async with open_store(url, wall.time) as store:
        with pytest.raises(StoreInUse, match=r"ftjob\.db is in use by another ftjob process"):
            async with open_store(url, wall.time):
                pass
        await add_jobs(store, reading("ftjob-a"))

    async with open_store(url, wall.time) as store:
        await known_job(store, "ftjob-a")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("nowhere/ftjob.db", r"The folder .*nowhere doesn't exist\. Create it or correct DATABASE_URL\."),
        ("taken/ftjob.db", r"taken is a file, not a folder\. Correct DATABASE_URL\."),
        ("folder.db", r"folder\.db can't be opened for writing: Is a directory\."),
        ("round.db", r"round\.db.* can't be opened for writing: Too many levels of symbolic links\."),
    ],
)
async def test_a_place_where_no_file_can_be_is_said_in_words(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "taken").touch()
    (tmp_path / "folder.db").mkdir()
    (tmp_path / "round.db").symlink_to("round.db")
    with pytest.raises(StoreUnusable, match=said):
        async with open_store(f"sqlite:///{tmp_path / name}", wall.time):
            pass


def content(file: Path) -> bytes:
    return file.read_bytes()


async def test_a_file_with_several_names_is_refused_and_left_as_it_is(file: Path) -> None:
    async with open_store(f"sqlite:///{file}", wall.time):
        pass
    before = content(file)
    (file.parent / "other.db").hardlink_to(file)

    for name in (file.name, "other.db"):
        with pytest.raises(StoreUnusable, match=rf"{name} has 2 hard links, "):
            async with open_store(f"sqlite:///{file.parent}/{name}", wall.time):
                pass
    assert content(file) == before


async def test_the_lock_file_is_beside_the_file_itself(file: Path) -> None:
    (file.parent / "here").mkdir()
    link = file.parent / "here" / "link.db"
    link.symlink_to(file)
    async with open_store(f"sqlite:///{link}", wall.time) as store:
        await add_jobs(store, reading("ftjob-a"))

    assert [path.name for path in link.parent.iterdir()] == ["link.db"]
    async with open_store(f"sqlite:///{file}", wall.time) as store:
        await known_job(store, "ftjob-a")


async def test_sqlite_keeps_its_promises_of_durability(file: Path) -> None:
    async with open_store(f"sqlite:///{file}", wall.time) as store, store.db.transaction() as tx:
        pragmas = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        found = {name: (await tx.execute(text(f"PRAGMA {name}"))).scalar() for name in pragmas}

    assert found == {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "busy_timeout": 5000}


def leave_open(file: Path) -> None:
    """Put files there that everybody can read, as a copy of a backup may be."""
    for each in (file, file.with_name(f"{file.name}.lock")):
        each.touch()
        each.chmod(0o666)


@pytest.mark.parametrize("umask", [0o000, 0o022, 0o077], ids=oct)
@pytest.mark.parametrize("was_open", [False, True])
async def test_nobody_else_on_the_machine_can_read_the_sqlite_file(
    file: Path, umask: int, request: pytest.FixtureRequest, *, was_open: bool
) -> None:
    before = os.umask(umask)
    request.addfinalizer(lambda: os.umask(before))
    if was_open:
        leave_open(file)
    async with open_store(f"sqlite:///{file}", wall.time) as store:
        await add_jobs(store, reading("ftjob-a"))
        modes = {each.name: stat.filemode(each.stat().st_mode) for each in file.parent.iterdir()}

    assert set(modes) == {"ftjob.db", "ftjob.db.lock", "ftjob.db-wal", "ftjob.db-shm"}
    assert set(modes.values()) == {"-rw-------"}


async def test_a_lock_that_somebody_holds_for_two_seconds_only_delays(file: Path) -> None:
    async with open_store(f"sqlite:///{file}", wall.time) as store:
        shell = sqlite3.connect(file, isolation_level=None)
        shell.execute("BEGIN IMMEDIATE")
        began = wall.monotonic()
        writing = asyncio.create_task(add_jobs(store, reading("ftjob-a")))
        await asyncio.sleep(2)
        assert not writing.done()
        shell.execute("COMMIT")
        shell.close()

        async with stopwatch() as watch:
            await writing

        assert wall.monotonic() - began >= 2
        assert watch.seconds < 2
        await known_job(store, "ftjob-a")


async def test_a_lock_that_somebody_holds_for_three_seconds_is_no_error_for_any_who_wait(file: Path) -> None:
    async with open_store(f"sqlite:///{file}", wall.time) as store:
        shell = sqlite3.connect(file, isolation_level=None)
        shell.execute("BEGIN EXCLUSIVE")
        began = wall.monotonic()
        writing = asyncio.gather(*(add_jobs(store, reading(f"ftjob-{n}")) for n in range(5)))
        await asyncio.sleep(3)
        assert not writing.done()
        shell.execute("COMMIT")
        shell.close()

        async with stopwatch() as watch:
            await writing

        assert wall.monotonic() - began >= 3
        assert watch.seconds < 2
        for n in range(5):
            await known_job(store, f"ftjob-{n}")


async def test_a_full_disk_leaves_everything_as_it_was_and_the_same_work_succeeds_once_there_is_room(
    file: Path,
) -> None:
    async with open_store(f"sqlite:///{file}", wall.time) as store:
        await add_jobs(store, reading("ftjob-a"))
        before = await contents(store)
        room = await _limit_pages(store, 1)  # SQLite takes that for as many as there are

        for _ in range(3):
            with pytest.raises(OperationalError, match="database or disk is full"):
                await _work(store)
            assert await contents(store) == before

        await _limit_pages(store, room + 1000)
        await _work(store)
        await known_job(store, "ftjob-399")
        assert len(await deliveries(store, "C1")) == 1

    await asyncio.to_thread(check_integrity, file)


async def _work(store: Store) -> None:
    """Store many jobs and enqueue an alert, in one transaction."""
    async with store.db.transaction() as tx:
        recorded = await store.jobs.changes.write(tx, "default", 2, STARTED, reading("ftjob-a").body)
        card, _ = await store.jobs.cards.get_or_create(tx, "default", "ftjob-a", "C1")
        await store.outbox.deliveries.enqueue(tx, recorded, NewDelivery("C1", MessageKind.CHANGE, card.id))
        await store.jobs.states.add(tx, "default", [reading(f"ftjob-{n}").snapshot for n in range(400)])


async def _limit_pages(store: Store, pages: int) -> int:
    """Let the file grow to so many pages and no further; return what holds."""
    async with store.db.transaction() as tx:
        return int((await tx.execute(text(f"PRAGMA max_page_count = {pages}"))).scalar_one())


async def test_a_reader_of_the_sqlite_file_does_not_delay_writing(file: Path) -> None:
    async with open_store(f"sqlite:///{file}", wall.time) as store:
        backup = sqlite3.connect(file, isolation_level=None)
        backup.execute("BEGIN")
        assert backup.execute("SELECT count(*) FROM job").fetchone() == (0,)

        async with within(1):
            await add_jobs(store, reading("ftjob-a"))

        assert backup.execute("SELECT count(*) FROM job").fetchone() == (0,)
        backup.close()


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:"])
async def test_a_database_that_would_forget_is_refused(url: str) -> None:
    with pytest.raises(FtjobError, match="must name a file"):
        async with open_database(url, wall.time):
            pass


def test_the_file_of_an_sqlite_address_is_found() -> None:
    assert sqlite_path("sqlite:///ftjob.db") == Path("ftjob.db")
    assert sqlite_path("sqlite:////var/lib/ftjob.db") == Path("/var/lib/ftjob.db")


@pytest.mark.parametrize("query", ["", "?sslmode=prefer", "?sslmode=disable&channel_binding=prefer"])
@pytest.mark.parametrize("scheme", ["postgres", "postgresql"])
async def test_a_translated_address_opens_the_database(postgres_url: str, scheme: str, query: str) -> None:
    url = f"{scheme}://{postgres_url.partition('://')[2]}"
    joined = url + (query.replace("?", "&") if "?" in url else query)
    async with open_store(joined, wall.time) as store:
        await add_jobs(store, reading("ftjob-a"))
        await known_job(store, "ftjob-a")


@asynccontextmanager
async def _database(server: str) -> AsyncIterator[str]:
    """Yield the address of an empty database, made and dropped without a connection that stays open."""
    name = f"test_{uuid.uuid4().hex}"
    await _on(server, f"CREATE DATABASE {name}")
    yield server.rsplit("/", 1)[0] + f"/{name}"
    await _on(server, f"DROP DATABASE {name} WITH (FORCE)")


async def _on(server: str, statement: str) -> None:
    connection = await asyncpg.connect(server)
    await connection.execute(statement)
    await connection.close()


async def _crash(server: str) -> None:
    """Kill one of the server's processes, as it does at a crash: it drops every connection, recovers and goes on."""
    connection = await asyncpg.connect(server)
    os.kill(await connection.fetchval("SELECT pg_backend_pid()"), signal.SIGKILL)
    with pytest.raises((OSError, asyncpg.PostgresError, asyncpg.InterfaceError)):
        await connection.fetchval("SELECT pg_sleep(10)")
    connection.terminate()
    async with asyncio.timeout(300):
        while True:
            try:
                return await _on(server, "SELECT 1")
            except (OSError, asyncpg.PostgresError, asyncpg.InterfaceError):
                await asyncio.sleep(0.05)


async def test_the_transaction_after_a_crash_of_postgres_works_again(postgres_server: str) -> None:
    async with _database(postgres_server) as url, open_store(url, wall.time) as store:
        await asyncio.gather(*(add_jobs(store, reading(f"ftjob-{n}")) for n in range(4)))

        await _crash(postgres_server)

        for n in range(4):
            await known_job(store, f"ftjob-{n}")
        await add_jobs(store, reading("ftjob-after"))
        await known_job(store, "ftjob-after")
