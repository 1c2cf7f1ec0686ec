"""Time that passes only when nothing else can happen: an hour of waiting costs no time at all.

The loop's clock stands still while anything can run. When everything waits, it leaps to the next moment that somebody
waits for. Nothing may wait for a socket: such a loop would leap past it. A thread's work is done at once, on the loop.
"""

import asyncio
import itertools
import math
import selectors
from collections.abc import Callable, Coroutine, Mapping
from concurrent.futures import Executor
from contextvars import ContextVar, copy_context
from typing import Any, cast

from typing_extensions import override

TICK = 2.0**-20
"""Seconds. Time is counted in ticks that a float holds exactly, beside the seconds of decades."""

MOST_TURNS = 100_000
"""Turns of the loop at one and the same moment."""

TASKS: ContextVar["set[NumberedTask] | None"] = ContextVar("FAMILY", default=None)
"""Where each task that is begun here, directly or not, is entered until it ends."""


class Deadlock(RuntimeError):
    """Deadlock: every task waits, and no timer is set."""


class NumberedTask(asyncio.Task[Any]):
    """A task whose hash is its number, so that sets of tasks have the same order in every run."""

    def __init__(self, coro: Coroutine[Any, Any, Any], *, number: int, **how: Any) -> None:
        self.number = number
        super().__init__(coro, **how)

    @override
    def __hash__(self) -> int:
        return self.number

    @override
    def __eq__(self, other: object) -> bool:
        return self is other


class ProcessTasks:
    """The tasks of one simulated process, those that its tasks start included."""

    def __init__(self) -> None:
        self._tasks: set[NumberedTask] = set()

    def start(self, work: Coroutine[Any, Any, None], variables: Mapping[ContextVar[Any], Any]) -> asyncio.Task[None]:
        """Start a task of the process; ``variables`` are set in its context."""
        context = copy_context()
        for variable, value in {TASKS: self._tasks, **variables}.items():
            context.run(variable.set, value)
        return context.run(asyncio.create_task, work)

    def cancel(self) -> None:
        """Cancel all tasks, in the order of their start."""
        for task in sorted(self._tasks, key=lambda task: task.number):
            task.cancel()

    async def wait(self, is_killed: Callable[[], bool]) -> None:
        """Wait until no task is left; those of a killed process are canceled again each second.

        A task that turned its cancellation into an error of the database, and tries again, has to be canceled once more.
        """
        while self._tasks:
            await asyncio.wait(set(self._tasks), timeout=1.0 if is_killed() else None)
            if is_killed():
                self.cancel()


class _JumpingSelector(selectors.SelectSelector):
    """Never waits for the time that it is told to wait, but reports that it went by."""

    def __init__(self, leap: Callable[[float], None]) -> None:
        super().__init__()
        self._leap = leap
        self._turns = 0

    @override
    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None:
            raise Deadlock("Nothing is scheduled: everybody waits for something that nobody is going to do.")
        if timeout > 0:
            self._turns = 0
            self._leap(timeout)
        self._turns += 1
        if self._turns > MOST_TURNS:
            raise Deadlock("Time stands still: somebody is busy for ever without waiting for anything.")
        return []


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop in virtual time, which begins at 0."""

    def __init__(self) -> None:
        self._ticks = 0
        self._numbers = itertools.count(1)
        super().__init__(_JumpingSelector(self._jump))
        self.set_task_factory(cast("Any", self._make_task))

    @override
    def time(self) -> float:
        return self._ticks * TICK

    @override
    def run_in_executor(  # type: ignore[override]  # a thread's work is done at once, whatever it is
        self, _executor: Executor | None, do: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        done = self.create_future()
        try:
            done.set_result(do(*args))
        except Exception as error:  # noqa: BLE001 - a thread hands on everything, too
            done.set_exception(error)
        return done

    def _jump(self, seconds: float) -> None:
        self._ticks += max(1, math.ceil(seconds / TICK))

    def _make_task(
        self, loop: asyncio.AbstractEventLoop, coro: Coroutine[Any, Any, Any], **how: Any
    ) -> asyncio.Task[Any]:
        task = NumberedTask(coro, loop=loop, number=next(self._numbers), **how)
        family = TASKS.get()
        if family is not None:
            family.add(task)
            task.add_done_callback(family.discard)
        return task
