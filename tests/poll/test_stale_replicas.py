"""An API that answers from replicas which lag: a third of its reads are stale, and people hear of none of it."""

from collections.abc import AsyncIterator

import pytest

from bot.jobs.confirmation import CONFIRM_INTERVALS
from bot.sandbox.openai.server import FineTuningApi
from tests.poll.harness import LIST, PollHarness, page_of, poll_harness

MODEL = "ft:m:acme::1"


@pytest.fixture
async def view(database_url: str) -> AsyncIterator[PollHarness]:
    async with FineTuningApi() as api, poll_harness(database_url, api) as opened:
        yield opened


@pytest.mark.parametrize("stale", ["running", "queued", "paused"])
async def test_a_result_is_told_once_although_a_third_of_the_reads_are_stale(view: PollHarness, stale: str) -> None:
    job = view.api.add_job(status="running")
    await view.track(job)
    old = {**view.api.jobs[job], "status": stale}
    view.api.change(job, status="succeeded", fine_tuned_model=MODEL)
    await view.poll()

    for n in range(30):
        if n % 3 == 0:
            view.api.faults.add(LIST, page_of(old))
        await view.poll_later()

    assert await view.pending() == [(job, "succeeded")]


async def test_a_job_that_runs_is_not_told_as_queued_by_stale_reads(view: PollHarness) -> None:
    job = view.api.add_job(status="queued")
    await view.track(job)
    old = view.api.jobs[job]
    view.api.change(job, status="running")
    await view.poll()

    for n in range(12):
        if n % 3:
            view.api.faults.add(LIST, page_of(old))
        await view.poll_later()

    assert await view.pending() == [(job, "running")]


@pytest.mark.parametrize(("again", "told"), [(False, 1), (True, 2)])
async def test_a_result_that_comes_back_is_told_again_only_if_it_is_another(
    view: PollHarness, *, again: bool, told: int
) -> None:
    job = view.api.add_job(status="running")
    await view.track(job)
    old = view.api.jobs[job]
    view.api.change(job, status="succeeded", fine_tuned_model=MODEL)
    await view.poll()
    for _ in range(CONFIRM_INTERVALS + 1):
        view.api.faults.add(LIST, page_of(old))
        await view.poll_later()
    assert await view.pending() == [(job, "succeeded"), (job, "running")]
    if again:
        view.api.change(job, finished_at=view.api.jobs[job]["finished_at"] + 60)

    await view.poll_later()

    assert (await view.pending()).count((job, "succeeded")) == told
    assert [row.new_status for row in await view.changes()] == ["succeeded", "running", "succeeded"]
