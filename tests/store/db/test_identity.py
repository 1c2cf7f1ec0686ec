# ruff: noqa: ASYNC240 - what a test looks at is in the cache
import asyncio
import shutil
import stat
import time as wall
from contextlib import AsyncExitStack
from pathlib import Path

import pytest
from sqlalchemy import delete, func, select

from bot.store import Store, open_store
from bot.store.db import schema
from bot.store.db.identity import StoreIdentity, StoreOrigin, origin_of
from tests.store.clocks import StoreClock
from tests.store.seeds import add_jobs, reading, rows

A, B = "a" * 32, "b" * 32


@pytest.mark.parametrize(
    ("remembered", "stored", "is_empty", "expected"),
    [
        (None, None, True, StoreOrigin.NEW),
        (None, None, False, StoreOrigin.NEW),
        (None, A, True, StoreOrigin.KNOWN),
        (None, A, False, StoreOrigin.KNOWN),
        (A, None, True, StoreOrigin.LOST),
        (A, None, False, StoreOrigin.REPLACED),
        (A, A, True, StoreOrigin.KNOWN),
        (A, A, False, StoreOrigin.KNOWN),
        (A, B, True, StoreOrigin.REPLACED),
        (A, B, False, StoreOrigin.REPLACED),
    ],
)
def test_what_became_of_a_store(
    remembered: str | None,
    stored: str | None,
    is_empty: bool,  # noqa: FBT001 - a column of the table
    expected: StoreOrigin,
) -> None:
    assert origin_of(remembered, stored, is_empty=is_empty) == expected


@pytest.mark.parametrize("is_empty", [True, False])
def test_only_the_store_that_was_here_can_be_older_than_it_was(*, is_empty: bool) -> None:
    assert origin_of(A, A, is_empty=is_empty, is_older=True) == StoreOrigin.OLDER
    assert origin_of(A, B, is_empty=is_empty, is_older=True) == StoreOrigin.REPLACED
    assert origin_of(None, A, is_empty=is_empty, is_older=True) == StoreOrigin.KNOWN


@pytest.fixture
def file(tmp_path: Path) -> Path:
    return tmp_path / "ftjob.db"


async def accept(store: Store) -> None:
    async with store.db.transaction() as tx:
        await store.save_identity(tx)
    store.remember_identity()


async def start(file: Path, *job_ids: str) -> StoreIdentity:
    """Start as the bot does, know some jobs, and stop; return which store it was."""
    async with open_store(f"sqlite:///{file}", wall.time) as store:
        await accept(store)
        await add_jobs(store, *(reading(job_id) for job_id in job_ids))
        return store.identity


async def open_and_identify(file: Path) -> StoreIdentity:
    """Open as ``ftjob check`` does."""
    async with open_store(f"sqlite:///{file}", wall.time) as store:
        return store.identity


async def test_a_store_gets_one_id_for_life(database_url: str, time: StoreClock) -> None:
    async with open_store(database_url, time.now) as store:
        made = store.identity
        assert made.origin == StoreOrigin.NEW
        assert len(made.id) == 32
        await accept(store)
        await accept(store)
        assert [(row.store_id, row.created_at) for row in await rows(store, schema.store_identity)] == [
            (made.id, made.created_at)
        ]

    async with open_store(database_url, time.now) as store:
        assert store.identity == StoreIdentity(made.id, made.created_at, StoreOrigin.KNOWN)


async def test_no_two_stores_have_the_same_id(tmp_path: Path) -> None:
    assert len({(await start(tmp_path / f"{n}.db")).id for n in range(5)}) == 5


def remove(file: Path) -> None:
    file.unlink()


def empty(file: Path) -> None:
    file.write_bytes(b"")


@pytest.mark.parametrize("lose", [remove, empty])
async def test_a_missing_store_is_lost_once(file: Path, lose: object) -> None:
    before = await start(file, "ftjob-a")
    assert callable(lose)
    lose(file)

    after = await start(file, "ftjob-a")

    assert after.origin == StoreOrigin.LOST
    assert after.id != before.id
    assert await start(file) == StoreIdentity(after.id, after.created_at, StoreOrigin.KNOWN)


async def test_a_store_whose_rows_are_missing_is_lost(file: Path) -> None:
    await start(file, "ftjob-a")
    async with open_store(f"sqlite:///{file}", wall.time) as store, store.db.transaction() as tx:
        for table in reversed(schema.metadata.sorted_tables):
            await tx.execute(delete(table))

    assert (await open_and_identify(file)).origin == StoreOrigin.LOST


async def test_who_only_reads_does_not_take_the_loss_away_from_the_next_start(file: Path) -> None:
    await start(file, "ftjob-a")
    remove(file)

    assert [(await open_and_identify(file)).origin for _ in range(2)] == [StoreOrigin.LOST, StoreOrigin.LOST]
    assert (await start(file)).origin == StoreOrigin.LOST
    assert (await open_and_identify(file)).origin == StoreOrigin.KNOWN


