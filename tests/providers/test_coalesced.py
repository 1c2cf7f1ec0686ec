"""Shared reads over real HTTP: what they cost, what is remembered, and what happens to who waits."""

import asyncio
from collections.abc import AsyncIterator

import pytest

from bot.errors import AccessDenied, InvalidResponse, NotFound, ProviderError, RateLimited, Unreachable
from bot.providers.client import Client
from bot.providers.coalesced import TTL, CoalescedReads, Read
from bot.providers.http.wire import FetchedJob
from bot.sandbox.faults import Fault
from bot.sandbox.openai.server import FineTuningApi
from tests.providers.harness import JOBS, MAX_WAIT, RETRIEVE, RequestRecorder, new_api

LATE = Fault("late", seconds=0.3)


class ManualClock:
    """A clock that a test moves."""

    now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def unopened() -> FineTuningApi:
    return new_api()


@pytest.fixture
def watch(unopened: FineTuningApi) -> RequestRecorder:
    return RequestRecorder(unopened)


@pytest.fixture
async def api(unopened: FineTuningApi, watch: RequestRecorder) -> AsyncIterator[FineTuningApi]:
    assert watch.requests == []
    async with unopened as running:
        yield running


@pytest.fixture
def time() -> ManualClock:
    return ManualClock()


@pytest.fixture
def shared(client: Client, time: ManualClock) -> CoalescedReads:
    return CoalescedReads(client, time, time)


def status_of(read: Read[FetchedJob]) -> str:
    return read.value.snapshot.status


async def until_asked(watch: RequestRecorder, times: int) -> None:
    """Wait until so many requests have arrived, answered or not."""
    async with asyncio.timeout(MAX_WAIT):
        while len(watch.requests) < times:  # noqa: ASYNC110 - a request under way announces itself to nobody
            await asyncio.sleep(0.01)


async def test_concurrent_reads_of_the_same_job_share_one_request(api: FineTuningApi, shared: CoalescedReads) -> None:
    job, other = api.add_job(status="running"), api.add_job(status="failed")
    api.faults.always("*", LATE)

    reads = await asyncio.gather(*(shared.job(job) for _ in range(20)), shared.job(other))
    pages = await asyncio.gather(
        *(shared.page(after=None, limit=100, metadata={}) for _ in range(20)),
        shared.page(after=None, limit=100, metadata={"team": "search"}),
    )

    assert [status_of(read) for read in reads] == ["running"] * 20 + ["failed"]
    assert [len(page.value.fetched) for page in pages] == [2] * 20 + [0]
    assert len(api.request_log.for_endpoint(RETRIEVE)) == 2
    assert len(api.request_log.for_endpoint(f"GET {JOBS}")) == 2


async def test_a_response_is_cached_for_two_seconds_and_says_when_it_came(
    api: FineTuningApi, shared: CoalescedReads, time: ManualClock
) -> None:
    job = api.add_job(status="running")
    first = await shared.job(job)
    api.change(job, status="paused")

    time.now += TTL - 0.1
    again = await shared.job(job)
    time.now += 0.1
    later = await shared.job(job)

    assert (status_of(first), first.at) == (status_of(again), again.at) == ("running", 1000.0)
    assert (status_of(later), later.at) == ("paused", 1000.0 + TTL)


async def test_a_clock_that_is_set_back_extends_no_cache_entry(
    api: FineTuningApi, shared: CoalescedReads, time: ManualClock
) -> None:
    job = api.add_job(status="running")
    await shared.job(job)
    api.change(job, status="paused")
    time.now -= 3600

    assert status_of(await shared.job(job)) == "paused"


async def test_a_fresh_read_bypasses_the_cache_and_fills_it(api: FineTuningApi, shared: CoalescedReads) -> None:
    job = api.add_job(status="running")
    await shared.job(job)
    api.change(job, status="paused")

    assert status_of(await shared.job(job, fresh=True)) == "paused"
    assert status_of(await shared.job(job)) == "paused"
    assert len(api.request_log.for_endpoint(RETRIEVE)) == 2


