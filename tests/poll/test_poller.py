"""Poller: the requests of a poll and the changes that it finds, on both databases."""

from bot.sandbox.faults import Fault
from tests.delivery.harness import metric
from tests.poll.harness import EVENTS, LIST, RETRIEVE, PollHarness, page_of
from tests.store.seeds import ACCOUNT, add_jobs, known_job, reading


async def test_without_tracks_and_subscriptions_no_request_is_sent(harness: PollHarness) -> None:
    harness.api.add_job()

    assert await harness.poll() == []
    assert await harness.store.jobs.states.find(ACCOUNT, next(iter(harness.api.jobs))) is None


async def test_a_hundred_live_jobs_cost_one_request(harness: PollHarness) -> None:
    await harness.track_all([harness.api.add_job(status="running") for _ in range(100)])

    assert await harness.poll() == [LIST]
    assert await harness.poll_later() == [LIST]


async def test_a_thousand_live_jobs_cost_ten_requests(harness: PollHarness) -> None:
    jobs = [harness.api.add_job(status="running") for _ in range(1000)]
    await harness.track_all(jobs)
    harness.api.change(jobs[0], status="failed", error={"code": "c", "message": "m", "param": None})

    assert await harness.poll() == [LIST] * 10

    assert (jobs[0], "failed") in await harness.pending()


async def test_one_old_job_among_five_thousand_is_read_alone(harness: PollHarness) -> None:
    old = harness.api.add_job(status="running")
    await harness.track_all([old])
    await add_jobs(
        harness.store, *(reading(f"ftjob-{n}", "succeeded", created_at=2_000_000_000 + n) for n in range(5000))
    )
    for _ in range(120):
        harness.api.add_job(status="succeeded")
    harness.api.change(old, status="paused")

    assert await harness.poll() == [LIST, RETRIEVE]

    assert (old, "paused") in await harness.pending()


async def test_a_new_job_costs_no_request_of_its_own(harness: PollHarness) -> None:
    await harness.subscribe()
    job = harness.api.add_job(status="queued")

    assert await harness.poll() == [LIST]

    assert await harness.pending() == [(job, "queued")]
    assert await harness.poll_later() == [LIST]
    assert await harness.pending() == [(job, "queued")]


async def test_new_jobs_beyond_page_one_are_found_oldest_first(harness: PollHarness) -> None:
    before = harness.api.add_job(status="running")
    await harness.track_all([before], channel="C2")
    await harness.subscribe(newer_than=harness.api.jobs[before]["created_at"])
    jobs = [harness.api.add_job(status="queued", created_at=2_000_000_000 + n) for n in range(250)]

    assert await harness.poll() == [LIST] * 3

    assert await harness.pending() == [(job, "queued") for job in jobs]


async def test_the_search_for_new_jobs_ends_where_the_known_ones_begin(harness: PollHarness) -> None:
    for n in range(300):
        harness.api.add_job(status="succeeded", created_at=2_000_000_000 + n)
    await harness.track_all([])
    await harness.subscribe(newer_than=0)
    jobs = [harness.api.add_job(status="queued", created_at=2_000_001_000 + n) for n in range(150)]

    assert await harness.poll() == [LIST] * 2

    assert await harness.pending() == [(job, "queued") for job in jobs]


async def test_tracked_jobs_that_new_ones_push_off_the_page_are_found_on_the_next(harness: PollHarness) -> None:
    jobs = [harness.api.add_job(status="running") for _ in range(90)]
    await harness.track_all(jobs)
    for _ in range(80):
        harness.api.add_job(status="queued")

    assert await harness.poll() == [LIST] * 2


async def test_pages_read_for_few_jobs_are_not_read_in_vain(harness: PollHarness) -> None:
    jobs = [harness.api.add_job(status="running", created_at=2_000_000_000 + n) for n in range(600)]
    tracked = [jobs[place] for place in (50, 51, 52, 150, 250, 350, 450)]
    await harness.track_all(tracked)

    assert await harness.poll() == [LIST] * 6


