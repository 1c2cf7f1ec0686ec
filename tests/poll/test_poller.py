"""What a sweep asks for and what it finds, on both databases."""

from collections.abc import AsyncIterator

import pytest

from bot.jobs.confirmation import CONFIRM_INTERVALS
from bot.sandbox.faults import Fault
from bot.sandbox.openai.server import FineTuningApi
from tests.delivery.harness import metric
from tests.poll.harness import EVENTS, INTERVAL, LIST, RETRIEVE, PollHarness, page_of, poll_harness
from tests.store.seeds import ACCOUNT, add_jobs, known_job, reading


@pytest.fixture
async def api() -> AsyncIterator[FineTuningApi]:
    async with FineTuningApi() as made:
        yield made


@pytest.fixture
async def view(database_url: str, api: FineTuningApi) -> AsyncIterator[PollHarness]:
    async with poll_harness(database_url, api) as opened:
        yield opened


async def test_where_nothing_is_followed_nothing_is_asked(view: PollHarness) -> None:
    view.api.add_job()

    assert await view.poll() == []
    assert await view.store.jobs.states.find(ACCOUNT, next(iter(view.api.jobs))) is None


async def test_a_hundred_live_jobs_cost_one_request(view: PollHarness) -> None:
    await view.track_all([view.api.add_job(status="running") for _ in range(100)])

    assert await view.poll() == [LIST]
    assert await view.poll_later() == [LIST]


async def test_a_thousand_live_jobs_cost_ten_requests(view: PollHarness) -> None:
    jobs = [view.api.add_job(status="running") for _ in range(1000)]
    await view.track_all(jobs)
    view.api.change(jobs[0], status="failed", error={"code": "c", "message": "m", "param": None})

    assert await view.poll() == [LIST] * 10

    assert (jobs[0], "failed") in await view.pending()


async def test_one_old_job_among_five_thousand_is_read_alone(view: PollHarness) -> None:
    old = view.api.add_job(status="running")
    await view.track_all([old])
    await add_jobs(view.store, *(reading(f"ftjob-{n}", "succeeded", created_at=2_000_000_000 + n) for n in range(5000)))
    for _ in range(120):
        view.api.add_job(status="succeeded")
    view.api.change(old, status="paused")

    assert await view.poll() == [LIST, RETRIEVE]

    assert (old, "paused") in await view.pending()


async def test_a_new_job_costs_no_request_of_its_own(view: PollHarness) -> None:
    await view.subscribe()
    job = view.api.add_job(status="queued")

    assert await view.poll() == [LIST]

    assert await view.pending() == [(job, "queued")]
    assert await view.poll_later() == [LIST]
    assert await view.pending() == [(job, "queued")]


async def test_new_jobs_beyond_page_one_are_found_oldest_first(view: PollHarness) -> None:
    before = view.api.add_job(status="running")
    await view.track_all([before], channel="C2")
    await view.subscribe(newer_than=view.api.jobs[before]["created_at"])
    jobs = [view.api.add_job(status="queued", created_at=2_000_000_000 + n) for n in range(250)]

    assert await view.poll() == [LIST] * 3

    assert await view.pending() == [(job, "queued") for job in jobs]


async def test_the_search_for_new_jobs_ends_where_the_known_ones_begin(view: PollHarness) -> None:
    for n in range(300):
        view.api.add_job(status="succeeded", created_at=2_000_000_000 + n)
    await view.track_all([])
    await view.subscribe(newer_than=0)
    jobs = [view.api.add_job(status="queued", created_at=2_000_001_000 + n) for n in range(150)]

    assert await view.poll() == [LIST] * 2

    assert await view.pending() == [(job, "queued") for job in jobs]


async def test_tracked_jobs_that_new_ones_push_off_the_page_are_found_on_the_next(view: PollHarness) -> None:
    jobs = [view.api.add_job(status="running") for _ in range(90)]
    await view.track_all(jobs)
    for _ in range(80):
        view.api.add_job(status="queued")

    assert await view.poll() == [LIST] * 2