async def test_a_read_before_an_action_is_not_used_after_it(
    api: FineTuningApi, watch: RequestRecorder, shared: CoalescedReads
) -> None:
    job, other = api.add_job(status="running"), api.add_job(status="running")
    await shared.job(other)
    api.faults.add(RETRIEVE, LATE)
    early = asyncio.create_task(shared.job(job))
    await until_asked(watch, 2)
    shared.invalidate()
    api.change(job, status="cancelled")
    api.change(other, status="cancelled")

    assert status_of(await shared.job(job)) == "cancelled"
    assert status_of(await shared.job(other)) == "cancelled"
    await early
    assert status_of(await shared.job(job)) == "cancelled", "the early answer came last"


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault("answer", status=404), NotFound),
        (Fault("answer", status=401), AccessDenied),
        (Fault("answer", status=429), RateLimited),
        (Fault("answer", status=200, body="no JSON"), InvalidResponse),
        (Fault("answer", status=500), Unreachable),
    ],
    ids=lambda value: value.__name__ if isinstance(value, type) else "",
)
async def test_a_failure_is_raised_for_every_waiter_and_not_cached(
    api: FineTuningApi, shared: CoalescedReads, fault: Fault, kind: type[ProviderError]
) -> None:
    job = api.add_job(status="running")
    api.faults.add(RETRIEVE, fault)

    ends = await asyncio.gather(*(shared.job(job) for _ in range(5)), return_exceptions=True)

    assert [type(end) for end in ends] == [kind] * 5
    assert len(api.request_log.for_endpoint(RETRIEVE)) == 1
    assert status_of(await shared.job(job)) == "running"


async def test_a_waiter_that_stops_disturbs_no_other(
    api: FineTuningApi, watch: RequestRecorder, shared: CoalescedReads
) -> None:
    job = api.add_job(status="running")
    api.faults.add(RETRIEVE, LATE)
    first, *others = (asyncio.create_task(shared.job(job)) for _ in range(3))
    await until_asked(watch, 1)

    first.cancel()
    reads = await asyncio.gather(*others)

    assert first.cancelled()
    assert [status_of(read) for read in reads] == ["running", "running"]
    assert len(api.request_log.for_endpoint(RETRIEVE)) == 1


async def test_a_request_is_canceled_with_its_last_waiter_and_the_next_sends_another(
    api: FineTuningApi, watch: RequestRecorder, shared: CoalescedReads
) -> None:
    job = api.add_job(status="running")
    api.faults.add(RETRIEVE, Fault("hang"))
    waiting = [asyncio.create_task(shared.job(job)) for _ in range(3)]
    await until_asked(watch, 1)
    before = asyncio.all_tasks()

    for each in waiting:
        each.cancel()
    await asyncio.wait(waiting)

    assert status_of(await shared.job(job)) == "running"
    own = [task for task in before & asyncio.all_tasks() if "SharedReads" in repr(task.get_coro())]
    assert own == []


async def test_the_cache_holds_only_the_reads_of_two_seconds(
    api: FineTuningApi, shared: CoalescedReads, time: ManualClock
) -> None:
    for _ in range(20):
        await shared.job(api.add_job())
        time.now += 0.5

    assert len(shared._cached) <= 4  # noqa: SLF001 - memory is nowhere else to be seen
    assert shared._under_way == {}  # noqa: SLF001


async def test_a_cache_entry_lasts_as_long_when_the_wall_clock_is_set(
    api: FineTuningApi, client: Client, time: ManualClock
) -> None:
    day = ManualClock()
    shared = CoalescedReads(client, day, time)
    job = api.add_job(status="running")
    await shared.job(job)
    api.change(job, status="paused")

    for step in (-3600.0, 7200.0, -365 * 86400.0):
        day.now += step
        assert status_of(await shared.job(job)) == "running"
    time.now += TTL
    assert status_of(await shared.job(job)) == "paused"
