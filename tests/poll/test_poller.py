"""What a sweep asks for and what it finds, on both databases."""

from collections.abc import AsyncIterator

import pytest

from bot.jobs.confirmation import AGREEING
from bot.sandbox.faults import Fault
from bot.sandbox.openai.server import FineTuningApi
from tests.delivery.post_office import counted
from tests.poll.lookout import EVENTS, INTERVAL, LIST, ONE, Lookout, lookout, page_of
from tests.store.seeds import ACCOUNT, know, known, reading


@pytest.fixture
async def api() -> AsyncIterator[FineTuningApi]:
    async with FineTuningApi() as made:
        yield made


@pytest.fixture
async def view(database_url: str, api: FineTuningApi) -> AsyncIterator[Lookout]:
    async with lookout(database_url, api) as opened:
        yield opened


async def test_where_nothing_is_followed_nothing_is_asked(view: Lookout) -> None:
    view.api.add_job()

    assert await view.sweep() == []
    assert await view.store.jobs.known(ACCOUNT, next(iter(view.api.jobs))) is None


async def test_a_hundred_live_jobs_cost_one_request(view: Lookout) -> None:
    await view.track_all([view.api.add_job(status="running") for _ in range(100)])

    assert await view.sweep() == [LIST]
    assert await view.sweep_later() == [LIST]


async def test_a_thousand_live_jobs_cost_ten_requests(view: Lookout) -> None:
    jobs = [view.api.add_job(status="running") for _ in range(1000)]
    await view.track_all(jobs)
    view.api.change(jobs[0], status="failed", error={"code": "c", "message": "m", "param": None})

    assert await view.sweep() == [LIST] * 10

    assert (jobs[0], "failed") in await view.told()


async def test_one_old_job_among_five_thousand_is_read_alone(view: Lookout) -> None:
    old = view.api.add_job(status="running")
    await view.track_all([old])
    await know(view.store, *(reading(f"ftjob-{n}", "succeeded", created_at=2_000_000_000 + n) for n in range(5000)))
    for _ in range(120):
        view.api.add_job(status="succeeded")
    view.api.change(old, status="paused")

    assert await view.sweep() == [LIST, ONE]

    assert (old, "paused") in await view.told()


async def test_a_new_job_costs_no_request_of_its_own(view: Lookout) -> None:
    await view.subscribe()
    job = view.api.add_job(status="queued")

    assert await view.sweep() == [LIST]

    assert await view.told() == [(job, "queued")]
    assert await view.sweep_later() == [LIST]
    assert await view.told() == [(job, "queued")]


async def test_new_jobs_beyond_page_one_are_found_oldest_first(view: Lookout) -> None:
    before = view.api.add_job(status="running")
    await view.track_all([before], channel="C2")
    await view.subscribe(newer_than=view.api.jobs[before]["created_at"])
    jobs = [view.api.add_job(status="queued", created_at=2_000_000_000 + n) for n in range(250)]

    assert await view.sweep() == [LIST] * 3

    assert await view.told() == [(job, "queued") for job in jobs]


async def test_the_search_for_new_jobs_ends_where_the_known_ones_begin(view: Lookout) -> None:
    for n in range(300):
        view.api.add_job(status="succeeded", created_at=2_000_000_000 + n)
    await view.track_all([])
    await view.subscribe(newer_than=0)
    jobs = [view.api.add_job(status="queued", created_at=2_000_001_000 + n) for n in range(150)]

    assert await view.sweep() == [LIST] * 2

    assert await view.told() == [(job, "queued") for job in jobs]


async def test_tracked_jobs_that_new_ones_push_off_the_page_are_found_on_the_next(view: Lookout) -> None:
    jobs = [view.api.add_job(status="running") for _ in range(90)]
    await view.track_all(jobs)
    for _ in range(80):
        view.api.add_job(status="queued")

    assert await view.sweep() == [LIST] * 2


async def test_pages_read_for_few_jobs_are_not_read_in_vain(view: Lookout) -> None:
    jobs = [view.api.add_job(status="running", created_at=2_000_000_000 + n) for n in range(600)]
    owed = [jobs[place] for place in (50, 51, 52, 150, 250, 350, 450)]
    await view.track_all(owed)

    assert await view.sweep() == [LIST] * 6


async def test_a_broken_item_loses_only_itself(view: Lookout) -> None:
    jobs = [view.api.add_job(status="running") for _ in range(3)]
    await view.track_all([jobs[0], jobs[2]])
    for job in jobs:
        view.api.change(job, status="cancelled")
    broken = counted("ftjob_broken_items_total", account=ACCOUNT)
    bodies = [view.api.jobs[job] for job in reversed(jobs)]
    view.api.faults.add(LIST, page_of(bodies[0], {**bodies[1], "id": None}, "nonsense", None, bodies[2]))

    assert await view.sweep() == [LIST]

    assert {job for job, status in await view.told() if status == "cancelled"} == {jobs[0], jobs[2]}
    assert counted("ftjob_broken_items_total", account=ACCOUNT) == broken + 3


async def test_a_tracked_job_that_a_page_breaks_is_read_alone(view: Lookout) -> None:
    job = view.api.add_job(status="running")
    await view.track_all([job])
    view.api.change(job, status="paused")
    view.api.faults.add(LIST, page_of({"id": 7}))

    assert await view.sweep() == [LIST, ONE]

    assert (job, "paused") in await view.told()


async def test_a_job_whose_every_answer_is_broken_holds_up_no_other(view: Lookout) -> None:
    broken, other = view.api.add_job(status="running"), view.api.add_job(status="running")
    await view.track_all([broken, other])
    view.api.change(other, status="paused")
    view.api.faults.add(LIST, page_of(view.api.jobs[other]))
    view.api.faults.add(ONE, Fault("answer", status=200, body={"id": 7}))

    assert await view.sweep() == [LIST, ONE]

    assert (other, "paused") in await view.told()
    assert not view.sweeper.is_failing