async def test_pages_read_for_few_jobs_are_not_read_in_vain(view: PollHarness) -> None:
    jobs = [view.api.add_job(status="running", created_at=2_000_000_000 + n) for n in range(600)]
    owed = [jobs[place] for place in (50, 51, 52, 150, 250, 350, 450)]
    await view.track_all(owed)

    assert await view.poll() == [LIST] * 6


async def test_a_broken_item_loses_only_itself(view: PollHarness) -> None:
    jobs = [view.api.add_job(status="running") for _ in range(3)]
    await view.track_all([jobs[0], jobs[2]])
    for job in jobs:
        view.api.change(job, status="cancelled")
    broken = metric("ftjob_invalid_jobs_total", account=ACCOUNT)
    bodies = [view.api.jobs[job] for job in reversed(jobs)]
    view.api.faults.add(LIST, page_of(bodies[0], {**bodies[1], "id": None}, "nonsense", None, bodies[2]))

    assert await view.poll() == [LIST]

    assert {job for job, status in await view.pending() if status == "cancelled"} == {jobs[0], jobs[2]}
    assert metric("ftjob_invalid_jobs_total", account=ACCOUNT) == broken + 3


async def test_a_tracked_job_that_a_page_breaks_is_read_alone(view: PollHarness) -> None:
    job = view.api.add_job(status="running")
    await view.track_all([job])
    view.api.change(job, status="paused")
    view.api.faults.add(LIST, page_of({"id": 7}))

    assert await view.poll() == [LIST, RETRIEVE]

    assert (job, "paused") in await view.pending()


async def test_a_job_whose_every_answer_is_broken_holds_up_no_other(view: PollHarness) -> None:
    broken, other = view.api.add_job(status="running"), view.api.add_job(status="running")
    await view.track_all([broken, other])
    view.api.change(other, status="paused")
    view.api.faults.add(LIST, page_of(view.api.jobs[other]))
    view.api.faults.add(RETRIEVE, Fault("answer", status=200, body={"id": 7}))

    assert await view.poll() == [LIST, RETRIEVE]

    assert (other, "paused") in await view.pending()
    assert not view.poller.is_failing


async def test_a_tracked_job_that_is_gone_changes_nothing_and_holds_up_no_other(view: PollHarness) -> None:
    gone, other = view.api.add_job(status="running"), view.api.add_job(status="running")
    await view.track_all([gone, other])
    del view.api.jobs[gone]
    view.api.change(other, status="paused")

    assert await view.poll() == [LIST, RETRIEVE]

    assert (await known_job(view.store, gone)).state.status == "running"
    assert {job for job, _ in await view.pending()} == {other}
    assert not view.poller.is_failing


async def test_why_a_job_failed_is_asked_of_its_log_where_it_does_not_say(view: PollHarness) -> None:
    silent, telling = view.api.add_job(status="running"), view.api.add_job(status="running")
    await view.track_all([silent, telling])
    view.api.add_event(silent, "the first thing that broke", level="error")
    view.api.change(silent, status="failed")
    view.api.add_event(silent, "cleaned up")
    view.api.change(telling, status="failed", error={"code": "c", "message": "m", "param": None})

    assert await view.poll() == [LIST, EVENTS]

    assert {row.job_id: row.reason for row in await view.changes()} == {silent: "The job failed.", telling: None}
    assert await view.poll_later() == [LIST]


async def test_an_alert_does_not_wait_for_its_reason(view: PollHarness) -> None:
    job = view.api.add_job(status="running")
    await view.track_all([job])
    view.api.change(job, status="failed")
    view.api.faults.add(EVENTS, Fault("answer", status=500))

    await view.poll()

    assert [(row.job_id, row.reason) for row in await view.changes()] == [(job, None)]


