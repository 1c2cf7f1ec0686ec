"""The one door after hundreds of requests that were cut, dropped or left hanging: nothing of them is left."""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from pathlib import Path

from bot.errors import ProviderError
from bot.providers.client import Client
from bot.sandbox.faults import Fault
from tests.providers.door import CALLS, call, client_of, new_api

REQUESTS = 600
AT_ONCE = 60
POOL = 20
"""Connections that a client keeps at the most; each is two files here, for the stand-in lives in this process too."""
DEADLINE = 0.3
PATIENCE = 15.0


def _open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


def _odd_behaviours(luck: random.Random) -> list[Fault]:
    kinds = [
        Fault("late", seconds=0.05),
        Fault("late", seconds=0.2),
        Fault("hang", seconds=2 * DEADLINE),
        Fault("hang", accepted=True, seconds=2 * DEADLINE),
        Fault("drop"),
        Fault("answer", status=503),
        Fault("answer", status=200, body="{"),
    ]
    return luck.choices(kinds, k=2 * REQUESTS // 3)


async def _until(holds: Callable[[], bool], why: str) -> None:
    for _ in range(500):
        if holds():
            return
        await asyncio.sleep(0.01)
    raise AssertionError(why)


async def _cut(client: Client, what: str, job: str, after: float) -> str:
    """Make a call, cut it after some seconds if it is not over by then, and return how it ended."""
    request = asyncio.create_task(call(client, what, job))
    await asyncio.wait({request}, timeout=after)
    request.cancel()
    try:
        await request
    except asyncio.CancelledError:
        return "cut"
    except ProviderError as error:
        return type(error).__name__
    return "answered"


async def test_requests_that_are_cut_at_any_moment_leave_nothing_behind() -> None:
    luck, ends, room = random.Random(20261125), Counter[str](), asyncio.Semaphore(AT_ONCE)  # noqa: S311
    tasks, files = len(asyncio.all_tasks()), _open_files()
    async with new_api() as api:
        job = api.add_job(status="running")
        idle = _open_files()
        async with client_of(api.base_url, deadline=DEADLINE) as client:
            api.faults.add("*", *_odd_behaviours(luck))

            async def one() -> None:
                async with room:
                    moment = luck.uniform(0, DEADLINE) if luck.random() < 0.7 else PATIENCE
                    ends[await _cut(client, luck.choice(CALLS), job, moment)] += 1

            async with asyncio.timeout(PATIENCE):
                await asyncio.gather(*(one() for _ in range(REQUESTS)))
                api.faults.clear()
                for _ in range(3):
                    await asyncio.gather(*(client.retrieve(job) for _ in range(POOL)))
            await _until(lambda: _open_files() <= idle + 2 * POOL, "a connection was lost")
        await _until(lambda: _open_files() <= idle, "a connection outlived its client")
    await _until(lambda: _open_files() <= files, "a file outlived everything")
    await _until(lambda: len(asyncio.all_tasks()) <= tasks, "a task was left")

    assert ends.total() == REQUESTS
    assert ends["cut"] > REQUESTS / 5, ends
    assert ends["Unreachable"] > REQUESTS / 20, ends
    assert ends["answered"] > REQUESTS / 20, ends
