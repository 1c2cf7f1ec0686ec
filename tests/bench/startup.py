"""How long the bot takes to be ready, and how much memory it holds."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass
from pathlib import Path
from statistics import median

from bot.store import open_store
from tests.bench.figures import Part, plain
from tests.bench.polls import CHANNEL, RawClient, track_all
from tests.bench.processes import StandIns, process, resident_megabytes

STARTS = 3
POLLS = 5
"""Polls after which the memory of a busy bot is read."""
POLL_SECONDS = "1.5"
IDLE_SECONDS = 3.0
TIMEOUT = 60.0


@dataclass(frozen=True)
class StartedBot:
    """A bot that was just started."""

    pid: int
    at: float
    """When its process was asked for."""
    connected: float
    """Seconds from then until Slack had its Socket Mode connection."""
    database: Path

    async def polled(self, *, since: float = 0.0) -> float:
        """Wait until a poll after ``since`` is stored; return when that was.

        Raises:
            TimeoutError: there was none.
        """
        async with asyncio.timeout(TIMEOUT):
            while (at := polled_at(self.database)) <= since:  # noqa: ASYNC110 - it happens in another process
                await asyncio.sleep(0.02)
        return at


async def measure(standins: StandIns, folder: Path) -> Part:
    """Measure starts on a database that is not there yet and on one with 1,000 tracked jobs, in turn."""
    fresh, ready, idle, busy = [], [], [], []
    for n in range(STARTS):
        empty, full = folder / f"empty-{n}", folder / f"full-{n}"
        empty.mkdir()
        async with _started(standins, empty) as start:
            fresh.append(start.connected)
            await asyncio.sleep(IDLE_SECONDS)
            idle.append(resident_megabytes(start.pid))
        full.mkdir()
        await _track_a_thousand(standins, full)
        async with _started(standins, full) as start:
            ready.append(max(start.connected, await start.polled() - start.at))
            await _keep_polling(start)
            busy.append(resident_megabytes(start.pid))
    return Part(
        "Start and memory",
        [
            plain("start to connected, no database yet", median(fresh), unit=" s"),
            plain("start to connected and 1,000 jobs polled", median(ready), unit=" s"),
            plain("memory with nothing tracked", max(idle), unit=" MB", digits=0),
            plain(f"memory with 1,000 jobs, after {POLLS} polls", max(busy), unit=" MB", digits=0),
        ],
    )


@asynccontextmanager
async def _started(standins: StandIns, folder: Path) -> AsyncIterator[StartedBot]:
    """Start the bot over Socket Mode, wait until it is connected, and end it with the block."""
    environ = standins.environ(folder, 1000, **standins.socket_mode(), FTJOB_POLL_SECONDS=POLL_SECONDS)
    begun = time.time()
    async with process("-m", "bot", "run", environ=environ, folder=folder) as running:
        connected = await standins.ask("connected")
        yield StartedBot(running.pid, begun, connected - begun, folder / "ftjob.db")
    # The next bot's connection must not be mistaken for this one's.
    await standins.ask("disconnected")


async def _track_a_thousand(standins: StandIns, folder: Path) -> None:
    """Leave a database behind in which every job of the account is tracked."""
    (account,) = standins.settings(folder, 1000).accounts
    async with RawClient(account) as client, open_store(f"sqlite:///{folder / 'ftjob.db'}", time.time) as store:
        await track_all(store, account.name, await client.all_jobs(), [CHANNEL])


async def _keep_polling(start: StartedBot) -> None:
    """Wait for some more polls."""
    at = await start.polled()
    for _ in range(POLLS):
        at = await start.polled(since=at)


def polled_at(database: Path) -> float:
    """Return when a running bot stored its last poll, 0 before the first."""
    try:
        with closing(sqlite3.connect(f"file:{database}?mode=ro", uri=True)) as connection:
            row = connection.execute("SELECT max(polled_at) FROM account").fetchone()
    except sqlite3.OperationalError:
        return 0.0
    return float(row[0] or 0.0)
