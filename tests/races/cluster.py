"""The processes of a race: each has the bot's own parts, and may die.

One process has the SQLite file alone. Two share one opened store, because SQLite admits one process: they stand for two
on PostgreSQL, so that leases alone say which actions are abandoned. Nothing delivers and nothing polls here.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from contextvars import ContextVar, copy_context
from pathlib import Path
from typing import Any

from bot.app.build import Parts
from bot.commands.execute import finish_abandoned
from bot.runtime.clock import Clock
from bot.store import Store, open_store
from bot.store.channels.tracks import Track
from tests.races.network import ApiNetwork
from tests.races.plan import Crash, Plan
from tests.simulation.bot import ACCOUNT, parts_on
from tests.simulation.disk import DISK, Disk
from tests.simulation.instance import ProcessKilled
from tests.simulation.loop import ProcessTasks

JOB = "ftjob-race"
POLL_SECONDS = 30.0
PEOPLE = ("U1", "U2")
CHANNEL = "C1"
CHECK_SECONDS = 1.0
"""Seconds until it is looked again whether a process is there."""
MAX_PAUSE = 600.0
"""Seconds within which a process is there again, whatever happened."""
_PROCESS: ContextVar["Process | None"] = ContextVar("_PROCESS", default=None)
"""The process that runs here."""


class Process:
    """One incarnation of a process."""

    def __init__(self, number: int, disk: Disk) -> None:
        self.number = number
        self.is_dead = False
        self.parts: Parts | None = None
        """What it works with, once it is ready."""
        self._tasks = ProcessTasks()
        self.disk = disk

    def spawn(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        """Let it do something, as a task of its own."""
        return self._tasks.start(work, {DISK: self.disk, _PROCESS: self})

    def kill(self) -> None:
        """Do nothing more from now on."""
        self.is_dead = True
        self._tasks.cancel()

    async def until_gone(self) -> None:
        """Wait until nothing of it is left."""
        await self._tasks.wait(lambda: True)


class Cluster:
    """All processes."""

    def __init__(self, plan: Plan, file: Path, clock: Clock) -> None:
        self.crashes = 0
        self._plan, self._file, self._clock = plan, file, clock
        self._rng = random.Random(f"disk {plan.seed}")  # noqa: S311 - a race is repeatable
        self._processes: dict[int, Process] = {}
        self._crashes: dict[int, list[Crash]] = {number: [] for number in range(plan.processes)}
        self._hits = 0
        self._shared: Store | None = None
        self._disk = Disk(self._rng, self.failpoint)
        self._returning: set[asyncio.Task[None]] = set()

    @asynccontextmanager
    async def running(self, wires: ApiNetwork) -> AsyncIterator[None]:
        """Let the processes work until the block ends; where the race has a track, its card stands then."""
        self._network, self._outside = wires, copy_context()
        async with AsyncExitStack() as stack:
            if self._plan.processes > 1:
                DISK.set(self._disk)
                self._shared = await stack.enter_async_context(open_store(f"sqlite:///{self._file}", self._clock))
            for number in range(self._plan.processes):
                self._start(number)
            parts = await self.parts(0)
            if self._plan.is_tracked:
                reading = await parts.services.accounts.default.client.retrieve(JOB)
                track = Track(ACCOUNT.name, JOB, CHANNEL, PEOPLE[0])
                await parts.recorder.add_track(track, reading, None, card_ts="1.0")
            yield
            for task in self._returning:
                task.cancel()
            for process in self._processes.values():
                process.kill()
                await process.until_gone()

    def begin_faults(self) -> None:
        """Let disks take their time, and processes die, from now on."""
        loop = asyncio.get_running_loop()
        for each in self._plan.crashes:
            if each.point == "moment":
                loop.call_later(each.times, self._kill_now, each)
            else:
                self._crashes[each.process].append(each)
        self._disk.is_slow = True
        for process in self._processes.values():
            process.disk.is_slow = True

    def process(self, number: int) -> Process | None:
        """Return a process that is there and ready."""
        process = self._processes.get(number)
        return process if process and process.parts and not process.is_dead else None

    async def parts(self, number: int) -> Parts:
        """Return what a process works with, as soon as it is there."""
        async with asyncio.timeout(MAX_PAUSE):
            while not (process := self.process(number)):  # noqa: ASYNC110 - a start tells nobody
                await asyncio.sleep(CHECK_SECONDS)
        assert process.parts
        return process.parts

    def failpoint(self, point: str) -> None:
        """Pass a point at which the process that runs here may die.

        Raises:
            Died: it did, now or before.
        """
        process = _PROCESS.get()
        if process is None:
            return
        if process.is_dead:
            raise ProcessKilled
        waiting = self._crashes[process.number]
        if not waiting or waiting[0].point != point:
            return
        self._hits += 1
        if self._hits >= waiting[0].times:
            self._hits = 0
            self._kill(process, waiting.pop(0))
            raise ProcessKilled

    def is_dead_here(self) -> bool:
        """Whether what runs here belongs to a process that died."""
        process = _PROCESS.get()
        return process is not None and process.is_dead

    def _kill_now(self, crash: Crash) -> None:
        if process := self.process(crash.process):
            self._kill(process, crash)

    def _kill(self, process: Process, crash: Crash) -> None:
        self.crashes += 1
        process.kill()
        if self._shared is None:
            process.disk.detach()
        task = self._outside.copy().run(asyncio.create_task, self._restart(process, crash.pause))
        self._returning.add(task)

    async def _restart(self, process: Process, pause: float) -> None:
        await process.until_gone()
        await asyncio.sleep(pause)
        self._start(process.number)
        self._processes[process.number].disk.is_slow = True

    def _start(self, number: int) -> None:
        disk = self._disk if self._shared else Disk(self._rng, self.failpoint)
        process = self._processes[number] = Process(number, disk)
        process.spawn(self._run(process))

    async def _run(self, process: Process) -> None:
        async with AsyncExitStack() as stack:
            store = self._shared
            if store is None:
                store = await stack.enter_async_context(open_store(f"sqlite:///{self._file}", self._clock))
                await store.actions.confirmations.end_leases()
            process.parts = parts_on(store, self._network, POLL_SECONDS, self._clock)
            await finish_abandoned(process.parts.services)
