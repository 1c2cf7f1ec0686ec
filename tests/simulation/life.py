"""One incarnation of the bot: it begins, works, and dies or is stopped.

A dead process changes nothing any more: its database is torn away before its tasks hear that they are cancelled.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Coroutine
from contextvars import copy_context
from pathlib import Path
from typing import Any

from bot.store.db.engine import Clock
from tests.simulation.bot import Parts, assembled, keep_sending, keep_sweeping, stop
from tests.simulation.disk import DISK, Disk
from tests.simulation.loop import FAMILY, Simulated
from tests.simulation.plan import End
from tests.simulation.wires import POST, World

LONGEST_LIFE = 1800.0
"""Seconds until an incarnation dies that does not come to the point at which it should."""


class Died(BaseException):
    """The process ended here, as by ``kill -9``."""


class Life:
    """One incarnation."""

    def __init__(self, world: World, file: Path, *, interval: float, clock: Clock, luck: random.Random) -> None:
        self.parts: Parts | None = None
        """What it consists of, once it is ready."""
        self.has_died = False
        self._world, self._file, self._interval, self._clock = world, file, interval, clock
        self._family: set[Simulated] = set()
        self._disk = Disk(luck, self.passing)
        self._told_to_stop = asyncio.Event()
        self._points_left: float | None = None
        self._posts_left: float | None = None

    def begin(self, prepare: Callable[[Parts], Awaitable[None]]) -> None:
        """Come to life; ``prepare`` is done first, in peace."""
        context = copy_context()
        context.run(FAMILY.set, self._family)
        context.run(DISK.set, self._disk)
        self._main = context.run(asyncio.create_task, self._live(prepare))

    def hear(self, event: Coroutine[Any, Any, None]) -> None:
        """Let it do what follows from an event, as a task of its own."""
        context = copy_context()
        context.run(FAMILY.set, self._family)
        context.run(DISK.set, self._disk)
        task = context.run(asyncio.create_task, event)
        task.add_done_callback(lambda done: done.cancelled() or done.exception())

    def passing(self, point: str) -> None:
        """Pass a point at which it may die.

        Raises:
            Died: it did.
        """
        if self.has_died:
            raise Died
        if self.parts is None:
            return
        if self._points_left is not None:
            self._points_left -= 1
            if self._points_left <= 0:
                self.die()
                raise Died
        if self._posts_left is not None and point == f"wire.before {POST}":
            self._posts_left -= 1
            if self._posts_left == 0:
                self._world.weather.hangs_next = True
                self._told_to_stop.set()

    def die(self) -> None:
        """Change nothing from now on, and unwind."""
        self.has_died = True
        self._disk.tear()
        self._cut()

    def _cut(self) -> None:
        for task in sorted(self._family, key=lambda task: task.number):
            task.cancel()

    async def end(self, how: End) -> None:
        """See it to its end.

        Raises:
            Exception: it ended by itself, which it never should.
        """
        is_stop, is_counted = how.kind in ("stop", "stop_midway"), how.kind in ("point", "stop_midway")
        self._points_left = how.after if how.kind == "point" else None
        self._posts_left = how.after if how.kind == "stop_midway" else None
        await asyncio.wait({self._main}, timeout=LONGEST_LIFE if is_counted else how.after)
        if is_stop:
            self._told_to_stop.set()
        elif not self.has_died:
            self.die()
        while self._family:
            # A task that turned its end into an error of the database, and tries again, has to be told once more.
            await asyncio.wait(set(self._family), timeout=1.0 if self.has_died else None)
            if self.has_died:
                self._cut()
        if not self.has_died:
            await self._main

    async def _live(self, prepare: Callable[[Parts], Awaitable[None]]) -> None:
        async with assembled(self._world, self._file, self._interval, self._clock) as parts:
            await prepare(parts)
            self.parts = parts
            self._disk.is_slow = True
            sending = asyncio.create_task(keep_sending(parts.sender))
            sweeping = asyncio.create_task(keep_sweeping(parts.sweeper, self._interval))
            editing = asyncio.create_task(parts.editor.run())
            being_there = asyncio.create_task(parts.presence.run())
            await self._told_to_stop.wait()
            await stop(parts, sending, sweeping)
            for task in (editing, being_there):
                task.cancel()
            await asyncio.gather(editing, being_there, return_exceptions=True)
