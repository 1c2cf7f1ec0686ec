"""How far the list of jobs is read: by what a page holds, not by what is left of it, and not without end."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.poll.job_list import MAX_NEW_PAGES
from bot.sandbox.openai.server import FineTuningApi
from tests.empty_store import lay_out
from tests.poll.harness import LIST, RETRIEVE, PollHarness, page_of, poll_harness
from tests.store.seeds import contents

OURS, THEIRS = "org-sandbox", "org-theirs"


@pytest.fixture
async def harness(tmp_path: Any) -> AsyncIterator[PollHarness]:
    async with FineTuningApi() as api, poll_harness(lay_out(tmp_path / "ftjob.db"), api, organization=OURS) as opened:
        yield opened


def _foreign(body: dict[str, Any], n: int = 0) -> dict[str, Any]:
    return {**body, "id": f"ftjob-theirs{n}", "organization_id": THEIRS}


@pytest.mark.parametrize("has_more", [False, True])
@pytest.mark.parametrize("kind", ["empty", "foreign", "broken", "foreign and broken"])
async def test_an_emptied_page_breaks_no_poll(harness: PollHarness, kind: str, *, has_more: bool) -> None:
    job = harness.api.add_job(status="queued")
    await harness.subscribe()
    body = harness.api.jobs[job]
    items: dict[str, list[Any]] = {
        "empty": [],
        "foreign": [_foreign(body)],
        "broken": [{**body, "id": None}, 7, None],
        "foreign and broken": [_foreign(body), {**body, "id": ""}],
    }
    harness.api.faults.add(LIST, page_of(*items[kind], has_more=has_more), page_of(body))

    asked = await harness.poll()

    can_go_on = has_more and kind.startswith("foreign")
    assert asked == [LIST] * (1 + can_go_on)
    assert not harness.poller.is_failing
    assert await harness.pending() == ([(job, "queued")] if can_go_on else [])


async def test_the_search_for_new_jobs_ends_at_older_jobs_of_others(harness: PollHarness) -> None:
    job = harness.api.add_job(status="queued", created_at=1000)
    await harness.subscribe(newer_than=2000)
    harness.api.faults.add(LIST, page_of(_foreign(harness.api.jobs[job]), has_more=True))

    assert await harness.poll() == [LIST]


async def test_new_jobs_between_pages_of_others_are_found(harness: PollHarness) -> None:
    jobs = [harness.api.add_job(status="queued") for _ in range(2)]
    await harness.subscribe()
    bodies = [harness.api.jobs[job] for job in jobs]
    theirs = [_foreign(bodies[0], n) for n in range(3)]
    pages = [page_of(theirs[0], has_more=True), page_of(bodies[1], theirs[1], has_more=True)]
    harness.api.faults.add(LIST, *pages, page_of(theirs[2], has_more=True), page_of(bodies[0]))

    assert await harness.poll() == [LIST] * 4

    assert sorted(await harness.pending()) == sorted((job, "queued") for job in jobs)


@pytest.mark.parametrize("has_more", [False, True])
async def test_a_tracked_job_behind_a_page_of_others_is_read(harness: PollHarness, *, has_more: bool) -> None:
    job = harness.api.add_job(status="running")
    await harness.track_all([job])
    harness.api.change(job, status="paused")
    body = harness.api.jobs[job]
    harness.api.faults.add(LIST, page_of(_foreign(body), has_more=has_more), page_of(body))

    assert await harness.poll() == [LIST, LIST if has_more else RETRIEVE]

    assert [(row.job_id, row.new_status) for row in await harness.changes()] == [(job, "paused")]


async def test_a_job_that_two_pages_show_is_one(harness: PollHarness) -> None:
    await harness.subscribe()
    moved, last = harness.api.add_job(status="queued"), harness.api.add_job(status="queued")
    bodies = harness.api.jobs
    harness.api.faults.add(
        LIST,
        page_of(bodies[moved], has_more=True),
        page_of({**bodies[moved], "status": "running"}, bodies[last]),
    )

    assert await harness.poll() == [LIST, LIST]

    assert sorted(await harness.pending()) == sorted([(moved, "running"), (last, "queued")])


async def test_an_endless_list_is_abandoned(harness: PollHarness) -> None:
    await harness.subscribe()
    job = harness.api.add_job(status="queued")
    harness.api.faults.always(LIST, page_of(harness.api.jobs[job], has_more=True))

    assert await harness.poll() == [LIST, LIST]

    assert await harness.pending() == [(job, "queued")]


async def test_a_page_whose_cursor_vanished_is_read_again_by_the_next_poll(harness: PollHarness) -> None:
    await harness.subscribe()
    jobs = [harness.api.add_job(status="queued", created_at=2_000_000_000 + n) for n in range(101)]
    made_up = {**harness.api.jobs[jobs[1]], "id": "ftjob-deleted"}
    page = [harness.api.jobs[job] for job in reversed(jobs[2:])]
    harness.api.faults.add(LIST, page_of(*page, made_up, has_more=True))

    assert await harness.poll() == [LIST, LIST]
    assert harness.poller.is_failing
    assert await harness.pending() == []

    assert await harness.poll_later(61) == [LIST, LIST]
    assert await harness.pending() == [(job, "queued") for job in jobs]


async def test_an_empty_page_is_no_reason_to_forget_a_job(harness: PollHarness) -> None:
    await harness.subscribe()
    job = harness.api.add_job(status="queued")
    await harness.poll()
    before = await contents(harness.store)
    harness.api.faults.add(LIST, page_of())

    assert await harness.poll() == [LIST, RETRIEVE]

    after = await contents(harness.store)
    assert {name: after[name] for name in ("job", "track", "change")} == {
        name: before[name] for name in ("job", "track", "change")
    }
    assert await harness.pending() == [(job, "queued")]


@pytest.mark.deep
async def test_a_thousand_new_jobs_and_more_are_found_at_once(harness: PollHarness) -> None:
    await harness.subscribe()
    jobs = [harness.api.add_job(status="queued") for _ in range(1250)]

    assert await harness.poll() == [LIST] * 13
    assert sorted(await harness.pending()) == sorted((job, "queued") for job in jobs)


async def test_an_endless_list_of_new_jobs_is_truncated_and_logged(harness: PollHarness) -> None:
    await harness.subscribe()
    job = harness.api.jobs[harness.api.add_job(status="queued")]
    pages = [page_of({**job, "id": f"ftjob-{n}"}, has_more=True) for n in range(MAX_NEW_PAGES + 10)]
    harness.api.faults.add(LIST, *pages)

    with capture_logs() as logs:
        assert await harness.poll() == [LIST] * (MAX_NEW_PAGES + 1)

    assert [log["event"] for log in logs] == ["discovery.truncated"]
    assert len(await harness.pending()) == MAX_NEW_PAGES + 1
