# ruff: noqa: ASYNC240 - what a test looks at is in the cache
import contextlib
import os
import shutil
import sqlite3
import time as wall
from collections.abc import Callable
from pathlib import Path

import pytest

from bot.errors import FtjobError, StoreDamaged, StoreLocked
from bot.store import open_store
from bot.store.sqlite.integrity import check_integrity
from tests.stopwatch import stopwatch
from tests.store.seeds import add_jobs, known_job, reading

PAGE = 4096


def cut(size: Callable[[int], int]) -> Callable[[Path], None]:
    return lambda path: os.truncate(path, size(path.stat().st_size))


def overwritten(at: int, content: bytes) -> Callable[[Path], None]:
    def damage(path: Path) -> None:
        with path.open("r+b") as file:
            file.seek(at)
            file.write(content)

    return damage


DAMAGES: dict[str, tuple[Callable[[Path], None], str]] = {
    "a letter": (overwritten(0, b"Dear database, " * 9999), "file is not a database"),
    "another header": (overwritten(0, b"Dear "), "file is not a database"),
    "one byte": (cut(lambda _: 1), "a 1-byte file is too small for a database"),
    "ninety-nine bytes": (cut(lambda _: 99), "a 99-byte file is too small for a database"),
    "the header alone": (cut(lambda _: 100), "only 100 of "),
    "half": (cut(lambda size: size // 2), r"only [\d,]+ of [\d,]+ bytes are there"),
    "a page less": (cut(lambda size: size - PAGE), r"only [\d,]+ of [\d,]+ bytes are there"),
    "a byte less": (cut(lambda size: size - 1), r"only [\d,]+ of [\d,]+ bytes are there"),
    "zeros for a page": (overwritten(PAGE, bytes(PAGE)), "btreeInitPage"),
    "noise for a page": (overwritten(2 * PAGE, bytes(range(256)) * 16), "btreeInitPage"),
    "noise for the last page": (lambda path: overwritten(path.stat().st_size - PAGE, b"\xff" * PAGE)(path), "."),
}


@pytest.fixture
async def file(tmp_path: Path) -> Path:
    """A store that was closed in order, with something in it."""
    path = tmp_path / "ftjob.db"
    async with open_store(f"sqlite:///{path}", wall.time) as store:
        await add_jobs(store, *(reading(f"ftjob-{n}") for n in range(500)))
    return path


@pytest.mark.parametrize("what", DAMAGES)
async def test_damage_is_found_before_anything_is_read_and_the_file_is_left_as_it_is(file: Path, what: str) -> None:
    damage, found = DAMAGES[what]
    damage(file)
    before = file.read_bytes()

    with pytest.raises(StoreDamaged, match=rf"ftjob\.db is damaged \(.*{found}.*\)\. The file wasn't changed\. "):
        async with open_store(f"sqlite:///{file}", wall.time):
            pass

    assert file.read_bytes() == before


async def test_a_truncated_file_is_found_also_beside_a_log_and_the_log_is_left_too(file: Path, tmp_path: Path) -> None:
    killed, log = tmp_path / "killed.db", tmp_path / "killed.db-wal"
    async with open_store(f"sqlite:///{file}", wall.time) as store:
        await add_jobs(store, reading("ftjob-a"))
        shutil.copy(file, killed)
        shutil.copy(f"{file}-wal", log)
    check_integrity(killed)
    cut(lambda size: size // 2)(killed)
    before = killed.read_bytes(), log.read_bytes()
    assert len(before[1]) > PAGE

    with pytest.raises(StoreDamaged):
        check_integrity(killed)

    assert (killed.read_bytes(), log.read_bytes()) == before


async def test_a_store_that_was_killed_passes_and_what_only_the_log_has_is_there(tmp_path: Path) -> None:
    async with open_store(f"sqlite:///{tmp_path / 'live.db'}", wall.time) as store:
        await add_jobs(store, reading("ftjob-a"))
        for end in ("", "-wal"):
            shutil.copy(tmp_path / f"live.db{end}", tmp_path / f"ftjob.db{end}")

    async with open_store(f"sqlite:///{tmp_path / 'ftjob.db'}", wall.time) as store:
        await known_job(store, "ftjob-a")


async def test_either_way_out_that_the_message_names_works(file: Path, tmp_path: Path) -> None:
    backup = tmp_path / "backup"
    shutil.copy(file, backup)
    overwritten(PAGE, bytes(PAGE))(file)
    with pytest.raises(StoreDamaged):
        check_integrity(file)
    for end in ("", "-wal", "-shm"):
        if Path(f"{file}{end}").exists():
            Path(f"{file}{end}").rename(tmp_path / f"away{end}")

    async with open_store(f"sqlite:///{file}", wall.time) as store:
        assert await store.jobs.states.find("default", "ftjob-1") is None
    shutil.copy(backup, file)
    async with open_store(f"sqlite:///{file}", wall.time) as store:
        await known_job(store, "ftjob-1")


@pytest.mark.parametrize("name", ["a ?#%20 b.db", "ümlaut.db"])
async def test_a_file_may_have_any_name(tmp_path: Path, name: str) -> None:
    with contextlib.closing(sqlite3.connect(tmp_path / name)) as made:
        made.execute("CREATE TABLE t (a)")
    check_integrity(tmp_path / name)
    assert {path.name.removesuffix("-wal").removesuffix("-shm") for path in tmp_path.iterdir()} == {name}


@pytest.mark.parametrize(
    ("mode", "statement"), [("WAL", "BEGIN IMMEDIATE"), ("WAL", "BEGIN EXCLUSIVE"), ("DELETE", "BEGIN EXCLUSIVE")]
)
async def test_a_lock_is_no_damage_and_is_waited_for(file: Path, mode: str, statement: str) -> None:
    with contextlib.closing(sqlite3.connect(file, isolation_level=None)) as shell:
        shell.execute(f"PRAGMA journal_mode={mode}")
        shell.execute(statement)
        began = wall.monotonic()
        async with stopwatch() as watch:
            with pytest.raises(StoreLocked, match=r"ftjob\.db is locked by another program"):
                async with open_store(f"sqlite:///{file}", wall.time):
                    pass
        assert wall.monotonic() - began > 4.5
        assert watch.seconds < 12

    async with open_store(f"sqlite:///{file}", wall.time) as store:
        await known_job(store, "ftjob-1")


def test_what_is_neither_damage_nor_a_lock_is_said_as_it_is(tmp_path: Path) -> None:
    (tmp_path / "folder.db").mkdir()
    with pytest.raises((FtjobError, OSError)) as caught:
        check_integrity(tmp_path / "folder.db")
    assert not isinstance(caught.value, StoreDamaged | StoreLocked)
