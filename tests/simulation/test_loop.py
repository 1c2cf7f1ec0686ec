"""The virtual clock: it leaps, it keeps the order of moments, and it says so where nothing can happen any more."""

import asyncio
import threading
import time
from collections.abc import Coroutine
from typing import Any

import pytest

from tests.simulation.loop import TASKS, Deadlock, VirtualLoop

DAY = 86400.0


def run(work: Coroutine[Any, Any, Any]) -> Any:
    with asyncio.Runner(loop_factory=VirtualLoop) as runner:
        return runner.run(work)


def test_a_day_of_sleep_takes_no_time_at_all() -> None:
    async def sleep() -> float:
        await asyncio.sleep(DAY)
        return asyncio.get_running_loop().time()

    began = time.perf_counter()
    assert run(sleep()) == DAY
    assert time.perf_counter() - began < 5


def test_moments_come_in_their_order_whoever_waits_for_them() -> None:
    async def wait() -> list[str]:
        seen: list[str] = []

        async def note(name: str, seconds: float) -> None:
            await asyncio.sleep(seconds)
            seen.append(name)

        await asyncio.gather(note("third", 3.5), note("first", 0.25), note("second", 3.0))
        return seen

    assert run(wait()) == ["first", "second", "third"]


def test_time_outs_work() -> None:
    async def give_up() -> float:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(10):
                await asyncio.Event().wait()
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(asyncio.Event().wait(), 5)
        return asyncio.get_running_loop().time()

    assert 15 <= run(give_up()) < 15.001


def test_where_nobody_will_do_anything_the_loop_says_so_instead_of_hanging() -> None:
    async def wait() -> None:
        await asyncio.Event().wait()

    with pytest.raises(Deadlock, match="Nothing is scheduled"):
        run(wait())


def test_where_somebody_is_busy_for_ever_the_loop_says_so_too() -> None:
    async def spin() -> None:
        while True:  # noqa: ASYNC110 - that is the fault
            await asyncio.sleep(0)

    with pytest.raises(Deadlock, match="Time stands still"):
        run(spin())


def test_the_work_of_a_thread_is_done_at_once() -> None:
    async def leave() -> tuple[int, float]:
        return await asyncio.to_thread(threading.get_ident), asyncio.get_running_loop().time()

    assert run(leave()) == (threading.get_ident(), 0.0)


def test_sets_of_tasks_have_the_same_order_in_every_run() -> None:
    async def order() -> list[str]:
        tasks = {asyncio.create_task(asyncio.sleep(0), name=f"task {number}") for number in range(20)}
        names = [task.get_name() for task in tasks]
        await asyncio.wait(tasks)
        return names

    assert run(order()) == run(order())


def test_a_family_knows_the_tasks_of_its_tasks_until_they_end() -> None:
    async def grow() -> list[int]:
        family: set[Any] = set()
        TASKS.set(family)

        async def child() -> None:
            await asyncio.create_task(asyncio.sleep(10))

        task = asyncio.create_task(child())
        await asyncio.sleep(1)
        sizes = [len(family)]
        await task
        await asyncio.sleep(0)
        return [*sizes, len(family)]

    assert run(grow()) == [2, 0]
