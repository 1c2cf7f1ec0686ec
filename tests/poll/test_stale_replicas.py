"""An API that answers from replicas which lag: a third of its reads are stale, and people hear of none of it."""

from collections.abc import AsyncIterator

import pytest

from bot.jobs.confirmation import AGREEING
from bot.sandbox.openai.server import FineTuningApi
from tests.poll.lookout import LIST, Lookout, lookout, page_of

MODEL = "ft:m:acme::1"


@pytest.fixture
async def view(database_url: str) -> AsyncIterator[Lookout]:
    async with FineTuningApi() as api, lookout(database_url, api) as opened:
        yield opened


@pytest.mark.parametrize("stale", ["running", "queued", "paused"])
async def test_a_result_is_told_once_although_a_third_of_the_reads_are_stale(view: Lookout, stale: str) -> None:
    job = view.api.add_job(status="running")
    await view.track(job)
    old = {**view.api.jobs[job], "status": stale}
    view.api.change(job, status="succeeded", fine_tuned_model=MODEL)
    await view.sweep()

    for n in range(30):
        if n % 3 == 0:
            view.api.faults.add(LIST, page_of(old))
        await view.sweep_later()

    assert await view.told() == [(job, "succeeded")]


async def test_a_job_that_runs_is_not_told_as_queued_by_stale_reads(view: Lookout) -> None:
    job = view.api.add_job(status="queued")
    await view.track(job)
    old = view.api.jobs[job]
    view.api.change(job, status="running")
    await view.sweep()

    for n in range(12):
        if n % 3:
            view.api.faults.add(LIST, page_of(old))
        await view.sweep_later()

    assert await view.told() == [(job, "running")]


@pytest.mark.parametrize(("again", "told"), [(False, 1), (True, 2)])
async def test_a_result_that_comes_back_is_told_again_only_if_it_is_another(
    view: Lookout, *, again: bool, told: int
) -> None:
    job = view.api.add_job(status="running")
    await view.track(job)
    old = view.api.jobs[job]
    view.api.change(job, status="succeeded", fine_tuned_model=MODEL)
    await view.sweep()
    for _ in range(AGREEING + 1):
        view.api.faults.add(LIST, page_of(old))
        await view.sweep_later()
    assert await view.told() == [(job, "succeeded"), (job, "running")]
    if again:
        view.api.change(job, finished_at=view.api.jobs[job]["finished_at"] + 60)

    await view.sweep_later()

    assert (await view.told()).count((job, "succeeded")) == told
    assert [row.new_status for row in await view.changes()] == ["succeeded", "running", "succeeded"]
