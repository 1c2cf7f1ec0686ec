"""Another program locks the SQLite file of a running bot: it waits, says so when that takes too long, and goes on."""

import sqlite3
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path

from bot.sandbox.processes import free_port
from bot.store.sqlite.integrity import BUSY_SECONDS
from tests.readiness import Readiness
from tests.world import World

SHORT = 3.0


async def test_a_lock_of_three_seconds_is_no_error(world: World) -> None:
    job, port = world.api.add_job(status="running"), free_port()
    readiness = Readiness(port)

    async with world.process(PORT=str(port), FTJOB_HOST="127.0.0.1"):
        await world.say(f"track {job}")
        await readiness.until(ready=True, seconds=300)
        readiness.seen.clear()
        with _locked(world.folder / "ftjob.db"):
            world.api.change(job, status="paused")
            until = time.monotonic() + SHORT
            while time.monotonic() < until:
                await readiness.parts()
            assert world.delivered(job) == []
        await world.until_delivered(job, "Paused", seconds=5)

    assert readiness.seen == set()
    assert [event for event in ("[error", "Traceback", "poll.failing") if event in "".join(world.log)] == []


async def test_a_longer_lock_is_named_and_nothing_is_lost_or_doubled_when_it_is_over(world: World) -> None:
    job, port = world.api.add_job(status="running"), free_port()
    readiness = Readiness(port)

    async with world.process(PORT=str(port), FTJOB_HOST="127.0.0.1"):
        await world.say(f"track {job}")
        await readiness.until(ready=True, seconds=300)
        with _locked(world.folder / "ftjob.db"):
            world.api.change(job, status="paused")
            await readiness.until(ready=False, seconds=4 * BUSY_SECONDS)
            named = await readiness.parts()
            assert world.delivered(job) == []
        await readiness.until(ready=True, seconds=300)
        await world.until_delivered(job, "Paused", seconds=5)
        world.api.change(job, status="running")
        await world.until_delivered(job, "Paused", "Running", seconds=5)

    assert "store" in named
    log = "".join(world.log)
    assert log.count("store.locked") == log.count("store.unlocked") == 1
    broke, mended = world.count_logged("poll.failing"), world.count_logged("poll.recovered")
    assert set(broke.values()) <= {1}
    assert broke["default"] == mended["default"]
    assert log.count("delivery.failing") == log.count("delivery.recovered") <= 1


@contextmanager
def _locked(path: Path) -> Iterator[None]:
    """Hold the file as a program does that writes to it and takes its time."""
    with closing(sqlite3.connect(path, isolation_level=None)) as shell:
        shell.execute("BEGIN IMMEDIATE")
        yield
        shell.execute("COMMIT")
