"""The bots under chaos: real processes that are born, killed, frozen, stopped and born again."""

import asyncio
import multiprocessing
import os
import random
import signal
import time
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path

from tests.chaos.faulty_servers import LIST, POST, Arrivals
from tests.chaos.worker import work

POINTS = ("before_post", "after_post", "after_post", "before_record")
"""Where a bot dies by itself: a delivery is in flight there, or a change uncommitted."""
REQUESTS = frozenset({POST, LIST})
MAX_WAIT = 2.5
"""Seconds until a bot that does not come to its point is killed by hand."""


@dataclass
class BotProcesses:
    """So many bots, always."""

    environ: Mapping[str, str]
    factor: float
    folder: Path
    arrivals: Arrivals
    rng: random.Random
    freezes: float = 0.0
    """The longest time for which a bot is frozen, in seconds."""
    counts: Counter[str] = field(default_factory=Counter)
    slowest_stop: float = 0.0
    bad_exits: list[int] = field(default_factory=list)
    _context: multiprocessing.context.ForkServerContext = field(
        default_factory=lambda: multiprocessing.get_context("forkserver")
    )

    async def supervise(self, number: int, until: float) -> None:
        """Let one bot after the other live and die, until a moment of the monotonic clock."""
        while time.monotonic() < until:
            point = self.rng.choice(POINTS) if self.rng.random() < 0.5 else None
            bot = self.start(number, crash_at=f"{point}:{self.rng.randint(1, 3)}" if point else None)
            if not await self._until_dead(bot, min(until, time.monotonic() + MAX_WAIT), point):
                await self._end(bot, until)

    def start(self, number: int, *, crash_at: str | None = None) -> BaseProcess:
        """Start a bot."""
        environ = {**self.environ, **({"FTJOB_CRASH_AT": crash_at} if crash_at else {})}
        bot = self._context.Process(target=work, args=(environ, self.factor, self.folder / f"bot{number}.log"))
        bot.start()
        return bot

    async def _until_dead(self, bot: BaseProcess, until: float, point: str | None) -> bool:
        """Wait for a bot that dies by itself at ``point``; one without a point lives on."""
        while point and bot.is_alive() and time.monotonic() < until:  # noqa: ASYNC110 - a death tells nobody
            await asyncio.sleep(0.01)
        if bot.is_alive():
            return False
        if point:
            self._count_end(bot, point)
        return True

    def _count_end(self, bot: BaseProcess, point: str) -> None:
        if bot.exitcode == -signal.SIGKILL:
            self.counts["kills"] += 1
            self.counts[f"killed {point}"] += 1
        else:
            self.bad_exits.append(bot.exitcode or 0)

    async def _end(self, bot: BaseProcess, until: float) -> None:
        if self.freezes and self.rng.random() < 0.3:
            await self._freeze(bot)
        if self.rng.random() < 0.1:
            await self.stop(bot)
        else:
            await self._kill(bot, until)

    async def _kill(self, bot: BaseProcess, until: float) -> None:
        """Kill a bot in the middle of a request of its own, while the answer is on the way."""
        in_flight = False
        while bot.is_alive() and not in_flight and time.monotonic() < until:
            arrival = await self.arrivals.next(REQUESTS, 0.5)
            in_flight = arrival is not None and arrival.port in ports_of(bot.pid or 0)
        await asyncio.sleep(self.rng.uniform(0, 0.015))
        if not in_flight:
            await self.stop(bot)
        elif bot.is_alive():
            bot.kill()
            self.counts["kills"] += 1
            self.counts["killed by hand"] += 1
        await asyncio.to_thread(bot.join)

    async def _freeze(self, bot: BaseProcess) -> None:
        seconds = self.rng.uniform(0, self.freezes)
        arrival = await self.arrivals.next(REQUESTS, 0.5)
        if bot.pid and bot.is_alive():
            os.kill(bot.pid, signal.SIGSTOP)
            self.counts["freezes"] += 1
            self.counts["freezes in flight"] += arrival is not None and arrival.port in ports_of(bot.pid)
            await asyncio.sleep(seconds)
            os.kill(bot.pid, signal.SIGCONT)

    async def stop(self, bot: BaseProcess) -> None:
        """Ask a bot to stop, and measure how long it takes."""
        began = time.monotonic()
        bot.terminate()
        await asyncio.to_thread(bot.join, 15)
        self.counts["stops"] += 1
        self.slowest_stop = max(self.slowest_stop, time.monotonic() - began)
        if bot.exitcode == -signal.SIGTERM:
            self.counts["stops before it was ready"] += 1
        elif bot.exitcode == -signal.SIGKILL:
            self.counts["kills"] += 1
            self.counts["killed while it stopped"] += 1
        elif bot.exitcode != 0:
            self.bad_exits.append(999 if bot.exitcode is None else bot.exitcode)
            bot.kill()
            await asyncio.to_thread(bot.join)


def ports_of(pid: int) -> set[int]:
    """Return the local ports of a process's TCP connections (Linux)."""
    try:
        links = [str(link.readlink()) for link in Path(f"/proc/{pid}/fd").iterdir()]
        table = Path(f"/proc/{pid}/net/tcp").read_text().splitlines()[1:]
    except OSError:
        return set()
    inodes = {link.removeprefix("socket:[").rstrip("]") for link in links if link.startswith("socket:")}
    rows = [line.split() for line in table]
    return {int(row[1].rpartition(":")[2], 16) for row in rows if row[9] in inodes}
