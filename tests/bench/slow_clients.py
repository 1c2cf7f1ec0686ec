"""Alerts while a crowd of slow clients connects to the bot's port: how much later they are, and what the crowd leaves behind."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from pathlib import Path

from bot.sandbox.processes import free_port
from tests.bench.figures import Part, at_most, percentile, plain
from tests.bench.processes import REPOSITORY, StandIns, process, resident_megabytes, until_listening
from tests.bench.results import ENDS_A_ROUND, JOBS, end_one_by_one, tracked, until_polled

CLIENTS = 2000
DESCRIPTORS = 1024
"""What the bot may have: the usual bound of a process."""
ROUNDS = 2
POLL_SECONDS = 1.0
COMES = 3.0
"""Seconds until all of the crowd knocked once."""
LEAVES = 60.0
MOST_LATER, MOST_MORE, MOST_LEFT = 1.5, 60.0, 30.0
BOT = f"""
import resource, runpy, sys
resource.setrlimit(resource.RLIMIT_NOFILE, ({DESCRIPTORS}, {DESCRIPTORS}))
sys.argv = ["bot", "run"]
runpy.run_module("bot", run_name="__main__")
"""


async def measure(standins: StandIns, folder: Path) -> Part:
    """Measure rounds without and with the crowd, in turn, then wait until it is forgotten."""
    jobs = await tracked(standins, folder, ENDS_A_ROUND * ROUNDS * 2)
    port = free_port()
    environ = standins.environ(folder, JOBS, **standins.http(port), FTJOB_POLL_SECONDS=str(POLL_SECONDS))
    environ["SLACK_API_URL"] = f"{standins.urls['slack']}/api/"
    waits: Mapping[bool, list[float]] = {False: [], True: []}
    async with process("-c", BOT, environ=environ, folder=folder) as bot:
        await until_listening(port)
        await until_polled(folder)
        before, most = 0.0, 0.0
        for turn in range(ROUNDS * 2):
            some = jobs[turn * ENDS_A_ROUND :][:ENDS_A_ROUND]
            if turn % 2 == 0:
                waits[False] += await end_one_by_one(standins, some)
                before = before or resident_megabytes(bot.pid)
                continue
            async with _slow_clients(folder, port), _highest(bot.pid) as highest:
                await asyncio.sleep(COMES)
                waits[True] += await end_one_by_one(standins, some)
            most = max(most, *highest)
        await asyncio.sleep(LEAVES)
        left = resident_megabytes(bot.pid)
    quiet, crowded = percentile(waits[False], 50), percentile(waits[True], 50)
    figures = [
        plain("p50 of an alert, nobody knocks", quiet, unit=" s"),
        plain(f"p50 of an alert while {CLIENTS:,} knock", crowded, unit=" s"),
        at_most("the second in times of the first", crowded / quiet, MOST_LATER, unit="x"),
        plain("memory before", before, unit=" MB", digits=0),
        at_most("more than that while they knock", most - before, MOST_MORE, unit=" MB", digits=0),
        at_most(f"more than that {LEAVES:g} s afterwards", left - before, MOST_LEFT, unit=" MB", digits=0),
    ]
    return Part(
        f"{CLIENTS:,} connections, half silent, half with unfinished bodies; {DESCRIPTORS:,} descriptors", figures
    )


@asynccontextmanager
async def _slow_clients(folder: Path, port: int) -> AsyncIterator[None]:
    environ = {"PYTHONPATH": str(REPOSITORY)}
    async with process("-m", "tests.bench.slowloris", str(port), str(CLIENTS), environ=environ, folder=folder):
        yield


@asynccontextmanager
async def _highest(pid: int) -> AsyncIterator[list[float]]:
    """Sample how much memory a process holds until the block ends."""
    seen = [0.0]

    async def sample() -> None:
        while True:
            seen.append(resident_megabytes(pid))
            await asyncio.sleep(0.05)

    sampling = asyncio.create_task(sample())
    try:
        yield seen
    finally:
        sampling.cancel()
        with suppress(asyncio.CancelledError):
            await sampling
