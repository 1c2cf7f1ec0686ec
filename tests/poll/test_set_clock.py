"""A clock that is set under a sweep: what is told of a job stays true, and nothing of it is missed."""

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

    async def set(self, view: PollHarness, seconds: float) -> None:
        self.seconds += seconds
        await view.time.advance(view.store, seconds)


@pytest.fixture
def hand() -> ClockSkew:
    return ClockSkew()


@pytest.fixture
async def view(database_url: str, hand: ClockSkew) -> AsyncIterator[PollHarness]:
    async with FineTuningApi() as api, poll_harness(database_url, api, skew=lambda: hand.seconds) as opened:
        yield opened


@pytest.mark.parametrize("seconds", [HOUR, YEAR, -HOUR, -YEAR])
async def test_what_changed_a_moment_ago_is_not_told_as_found_late(
    view: PollHarness, hand: ClockSkew, seconds: float
) -> None:
    job = view.api.add_job(status="queued")
    await view.track(job)
    await view.poll()

    await hand.set(view, seconds)
    view.api.change(job, status="running")
    await view.poll_later()

    (change,) = await view.changes()
    assert not change.late


async def test_what_nobody_looked_at_for_an_hour_is_found_late(view: PollHarness) -> None:
    job = view.api.add_job(status="queued")
    await view.track(job)
    await view.poll()

    view.api.change(job, status="running")
    await view.poll_later(HOUR)

    (change,) = await view.changes()
    assert change.late


@pytest.mark.parametrize("seconds", [HOUR, 2 * YEAR, -HOUR])
async def test_a_models_name_is_waited_for_when_the_clock_is_set(
    view: PollHarness, hand: ClockSkew, seconds: float
) -> None:
    job = view.api.add_job(status="running")
    await view.track(job)
    await view.poll()
    view.api.change(job, status="succeeded")
    await view.poll_later()

    await hand.set(view, seconds)
    await view.poll_later()
    await view.poll_later()
    assert not (await known_job(view.store, job)).closed
    await view.time.advance(view.store, MODEL_NAME_TIMEOUT + INTERVAL)
    await view.poll()
    await view.poll_later()
    assert (await known_job(view.store, job)).closed, "but not for ever"


@pytest.mark.parametrize("seconds", [HOUR, YEAR, -HOUR, -YEAR])
async def test_a_finished_job_costs_no_more_requests_when_the_clock_is_set(
    view: PollHarness, hand: ClockSkew, seconds: float
) -> None:
    job = view.api.add_job(status="running")
    await view.track(job)
    await view.poll()
    view.api.change(job, status="failed")
    await view.poll_later()

    await hand.set(view, seconds)
    for _ in range(3):
        await view.poll_later()

    assert (await known_job(view.store, job)).closed


@pytest.mark.parametrize("seconds", [-HOUR, -YEAR])
async def test_a_job_that_vanished_is_told_in_time_when_the_clock_is_set(
    view: PollHarness, hand: ClockSkew, seconds: float
) -> None:
    job = view.api.add_job(status="running")
    await view.track(job)
    await view.poll()
    del view.api.jobs[job]
    await view.poll_later()

    await hand.set(view, seconds)
    for _ in range(4):
        await view.poll_later()

    assert [change.kind for change in await view.changes()] == ["gone"]
