"""Clock set during a poll: alerts stay true, and none is missed."""

from collections.abc import AsyncIterator

import pytest

from bot.poll.backoff import MODEL_NAME_TIMEOUT
from bot.sandbox.openai.server import FineTuningApi
from tests.poll.harness import INTERVAL, PollHarness, poll_harness
from tests.store.seeds import known_job

HOUR, YEAR = 3600.0, 365 * 86400.0
MODEL = "ft:gpt-4o-mini-2024-07-18:acme::9abc"


class ClockSkew:
    """Whoever sets the clock."""

    def __init__(self) -> None:
        self.seconds = 0.0

    async def set(self, harness: PollHarness, seconds: float) -> None:
        self.seconds += seconds
        await harness.time.advance(harness.store, seconds)


@pytest.fixture
def hand() -> ClockSkew:
    return ClockSkew()


@pytest.fixture
async def harness(database_url: str, hand: ClockSkew) -> AsyncIterator[PollHarness]:
    async with FineTuningApi() as api, poll_harness(database_url, api, skew=lambda: hand.seconds) as opened:
        yield opened


@pytest.mark.parametrize("seconds", [HOUR, YEAR, -HOUR, -YEAR])
async def test_a_recent_change_is_not_alerted_as_found_late(
    harness: PollHarness, hand: ClockSkew, seconds: float
) -> None:
    job = harness.api.add_job(status="queued")
    await harness.track(job)
    await harness.poll()

    await hand.set(harness, seconds)
    harness.api.change(job, status="running")
    await harness.poll_later()

    (change,) = await harness.changes()
    assert not change.late


async def test_a_change_after_an_hour_without_polls_is_found_late(harness: PollHarness) -> None:
    job = harness.api.add_job(status="queued")
    await harness.track(job)
    await harness.poll()

    harness.api.change(job, status="running")
    await harness.poll_later(HOUR)

    (change,) = await harness.changes()
    assert change.late


@pytest.mark.parametrize("seconds", [HOUR, 2 * YEAR, -HOUR])
async def test_a_job_is_polled_for_its_model_when_the_clock_is_set(
    harness: PollHarness, hand: ClockSkew, seconds: float
) -> None:
    job = harness.api.add_job(status="running")
    await harness.track(job)
    await harness.poll()
    harness.api.change(job, status="succeeded")
    await harness.poll_later()

    await hand.set(harness, seconds)
    await harness.poll_later()
    await harness.poll_later()
    assert not (await known_job(harness.store, job)).closed
    await harness.time.advance(harness.store, MODEL_NAME_TIMEOUT + INTERVAL)
    await harness.poll()
    await harness.poll_later()
    assert (await known_job(harness.store, job)).closed, "but not for ever"


@pytest.mark.parametrize("seconds", [HOUR, YEAR, -HOUR, -YEAR])
async def test_a_finished_job_costs_no_more_requests_when_the_clock_is_set(
    harness: PollHarness, hand: ClockSkew, seconds: float
) -> None:
    job = harness.api.add_job(status="running")
    await harness.track(job)
    await harness.poll()
    harness.api.change(job, status="failed")
    await harness.poll_later()

    await hand.set(harness, seconds)
    for _ in range(3):
        await harness.poll_later()

    assert (await known_job(harness.store, job)).closed


@pytest.mark.parametrize("seconds", [-HOUR, -YEAR])
async def test_a_missing_job_is_alerted_in_time_when_the_clock_is_set(
    harness: PollHarness, hand: ClockSkew, seconds: float
) -> None:
    job = harness.api.add_job(status="running")
    await harness.track(job)
    await harness.poll()
    del harness.api.jobs[job]
    await harness.poll_later()

    await hand.set(harness, seconds)
    for _ in range(4):
        await harness.poll_later()

    assert [change.kind for change in await harness.changes()] == ["gone"]