async def test_a_tracked_job_that_is_gone_changes_nothing_and_holds_up_no_other(view: Lookout) -> None:
    gone, other = view.api.add_job(status="running"), view.api.add_job(status="running")
    await view.track_all([gone, other])
    del view.api.jobs[gone]
    view.api.change(other, status="paused")

    assert await view.sweep() == [LIST, ONE]

    assert (await known(view.store, gone)).state.status == "running"
    assert {job for job, _ in await view.told()} == {other}
    assert not view.sweeper.is_failing


async def test_why_a_job_failed_is_asked_of_its_log_where_it_does_not_say(view: Lookout) -> None:
    silent, telling = view.api.add_job(status="running"), view.api.add_job(status="running")
    await view.track_all([silent, telling])
    view.api.add_event(silent, "the first thing that broke", level="error")
    view.api.change(silent, status="failed")
    view.api.add_event(silent, "cleaned up")
    view.api.change(telling, status="failed", error={"code": "c", "message": "m", "param": None})

    assert await view.sweep() == [LIST, EVENTS]

    assert {row.job_id: row.reason for row in await view.changes()} == {silent: "The job failed.", telling: None}
    assert await view.sweep_later() == [LIST]


async def test_an_alert_does_not_wait_for_its_reason(view: Lookout) -> None:
    job = view.api.add_job(status="running")
    await view.track_all([job])
    view.api.change(job, status="failed")
    view.api.faults.add(EVENTS, Fault("answer", status=500))

    await view.sweep()

    assert [(row.job_id, row.reason) for row in await view.changes()] == [(job, None)]


async def test_a_job_that_is_over_costs_nothing_after_two_sweeps_that_agree(view: Lookout) -> None:
    job = view.api.add_job(status="running")
    await view.track_all([job])
    view.api.change(job, status="cancelled")

    assert await view.sweep() == [LIST]
    assert not (await known(view.store, job)).settled
    assert await view.sweep_later(INTERVAL + 2) == [LIST]
    assert (await known(view.store, job)).settled
    assert await view.sweep_later() == []


async def test_two_sweeps_within_one_interval_do_not_settle_a_job(view: Lookout) -> None:
    job = view.api.add_job(status="running")
    await view.track_all([job])
    view.api.change(job, status="cancelled")

    await view.sweep()
    await view.sweep_later(INTERVAL / 2)

    assert not (await known(view.store, job)).settled


async def test_a_succeeded_job_is_waited_for_until_its_model_is_there(view: Lookout) -> None:
    job = view.api.add_job(status="running")
    await view.track_all([job])
    view.api.change(job, status="succeeded")
    for _ in range(3):
        await view.sweep_later()
    assert not (await known(view.store, job)).settled

    view.api.change(job, fine_tuned_model="ft:m:acme::1")
    await view.sweep_later()
    await view.sweep_later(INTERVAL + 2)

    assert (await known(view.store, job)).settled
    assert [row.kind for row in await view.changes()] == ["status", "model"]


async def test_a_succeeded_job_is_given_an_hour_for_its_model(view: Lookout) -> None:
    job = view.api.add_job(status="running")
    await view.track_all([job])
    view.api.change(job, status="succeeded")
    await view.sweep()

    await view.sweep_later(3500)
    assert not (await known(view.store, job)).settled
    await view.sweep_later(200)
    assert (await known(view.store, job)).settled


async def test_a_settled_job_is_still_compared_on_a_page_that_is_read_anyway(view: Lookout) -> None:
    over, live = view.api.add_job(status="cancelled"), view.api.add_job(status="running")
    await view.track_all([over, live])
    await view.sweep_later(INTERVAL + 2)
    assert (await known(view.store, over)).settled

    view.api.change(over, status="running")
    for _ in range(AGREEING + 1):
        await view.sweep_later()

    assert (over, "running") in await view.told()
    assert not (await known(view.store, over)).settled


@pytest.mark.parametrize(("pause", "late"), [(INTERVAL, False), (100, False), (125, True), (86400, True)])
async def test_what_changed_while_nobody_looked_is_found_late(view: Lookout, pause: float, *, late: bool) -> None:
    job = view.api.add_job(status="running")
    await view.track_all([job])
    await view.sweep()
    view.api.change(job, status="paused")

    await view.sweep_later(pause)

    assert [row.late for row in await view.changes()] == [late]


async def test_the_end_of_a_job_that_ran_by_between_two_looks_is_told(view: Lookout) -> None:
    await view.subscribe()
    job = view.api.add_job(status="queued")
    await view.sweep()
    for status in ("running", "paused", "running", "succeeded"):
        view.api.change(job, status=status)

    await view.sweep_later()

    assert await view.told() == [(job, "queued"), (job, "succeeded")]


async def test_words_that_no_specification_has_are_told_as_they_are_and_end_nothing(view: Lookout) -> None:
    words = ["deleting", "Word_Of_Tomorrow", "<!channel>", "paused", "QUEUED2"]
    jobs = [view.api.add_job(status="running") for _ in words]
    await view.track_all(jobs)
    bodies = [{**view.api.jobs[job], "status": word} for job, word in zip(jobs, words, strict=True)]
    view.api.faults.always(LIST, page_of(*bodies))
    for _ in range(4):
        await view.sweep_later()

    assert {row.job_id: row.new_status for row in await view.changes()} == dict(zip(jobs, words, strict=True))
    assert not any([(await known(view.store, job)).settled for job in jobs])
