"""A poll against one request per job, and against the floor: the same pages, neither parsed nor stored."""

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from statistics import median

from bot.poll.plan import PAGE_SIZE
from bot.poll.poller import Poller
from bot.providers.client import Client
from bot.providers.http.wire import FetchedJob
from bot.store import Store, open_store
from bot.store.channels.tracks import Track
from bot.tracking.notices import Notices
from bot.tracking.recorder import Recorder
from tests.bench.figures import Figure, Part, at_most, exactly, plain
from tests.bench.processes import StandIns

ROUNDS = {100: 12, 1000: 7}
"""How often each side is measured, by the number of jobs."""
MOST_OF_THE_FLOOR = 1.5
AT_ONCE = 20
"""How many single requests the client lets out together."""
CHANNEL = "C0BENCH"


class RawClient(Client):
    """The bot's client, with a way to read pages and leave them unread."""

    async def fetch_pages(self, cursors: Sequence[str | None]) -> None:
        """Send the requests of a poll, one after the other, and drop the answers."""
        for after in cursors:
            await self._transport.send(self._requests.list_jobs(self.listings[0], after=after))

    async def all_jobs(self) -> list[FetchedJob]:
        """Read every job of the account, newest first."""
        page = await self.list_jobs()
        readings = list(page.fetched)
        while page.after:
            page = await self.list_jobs(after=page.after)
            readings += page.fetched
        return readings


@dataclass
class Times:
    """How long each side took, in seconds, round by round."""

    poll: list[float] = field(default_factory=list)
    floor: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    """The processor time of each poll in the bot's process, its share of HTTP included."""
    floor_cpu: list[float] = field(default_factory=list)


async def track_all(store: Store, account: str, readings: Sequence[FetchedJob], channels: Sequence[str]) -> None:
    """Let channels track all these jobs, the first channel the first job and so on in turn."""
    async with store.db.transaction() as tx:
        await store.jobs.states.add(tx, account, [reading.snapshot for reading in readings])
        tracks = [
            Track(account, reading.snapshot.id, channels[n % len(channels)], "U0BENCH")
            for n, reading in enumerate(readings)
        ]
        await store.channels.tracks.add(tx, tracks)


async def measure(standins: StandIns, folder: Path, jobs: int) -> Part:
    """Measure an account with ``jobs`` running jobs, all of them tracked."""
    async with _parts(standins, folder, jobs) as (client, poller, readings):
        ids = [reading.snapshot.id for reading in readings]
        cursors = [None, *ids[PAGE_SIZE - 1 : -1 : PAGE_SIZE]]
        await poller.poll()
        before = await standins.ask(f"requests/{jobs}")
        await poller.poll()
        requests = await standins.ask(f"requests/{jobs}") - before
        times = await _rounds(poller.poll, lambda: client.fetch_pages(cursors), ROUNDS[jobs])
        single = await _timed(_one_by_one(client, ids))
        together = await _timed(_at_once(client, ids))
        if poller.is_failing:
            raise RuntimeError("the polls failed")
    figures = _figures(times, requests, jobs)
    poll_seconds = median(times.poll)
    return Part(
        f"A poll of {jobs:,} live jobs",
        [
            *figures,
            plain("a GET for each job, one by one", single, unit=" s"),
            plain("... in times of a poll", single / poll_seconds, unit="x", digits=1),
            plain(f"a GET for each job, {AT_ONCE} at once", together, unit=" s"),
            plain("... in times of a poll", together / poll_seconds, unit="x", digits=1),
        ],
    )


def _figures(times: Times, requests: int, jobs: int) -> list[Figure]:
    ratio = median(ours / floor for ours, floor in zip(times.poll, times.floor, strict=True))
    own = (median(times.cpu) - median(times.floor_cpu)) * 1000
    return [
        exactly("requests of a poll", requests, jobs // PAGE_SIZE),
        plain("a poll", median(times.poll), unit=" s", digits=3),
        plain("the floor: its pages, neither read nor stored", median(times.floor), unit=" s", digits=3),
        at_most("a poll in times of the floor", ratio, MOST_OF_THE_FLOOR, unit="x"),
        plain("processor time beyond the floor's", own, unit=" ms", digits=0),
    ]


@asynccontextmanager
async def _parts(
    standins: StandIns, folder: Path, jobs: int
) -> AsyncIterator[tuple[RawClient, Poller, list[FetchedJob]]]:
    """Build the poller, as `bot.app.build` does, with every job tracked."""
    (account,) = standins.settings(folder, jobs).accounts
    async with RawClient(account) as client, open_store(f"sqlite:///{folder / 'ftjob.db'}", time.time) as store:
        readings = await client.all_jobs()
        await track_all(store, account.name, readings, [CHANNEL])
        recorder = Recorder(store)
        notices = Notices(store, None)
        yield client, Poller(client, store, recorder, notices, interval=30.0, clock=time.time), readings


async def _rounds(poll: Callable[[], Awaitable[object]], floor: Callable[[], Awaitable[None]], rounds: int) -> Times:
    """Measure both sides in turn; which of them goes first changes each round."""
    times = Times()
    sides: list[tuple[Callable[[], Awaitable[object]], list[float], list[float]]] = [
        (poll, times.poll, times.cpu),
        (floor, times.floor, times.floor_cpu),
    ]
    for _ in range(rounds):
        for work, seconds, cpu in sides:
            used = time.process_time()
            seconds.append(await _timed(work()))
            cpu.append(time.process_time() - used)
        sides.reverse()
    return times


async def _timed(work: Awaitable[object]) -> float:
    begun = time.perf_counter()
    await work
    return time.perf_counter() - begun


async def _one_by_one(client: Client, ids: Sequence[str]) -> None:
    for job_id in ids:
        await client.retrieve(job_id)


async def _at_once(client: Client, ids: Sequence[str]) -> None:
    left = iter(ids)

    async def keep_asking() -> None:
        for job_id in left:
            await client.retrieve(job_id)

    await asyncio.gather(*(keep_asking() for _ in range(AT_ONCE)))
