"""A clock that is set under a sweep: what is told of a job stays true, and nothing of it is missed."""

from collections.abc import AsyncIterator

import pytest

from bot.poll.backoff import MODEL_PATIENCE
from bot.sandbox.openai.server import FineTuningApi
from tests.poll.lookout import INTERVAL, Lookout, lookout
from tests.store.seeds import known

HOUR, YEAR = 3600.0, 365 * 86400.0
MODEL = "ft:gpt-4o-mini-2024-07-18:acme::9abc"


class Hand:
    """Whoever sets the clock."""

    def __init__(self) -> None:
        self.seconds = 0.0

    async def set(self, view: Lookout, seconds: float) -> None:
        self.seconds += seconds
        await view.time.passes(view.store, seconds)


@pytest.fixture
def hand() -> Hand:
    return Hand()


@pytest.fixture
async def view(database_url: str, hand: Hand) -> AsyncIterator[Lookout]:
    async with FineTuningApi() as api, lookout(database_url, api, set_by=lambda: hand.seconds) as opened:
        yield opened


@pytest.mark.parametrize("seconds", [HOUR, YEAR, -HOUR, -YEAR])
async def test_what_changed_a_moment_ago_is_not_told_as_found_late(view: Lookout, hand: Hand, seconds: float) -> None:
    job = view.api.add_job(status="queued")
    await view.track(job)
    await view.sweep()

    await hand.set(view, seconds)
    view.api.change(job, status="running")
    await view.sweep_later()

    (change,) = await view.changes()
    assert not change.late


async def test_what_nobody_looked_at_for_an_hour_is_found_late(view: Lookout) -> None:
    job = view.api.add_job(status="queued")
    await view.track(job)
    await view.sweep()

    view.api.change(job, status="running")
    await view.sweep_later(HOUR)

    (change,) = await view.changes()
    assert change.late


@pytest.mark.parametrize("seconds", [HOUR, 2 * YEAR, -HOUR])
async def test_a_models_name_is_waited_for_when_the_clock_is_set(view: Lookout, hand: Hand, seconds: float) -> None:
    job = view.api.add_job(status="running")
    await view.track(job)
    await view.sweep()
    view.api.change(job, status="succeeded")
    await view.sweep_later()

    await hand.set(view, seconds)
    await view.sweep_later()
    await view.sweep_later()
    assert not (await known(view.store, job)).settled
    await view.time.passes(view.store, MODEL_PATIENCE + INTERVAL)
    await view.sweep()
    await view.sweep_later()
    assert (await known(view.store, job)).settled, "but not for ever"


@pytest.mark.parametrize("seconds", [HOUR, YEAR, -HOUR, -YEAR])
async def test_a_finished_job_costs_no_more_requests_when_the_clock_is_set(
    view: Lookout, hand: Hand, seconds: float
) -> None:
    job = view.api.add_job(status="running")
    await view.track(job)
    await view.sweep()
    view.api.change(job, status="failed")
    await view.sweep_later()

    await hand.set(view, seconds)
    for _ in range(3):
        await view.sweep_later()

    assert (await known(view.store, job)).settled


@pytest.mark.parametrize("seconds", [-HOUR, -YEAR])
async def test_a_job_that_vanished_is_told_in_time_when_the_clock_is_set(
    view: Lookout, hand: Hand, seconds: float
) -> None:
    job = view.api.add_job(status="running")
    await view.track(job)
    await view.sweep()
    del view.api.jobs[job]
    await view.sweep_later()

    await hand.set(view, seconds)
    for _ in range(4):
        await view.sweep_later()

    assert [change.kind for change in await view.changes()] == ["gone"]
