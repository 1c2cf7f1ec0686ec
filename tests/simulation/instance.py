"""One incarnation of the bot: it begins, works, and dies or is stopped.

A dead process changes nothing any more: its database is torn away before its tasks hear that they are cancelled.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from pathlib import Path
from typing import Any

from bot.app.build import Parts
from bot.runtime.clock import Clock
from tests.simulation.bot import ACCOUNT, assembled, keep_delivering, keep_polling, stop
from tests.simulation.disk import DISK, Disk
from tests.simulation.loop import ProcessTasks
from tests.simulation.network import POST, Network
from tests.simulation.plan import ProcessEnd

MAX_LIFETIME = 1800.0
"""Seconds until an incarnation dies that does not come to the point at which it should."""


class ProcessKilled(BaseException):
    """The process ended here, as by ``kill -9``."""


class Instance:
    """One incarnation."""

    def __init__(self, world: Network, file: Path, *, interval: float, clock: Clock, rng: random.Random) -> None:
        self.parts: Parts | None = None
        """What it consists of, once it is ready."""
        self.is_dead = False
        self._network, self._file, self._interval, self._clock = world, file, interval, clock
        self._tasks = ProcessTasks()
        self._disk = Disk(rng, self.failpoint)
        self._stop_requested = asyncio.Event()
        self._points_left: float | None = None
        self._posts_left: float | None = None

    def begin(self, prepare: Callable[[Parts], Awaitable[None]]) -> None:
        """Come to life; ``prepare`` is done first, in peace."""
        self._main = self._tasks.start(self._run(prepare), {DISK: self._disk})

    def spawn(self, event: Coroutine[Any, Any, None]) -> None:
        """Let it do what follows from an event, as a task of its own."""
        task = self._tasks.start(event, {DISK: self._disk})
        task.add_done_callback(lambda done: done.cancelled() or done.exception())

    def failpoint(self, point: str) -> None:
        """Pass a point at which it may die.

        Raises:
            Died: it did.
        """
        if self.is_dead:
            raise ProcessKilled
        if self.parts is None:
            return
        if self._points_left is not None:
            self._points_left -= 1
            if self._points_left <= 0:
                self.kill()
                raise ProcessKilled
        if self._posts_left is not None and point == f"wire.before {POST}":
            self._posts_left -= 1
            if self._posts_left == 0:
                self._network.fault_schedule.hangs_next = True
                self._stop_requested.set()

    def kill(self) -> None:
        """Change nothing from now on, and unwind."""
        self.is_dead = True
        self._disk.detach()
        self._tasks.cancel()

    async def end(self, how: ProcessEnd) -> None:
        """See it to its end.

        Raises:
            Exception: it ended by itself, which it never should.
        """
        is_stop, is_counted = how.kind in ("stop", "stop_midway"), how.kind in ("point", "stop_midway")
        self._points_left = how.after if how.kind == "point" else None
        self._posts_left = how.after if how.kind == "stop_midway" else None
        await asyncio.wait({self._main}, timeout=MAX_LIFETIME if is_counted else how.after)
        if is_stop:
            self._stop_requested.set()
        elif not self.is_dead:
            self.kill()
        await self._tasks.wait(lambda: self.is_dead)
        if not self.is_dead:
            await self._main

    async def _run(self, prepare: Callable[[Parts], Awaitable[None]]) -> None:
        async with assembled(self._network, self._file, self._interval, self._clock) as parts:
            await prepare(parts)
            self.parts = parts
            self._disk.is_slow = True
            sending = asyncio.create_task(keep_delivering(parts.worker))
            polling = asyncio.create_task(keep_polling(parts.pollers[ACCOUNT.name], self._interval))
            editing = asyncio.create_task(parts.card_updater.run())
            being_there = asyncio.create_task(parts.connection.run())
            await self._stop_requested.wait()
            await stop(parts, sending, polling)
            for task in (editing, being_there):
                task.cancel()
            await asyncio.gather(editing, being_there, return_exceptions=True)