async def test_a_job_that_is_over_costs_nothing_after_two_sweeps_that_agree(view: PollHarness) -> None:
    job = view.api.add_job(status="running")
    await view.track_all([job])
    view.api.change(job, status="cancelled")

    assert await view.poll() == [LIST]
    assert not (await known_job(view.store, job)).closed
    assert await view.poll_later(INTERVAL + 2) == [LIST]
    assert (await known_job(view.store, job)).closed
    assert await view.poll_later() == []


async def test_two_sweeps_within_one_interval_do_not_settle_a_job(view: PollHarness) -> None:
    job = view.api.add_job(status="running")
    await view.track_all([job])
    view.api.change(job, status="cancelled")

    await view.poll()
    await view.poll_later(INTERVAL / 2)

    assert not (await known_job(view.store, job)).closed


async def test_a_succeeded_job_is_waited_for_until_its_model_is_there(view: PollHarness) -> None:
    job = view.api.add_job(status="running")
    await view.track_all([job])
    view.api.change(job, status="succeeded")
    for _ in range(3):
        await view.poll_later()
    assert not (await known_job(view.store, job)).closed

    view.api.change(job, fine_tuned_model="ft:m:acme::1")
    await view.poll_later()
    await view.poll_later(INTERVAL + 2)

    assert (await known_job(view.store, job)).closed
    assert [row.kind for row in await view.changes()] == ["status", "model"]


async def test_a_succeeded_job_is_given_an_hour_for_its_model(view: PollHarness) -> None:
    job = view.api.add_job(status="running")
    await view.track_all([job])
    view.api.change(job, status="succeeded")
    await view.poll()

    await view.poll_later(3500)
    assert not (await known_job(view.store, job)).closed
    await view.poll_later(200)
    assert (await known_job(view.store, job)).closed


async def test_a_settled_job_is_still_compared_on_a_page_that_is_read_anyway(view: PollHarness) -> None:
    over, live = view.api.add_job(status="cancelled"), view.api.add_job(status="running")
    await view.track_all([over, live])
    await view.poll_later(INTERVAL + 2)
    assert (await known_job(view.store, over)).closed

    view.api.change(over, status="running")
    for _ in range(CONFIRM_INTERVALS + 1):
        await view.poll_later()

    assert (over, "running") in await view.pending()
    assert not (await known_job(view.store, over)).closed


@pytest.mark.parametrize(("pause", "late"), [(INTERVAL, False), (100, False), (125, True), (86400, True)])
async def test_what_changed_while_nobody_looked_is_found_late(view: PollHarness, pause: float, *, late: bool) -> None:
    job = view.api.add_job(status="running")
    await view.track_all([job])
    await view.poll()
    view.api.change(job, status="paused")

    await view.poll_later(pause)

    assert [row.late for row in await view.changes()] == [late]


async def test_the_end_of_a_job_that_ran_by_between_two_looks_is_told(view: PollHarness) -> None:
    await view.subscribe()
    job = view.api.add_job(status="queued")
    await view.poll()
    for status in ("running", "paused", "running", "succeeded"):
        view.api.change(job, status=status)

    await view.poll_later()

    assert await view.pending() == [(job, "queued"), (job, "succeeded")]


async def test_words_that_no_specification_has_are_told_as_they_are_and_end_nothing(view: PollHarness) -> None:
    words = ["deleting", "Word_Of_Tomorrow", "<!channel>", "paused", "QUEUED2"]
    jobs = [view.api.add_job(status="running") for _ in words]
    await view.track_all(jobs)
    bodies = [{**view.api.jobs[job], "status": word} for job, word in zip(jobs, words, strict=True)]
    view.api.faults.always(LIST, page_of(*bodies))
    for _ in range(4):
        await view.poll_later()

    assert {row.job_id: row.new_status for row in await view.changes()} == dict(zip(jobs, words, strict=True))
    assert not any([(await known_job(view.store, job)).closed for job in jobs])