async def test_a_broken_item_loses_only_itself(harness: PollHarness) -> None:
    jobs = [harness.api.add_job(status="running") for _ in range(3)]
    await harness.track_all([jobs[0], jobs[2]])
    for job in jobs:
        harness.api.change(job, status="cancelled")
    broken = metric("ftjob_invalid_jobs_total", account=ACCOUNT)
    bodies = [harness.api.jobs[job] for job in reversed(jobs)]
    harness.api.faults.add(LIST, page_of(bodies[0], {**bodies[1], "id": None}, "nonsense", None, bodies[2]))

    assert await harness.poll() == [LIST]

    assert {job for job, status in await harness.pending() if status == "cancelled"} == {jobs[0], jobs[2]}
    assert metric("ftjob_invalid_jobs_total", account=ACCOUNT) == broken + 3


async def test_a_tracked_job_that_a_page_breaks_is_read_alone(harness: PollHarness) -> None:
    job = harness.api.add_job(status="running")
    await harness.track_all([job])
    harness.api.change(job, status="paused")
    harness.api.faults.add(LIST, page_of({"id": 7}))

    assert await harness.poll() == [LIST, RETRIEVE]

    assert (job, "paused") in await harness.pending()


async def test_a_job_whose_every_response_is_broken_delays_no_other(harness: PollHarness) -> None:
    broken, other = harness.api.add_job(status="running"), harness.api.add_job(status="running")
    await harness.track_all([broken, other])
    harness.api.change(other, status="paused")
    harness.api.faults.add(LIST, page_of(harness.api.jobs[other]))
    harness.api.faults.add(RETRIEVE, Fault("answer", status=200, body={"id": 7}))

    assert await harness.poll() == [LIST, RETRIEVE]

    assert (other, "paused") in await harness.pending()
    assert not harness.poller.is_failing


async def test_a_missing_tracked_job_changes_nothing_and_delays_no_other(harness: PollHarness) -> None:
    gone, other = harness.api.add_job(status="running"), harness.api.add_job(status="running")
    await harness.track_all([gone, other])
    del harness.api.jobs[gone]
    harness.api.change(other, status="paused")

    assert await harness.poll() == [LIST, RETRIEVE]

    assert (await known_job(harness.store, gone)).state.status == "running"
    assert {job for job, _ in await harness.pending()} == {other}
    assert not harness.poller.is_failing


async def test_the_reason_of_a_failure_is_read_from_the_log_where_the_job_has_none(harness: PollHarness) -> None:
    silent, telling = harness.api.add_job(status="running"), harness.api.add_job(status="running")
    await harness.track_all([silent, telling])
    harness.api.add_event(silent, "the first thing that broke", level="error")
    harness.api.change(silent, status="failed")
    harness.api.add_event(silent, "cleaned up")
    harness.api.change(telling, status="failed", error={"code": "c", "message": "m", "param": None})

    assert await harness.poll() == [LIST, EVENTS]

    assert {row.job_id: row.reason for row in await harness.changes()} == {silent: "The job failed.", telling: None}
    assert await harness.poll_later() == [LIST]


async def test_an_alert_does_not_wait_for_its_reason(harness: PollHarness) -> None:
    job = harness.api.add_job(status="running")
    await harness.track_all([job])
    harness.api.change(job, status="failed")
    harness.api.faults.add(EVENTS, Fault("answer", status=500))

    await harness.poll()

    assert [(row.job_id, row.reason) for row in await harness.changes()] == [(job, None)]


async def test_the_result_of_a_job_that_ran_between_two_polls_is_alerted(harness: PollHarness) -> None:
    await harness.subscribe()
    job = harness.api.add_job(status="queued")
    await harness.poll()
    for status in ("running", "paused", "running", "succeeded"):
        harness.api.change(job, status=status)

    await harness.poll_later()

    assert await harness.pending() == [(job, "queued"), (job, "succeeded")]


async def test_unspecified_statuses_are_alerted_as_they_are_and_are_not_final(harness: PollHarness) -> None:
    words = ["deleting", "Word_Of_Tomorrow", "<!channel>", "paused", "QUEUED2"]
    jobs = [harness.api.add_job(status="running") for _ in words]
    await harness.track_all(jobs)
    bodies = [{**harness.api.jobs[job], "status": word} for job, word in zip(jobs, words, strict=True)]
    harness.api.faults.always(LIST, page_of(*bodies))
    for _ in range(4):
        await harness.poll_later()

    assert {row.job_id: row.new_status for row in await harness.changes()} == dict(zip(jobs, words, strict=True))
    assert not any([(await known_job(harness.store, job)).closed for job in jobs])
