"""What a poll records beyond changes: jobs that need no more polls, and that a change is found late."""

import pytest

from bot.jobs.debounce import CONFIRM_INTERVALS
from tests.poll.harness import INTERVAL, LIST, PollHarness
from tests.store.seeds import known_job


async def test_a_finished_job_costs_nothing_after_two_polls_that_agree(harness: PollHarness) -> None:
    job = harness.api.add_job(status="running")
    await harness.track_all([job])
    harness.api.change(job, status="cancelled")

    assert await harness.poll() == [LIST]
    assert not (await known_job(harness.store, job)).closed
    assert await harness.poll_later(INTERVAL + 2) == [LIST]
    assert (await known_job(harness.store, job)).closed
    assert await harness.poll_later() == []


async def test_two_polls_within_one_interval_do_not_close_a_job(harness: PollHarness) -> None:
    job = harness.api.add_job(status="running")
    await harness.track_all([job])
    harness.api.change(job, status="cancelled")

    await harness.poll()
    await harness.poll_later(INTERVAL / 2)

    assert not (await known_job(harness.store, job)).closed


async def test_a_succeeded_job_is_polled_until_it_has_its_model(harness: PollHarness) -> None:
    job = harness.api.add_job(status="running")
    await harness.track_all([job])
    harness.api.change(job, status="succeeded")
    for _ in range(3):
        await harness.poll_later()
    assert not (await known_job(harness.store, job)).closed

    harness.api.change(job, fine_tuned_model="ft:m:acme::1")
    await harness.poll_later()
    await harness.poll_later(INTERVAL + 2)

    assert (await known_job(harness.store, job)).closed
    assert [row.kind for row in await harness.changes()] == ["status", "model"]


async def test_a_succeeded_job_is_given_an_hour_for_its_model(harness: PollHarness) -> None:
    job = harness.api.add_job(status="running")
    await harness.track_all([job])
    harness.api.change(job, status="succeeded")
    await harness.poll()

    await harness.poll_later(3500)
    assert not (await known_job(harness.store, job)).closed
    await harness.poll_later(200)
    assert (await known_job(harness.store, job)).closed


async def test_a_closed_job_is_still_compared_on_a_page_that_is_read_anyway(harness: PollHarness) -> None:
    over, live = harness.api.add_job(status="cancelled"), harness.api.add_job(status="running")
    await harness.track_all([over, live])
    await harness.poll_later(INTERVAL + 2)
    assert (await known_job(harness.store, over)).closed

    harness.api.change(over, status="running")
    for _ in range(CONFIRM_INTERVALS + 1):
        await harness.poll_later()

    assert (over, "running") in await harness.pending()
    assert not (await known_job(harness.store, over)).closed


@pytest.mark.parametrize(("pause", "late"), [(INTERVAL, False), (100, False), (125, True), (86400, True)])
async def test_a_change_during_a_break_in_polling_is_found_late(
    harness: PollHarness, pause: float, *, late: bool
) -> None:
    job = harness.api.add_job(status="running")
    await harness.track_all([job])
    await harness.poll()
    harness.api.change(job, status="paused")

    await harness.poll_later(pause)

    assert [row.late for row in await harness.changes()] == [late]