async def test_a_start_that_dies_before_it_kept_the_identity_leaves_the_loss_to_the_next(file: Path) -> None:
    await start(file, "ftjob-a")
    remove(file)
    async with open_store(f"sqlite:///{file}", wall.time) as store, store.db.transaction() as tx:
        await store.save_identity(tx)
        await tx.rollback()

    assert (await open_and_identify(file)).origin == StoreOrigin.LOST


async def test_another_store_in_its_place_is_replaced_once(file: Path, tmp_path: Path) -> None:
    other = await start(tmp_path / "other.db", "ftjob-b")
    await start(file, "ftjob-a")
    shutil.copy(tmp_path / "other.db", file)

    assert await start(file) == StoreIdentity(other.id, other.created_at, StoreOrigin.REPLACED)
    assert (await start(file)).origin == StoreOrigin.KNOWN


async def test_a_backup_from_before_there_were_ids_is_replaced_and_gets_one(file: Path) -> None:
    await start(file, "ftjob-a")
    async with open_store(f"sqlite:///{file}", wall.time) as store, store.db.transaction() as tx:
        await tx.execute(delete(schema.store_identity))

    assert (await start(file)).origin == StoreOrigin.REPLACED
    assert (await start(file)).origin == StoreOrigin.KNOWN


@pytest.mark.parametrize("content", [b"", b"\n", b"nonsense", b"A" * 32, b"\xff" * 32, b"a" * 31, b"a" * 33])
async def test_a_lock_file_that_names_no_id_is_written_again(file: Path, content: bytes) -> None:
    made = await start(file, "ftjob-a")
    lock = Path(f"{file}.lock")
    assert lock.read_text().split()[0] == made.id
    lock.write_bytes(content)

    found = await start(file)
    assert found.origin == StoreOrigin.KNOWN
    assert lock.read_text() == f"{made.id} {found.write_count:010d}"
    assert stat.filemode(lock.stat().st_mode) == "-rw-------"


async def test_processes_that_start_at_once_on_one_server_agree_on_one_id(postgres_url: str) -> None:
    async with AsyncExitStack() as stack:
        stores = [await stack.enter_async_context(open_store(postgres_url, wall.time)) for _ in range(5)]
        await asyncio.gather(*(accept(store) for store in stores))

        async with stores[0].db.transaction() as tx:
            assert await tx.scalar(select(func.count()).select_from(schema.store_identity)) == 1


# --- older than it was ---


async def leave_behind(file: Path, place: Path, *endings: str) -> Path:
    """Leave a store as a process that was killed does, but for files that somebody removed; return it."""
    place.mkdir()
    async with open_store(f"sqlite:///{file}", wall.time) as store:
        await accept(store)
        await add_jobs(store, reading("ftjob-a"))
        for ending in endings:
            shutil.copy(f"{file}{ending}", place)
    return place / file.name


async def test_a_store_whose_log_was_removed_is_older_once(file: Path, tmp_path: Path) -> None:
    await start(file, "ftjob-before")
    left = await leave_behind(file, tmp_path / "killed", "", ".lock")

    assert [(await open_and_identify(left)).origin for _ in range(2)] == [StoreOrigin.OLDER] * 2
    assert (await start(left)).origin == StoreOrigin.OLDER
    assert (await start(left, "ftjob-b")).origin == StoreOrigin.KNOWN
    assert (await open_and_identify(left)).origin == StoreOrigin.KNOWN


async def test_a_store_of_a_process_that_was_killed_is_known(file: Path, tmp_path: Path) -> None:
    await start(file, "ftjob-before")
    left = await leave_behind(file, tmp_path / "killed", "", ".lock", "-wal")

    assert (await start(left)).origin == StoreOrigin.KNOWN


async def test_a_copy_that_was_restored_by_hand_is_older(file: Path, tmp_path: Path) -> None:
    await start(file, "ftjob-a")
    shutil.copy(file, tmp_path / "copy.db")
    await start(file, "ftjob-b")
    shutil.copy(tmp_path / "copy.db", file)

    assert (await start(file)).origin == StoreOrigin.OLDER


async def test_reading_makes_no_store_younger(file: Path, tmp_path: Path) -> None:
    await start(file, "ftjob-a")
    shutil.copy(file, tmp_path / "copy.db")
    async with open_store(f"sqlite:///{file}", wall.time) as store:
        store.remember_identity()
        await rows(store, schema.job)
    shutil.copy(tmp_path / "copy.db", file)

    assert (await start(file)).origin == StoreOrigin.KNOWN


async def test_the_lock_file_of_a_version_that_did_not_count_is_taken_over(file: Path) -> None:
    made = await start(file, "ftjob-a")
    lock = Path(f"{file}.lock")
    lock.write_text(made.id)

    found = await start(file)

    assert found.origin == StoreOrigin.KNOWN
    assert lock.read_text() == f"{made.id} {found.write_count:010d}"
