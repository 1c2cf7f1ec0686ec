"""Stale replicas: a third of the API's reads lag behind, and no alert shows it."""

import pytest

from bot.jobs.debounce import CONFIRM_INTERVALS
from tests.poll.harness import LIST, PollHarness, page_of

MODEL = "ft:m:acme::1"


@pytest.mark.parametrize("stale", ["running", "queued", "paused"])
async def test_a_result_is_alerted_once_although_a_third_of_the_reads_are_stale(
    harness: PollHarness, stale: str
) -> None:
    job = harness.api.add_job(status="running")
    await harness.track(job)
    old = {**harness.api.jobs[job], "status": stale}
    harness.api.change(job, status="succeeded", fine_tuned_model=MODEL)
    await harness.poll()

    for n in range(30):
        if n % 3 == 0:
            harness.api.faults.add(LIST, page_of(old))
        await harness.poll_later()

    assert await harness.pending() == [(job, "succeeded")]


async def test_a_running_job_is_not_alerted_as_queued_by_stale_reads(harness: PollHarness) -> None:
    job = harness.api.add_job(status="queued")
    await harness.track(job)
    old = harness.api.jobs[job]
    harness.api.change(job, status="running")
    await harness.poll()

    for n in range(12):
        if n % 3:
            harness.api.faults.add(LIST, page_of(old))
        await harness.poll_later()

    assert await harness.pending() == [(job, "running")]


@pytest.mark.parametrize(("again", "told"), [(False, 1), (True, 2)])
async def test_a_result_that_reappears_is_alerted_again_only_if_it_differs(
    harness: PollHarness, *, again: bool, told: int
) -> None:
    job = harness.api.add_job(status="running")
    await harness.track(job)
    old = harness.api.jobs[job]
    harness.api.change(job, status="succeeded", fine_tuned_model=MODEL)
    await harness.poll()
    for _ in range(CONFIRM_INTERVALS + 1):
        harness.api.faults.add(LIST, page_of(old))
        await harness.poll_later()
    assert await harness.pending() == [(job, "succeeded"), (job, "running")]
    if again:
        harness.api.change(job, finished_at=harness.api.jobs[job]["finished_at"] + 60)

    await harness.poll_later()

    assert (await harness.pending()).count((job, "succeeded")) == told
    assert [row.new_status for row in await harness.changes()] == ["succeeded", "running", "succeeded"]
