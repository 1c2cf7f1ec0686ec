"""Several processes on one database: together they look as often as one, and one that dies is replaced."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bot.poll.poll_lease import LEASE
from bot.poll.poller import Poller
from bot.poll.scheduler import DUE_FRACTION, STANDBY_FRACTION
from bot.sandbox.faults import Fault
from bot.sandbox.openai.server import FineTuningApi
from tests.poll.harness import INTERVAL, LIST, PollHarness, poll_harness, poller_on
from tests.stopwatch import within
from tests.store.seeds import ACCOUNT, several_stores

TAKEN_OVER_WITHIN = 35.0


@pytest.fixture
async def harness(postgres_url: str, api: FineTuningApi) -> AsyncIterator[PollHarness]:
    async with poll_harness(postgres_url, api) as opened:
        yield opened


@asynccontextmanager
async def _three(harness: PollHarness, postgres_url: str) -> AsyncIterator[list[Poller]]:
    """Yield the pollers of three processes."""
    async with several_stores(harness.store, postgres_url, harness.time, size=3) as stores:
        yield [poller_on(store, harness.client, harness.time.now)[1] for store in stores]


class ProcessTimers:
    """The timers of some processes, each of which began at a moment of its own; time passes from tick to tick."""

    def __init__(self, harness: PollHarness, begins: dict[Poller, float]) -> None:
        self._view = harness
        self._next = dict(begins)
        self.now = 0.0

    def dies(self, poller: Poller) -> None:
        del self._next[poller]

    async def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self._next and (at := min(self._next.values())) <= end:
            await self._goes_by(at - self.now)
            due = [poller for poller, when in self._next.items() if when == at]
            waits = await asyncio.gather(*(each.poll(older_than=DUE_FRACTION * INTERVAL) for each in due))
            for poller, wait in zip(due, waits, strict=True):
                self._next[poller] = at + (wait + STANDBY_FRACTION * INTERVAL if wait else INTERVAL)
        await self._goes_by(end - self.now)

    async def _goes_by(self, seconds: float) -> None:
        await self._view.time.advance(self._view.store, seconds)
        self.now += seconds

    async def until_asked(self) -> float:
        """Run until somebody asks the API; return how long that took."""
        asked, began = len(self._view.api.request_log), self.now
        while len(self._view.api.request_log) == asked:
            await self.run(0.5)
        return self.now - began


@pytest.mark.parametrize(
    "begins",
    [(0, 1, 29.5), *(pytest.param(each, marks=pytest.mark.deep) for each in [(0, 0, 0), (0, 10, 20), (0, 27.5, 28.5)])],
    ids=str,
)
async def test_three_processes_poll_as_often_as_one(
    harness: PollHarness, postgres_url: str, begins: tuple[float, ...]
) -> None:
    await harness.track_all([harness.api.add_job(status="running") for _ in range(50)])
    async with _three(harness, postgres_url) as pollers:
        timers = ProcessTimers(harness, dict(zip(pollers, begins, strict=True)))
        await timers.run(INTERVAL)
        asked = len(harness.api.request_log)
        await timers.run(40 * INTERVAL)

    assert 39 <= len(harness.api.request_log) - asked <= 42


@pytest.mark.parametrize("begins", [(0, 0, 0), (0, 10, 20), (0, 27.5, 28.5)], ids=str)
@pytest.mark.parametrize("holds", [True, False], ids=["in a poll", "between two"])
async def test_an_account_of_a_dead_process_is_taken_over(
    harness: PollHarness, postgres_url: str, begins: tuple[float, ...], *, holds: bool
) -> None:
    job = harness.api.add_job(status="running")
    await harness.track(job)
    async with _three(harness, postgres_url) as pollers:
        timers = ProcessTimers(harness, dict(zip(pollers, begins, strict=True)))
        await timers.run(3 * INTERVAL - 0.5)
        await timers.until_asked()
        timers.dies(pollers[0])
        if holds:
            assert await harness.store.accounts.leases.claim(ACCOUNT, lease=LEASE)
        harness.api.change(job, status="paused")

        assert await timers.until_asked() <= TAKEN_OVER_WITHIN

    assert (job, "paused") in await harness.pending()


async def test_pollers_that_poll_at_once_record_a_change_once(harness: PollHarness, postgres_url: str) -> None:
    jobs = [harness.api.add_job(status="queued") for _ in range(30)]
    await harness.track_all(jobs)
    async with _three(harness, postgres_url) as pollers:
        for status in ("running", "paused", "running"):
            for job in jobs:
                harness.api.change(job, status=status)
            await asyncio.gather(*(poller.poll() for poller in pollers))

    assert len(await harness.changes()) == 90


async def test_a_lease_that_runs_out_under_a_slow_poll_does_no_harm(harness: PollHarness, postgres_url: str) -> None:
    jobs = [harness.api.add_job(status="running") for _ in range(10)]
    await harness.track_all(jobs)
    async with _three(harness, postgres_url) as pollers:
        for job in jobs:
            harness.api.change(job, status="paused")
        harness.api.faults.add(LIST, Fault("late", seconds=1))
        slow = asyncio.create_task(pollers[0].poll())
        await _until_claimed(harness)
        await harness.time.advance(harness.store, LEASE + 1)
        await pollers[1].poll()
        await slow

    assert len(await harness.changes()) == 10
    assert not any(poller.is_failing for poller in pollers)


async def test_a_canceled_poll_releases_the_account(harness: PollHarness) -> None:
    await harness.subscribe()
    harness.api.faults.add(LIST, Fault("hang"))
    cut = asyncio.create_task(harness.poller.poll())
    await _until_claimed(harness)
    cut.cancel()
    await asyncio.wait({cut})

    assert cut.cancelled()
    assert await harness.store.accounts.leases.claim(ACCOUNT, lease=LEASE) is not None


async def _until_claimed(harness: PollHarness) -> None:
    async with within(10):
        while (await harness.store.accounts.leases.status(ACCOUNT, interval=0)).next_poll_in == 0:  # noqa: ASYNC110 - a row tells nobody
            await asyncio.sleep(0.01)
