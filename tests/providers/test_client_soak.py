"""Client after hundreds of requests that were cut, dropped or left hanging: none leaks anything."""

import asyncio
import json
import random
from collections import Counter
from pathlib import Path

from bot.errors import ProviderError
from bot.providers.client import Client
from bot.providers.http.wire import Page
from tests.builders import JOB, job_body, list_body
from tests.providers.harness import CALLS, call, client_of
from tests.providers.raw_server import RawServer, ok_response, response_head
from tests.stopwatch import within

REQUESTS = 600
AT_ONCE = 60
POOL = 20
"""Connections that a client has at the most."""
DEADLINE = 0.3
MAX_WAIT = 60.0
PAGE = json.dumps(list_body(job_body())).encode()


class RandomFaults:
    """Answers at once, late, byte by byte, half, wrongly or not at all, at random."""

    def __init__(self, rng: random.Random) -> None:
        self.rng = rng
        self.together: asyncio.Barrier | None = None
        """If set: answers only as many requests at once as it waits for."""

    async def __call__(self, writer: asyncio.StreamWriter) -> None:
        if self.together:
            await self.together.wait()
            writer.write(ok_response(PAGE))
            return
        match self.rng.randrange(8):
            case 0 | 1:
                writer.write(ok_response(PAGE))
            case 2:
                await asyncio.sleep(self.rng.uniform(0, DEADLINE))
                writer.write(ok_response(PAGE))
            case 3 | 4:
                await self._drip(writer)
            case 5:
                writer.write(b"HTTP/1.1 200 OK\r\nContent-Le")
                await asyncio.sleep(2 * DEADLINE)
                writer.close()
            case 6:
                await asyncio.sleep(2 * DEADLINE)
                writer.close()
            case _:
                writer.close()

    async def _drip(self, writer: asyncio.StreamWriter) -> None:
        writer.write(response_head(f"Content-Length: {len(PAGE)}"))
        step = 1 + len(PAGE) // self.rng.choice([5, 50])
        for start in range(0, len(PAGE), step):
            writer.write(PAGE[start : start + step])
            await writer.drain()
            await asyncio.sleep(0.02)


def _open_files() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())


async def _cut(client: Client, what: str, after: float) -> str:
    """Make a call, cut it after some seconds if it is not over by then, and return how it ended."""
    request = asyncio.create_task(call(client, what, JOB))
    await asyncio.wait({request}, timeout=after)
    request.cancel()
    try:
        await request
    except asyncio.CancelledError:
        return "cut"
    except ProviderError as error:
        return type(error).__name__
    return "answered"


def _has_met_everything(ends: Counter[str]) -> bool:
    """Return whether each way to end was met often enough; on a busy machine, few requests are answered in time."""
    return ends["cut"] > REQUESTS / 5 and ends["Unreachable"] > REQUESTS / 20 and ends["answered"] > REQUESTS / 20


async def _answers_all_together(client: Client, moods: RandomFaults) -> bool:
    """Return whether as many requests as the pool has connections were answered, which are answered only together.

    A lost connection is one too few each time, a busy machine only now and then.
    """
    moods.together = asyncio.Barrier(POOL)
    asked = (client.list_jobs() for _ in range(POOL))
    pages = await asyncio.gather(*asked, return_exceptions=True)
    return [len(page.fetched) for page in pages if isinstance(page, Page)] == [1] * POOL


async def test_requests_that_are_cut_at_any_moment_leave_nothing_behind() -> None:
    rng, ends, room = random.Random(20261125), Counter[str](), asyncio.Semaphore(AT_ONCE)  # noqa: S311
    tasks, files = len(asyncio.all_tasks()), _open_files()
    moods = RandomFaults(rng)
    async with RawServer(moods) as server:
        async with client_of(server.base_url, deadline=DEADLINE) as client:

            async def one() -> None:
                async with room:
                    moment = rng.uniform(0, DEADLINE) if rng.random() < 0.7 else MAX_WAIT
                    ends[await _cut(client, rng.choice(CALLS), moment)] += 1

            async with asyncio.timeout(MAX_WAIT):
                while not _has_met_everything(ends):
                    await asyncio.gather(*(one() for _ in range(REQUESTS)))
            async with asyncio.timeout(MAX_WAIT):
                while not await _answers_all_together(client, moods):
                    pass
        await server.until_disconnected()

    async with within(5):
        counting = 1  # the task that measures the seconds
        while _open_files() > files or len(asyncio.all_tasks()) > tasks + counting:  # noqa: ASYNC110 - nobody tells of it
            await asyncio.sleep(0.01)
    assert ends.total() >= REQUESTS
