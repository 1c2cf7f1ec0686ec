"""The disk of a process that can die: what was committed stays, what was not is gone, and the dead write nothing."""

import asyncio
import random
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from sqlalchemy import text
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.ext.asyncio import create_async_engine

from tests.simulation.disk import DISK, Disk, inline_sqlite
from tests.simulation.loop import VirtualLoop

RNG = random.Random(1)  # noqa: S311 - a test is repeatable


def die_at(point: str, disks: list[Disk]) -> Callable[[str], None]:
    def passing(name: str) -> None:
        if name == point:
            disks[-1].detach()
            raise sqlite3.OperationalError("died")

    return passing


def rows_after_death_at(point: str, file: Path) -> list[int]:
    """Return what is left after a process died at a point of its second commit."""

    async def live() -> None:
        disks: list[Disk] = []
        DISK.set(Disk(RNG, lambda _: None))
        engine = create_async_engine(f"sqlite+aiosqlite:///{file}")
        async with engine.begin() as tx:
            await tx.execute(text("CREATE TABLE seen (number INTEGER)"))
            await tx.execute(text("INSERT INTO seen VALUES (1)"))
        await engine.dispose()
        disks.append(Disk(RNG, die_at(point, disks)))
        DISK.set(disks[-1])
        dying = create_async_engine(f"sqlite+aiosqlite:///{file}")
        with pytest.raises((SQLAlchemyError, sqlite3.Error)):
            async with dying.begin() as tx:
                await tx.execute(text("INSERT INTO seen VALUES (2)"))
        with pytest.raises((SQLAlchemyError, sqlite3.Error)):
            async with dying.begin() as tx:
                await tx.execute(text("INSERT INTO seen VALUES (3)"))
        await dying.dispose()

    with inline_sqlite(), asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(live())
    left = sqlite3.connect(file)
    try:
        return [number for (number,) in left.execute("SELECT number FROM seen ORDER BY number")]
    finally:
        left.close()


def test_what_was_not_committed_is_gone(tmp_path: Path) -> None:
    assert rows_after_death_at("disk.before_commit", tmp_path / "a.db") == [1]


def test_what_was_committed_stays_although_the_process_never_heard_of_it(tmp_path: Path) -> None:
    assert rows_after_death_at("disk.after_commit", tmp_path / "a.db") == [1, 2]
