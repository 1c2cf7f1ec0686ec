"""What a sweep does when the API fails: nothing is stored, it waits, tries again, and says so once."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from bot.poll.job_list import MOST_NEW_PAGES
from bot.sandbox.faults import Fault
from bot.sandbox.openai.server import FineTuningApi
from tests.delivery.harness import metric
from tests.empty_store import lay_out
from tests.poll.harness import INTERVAL, LIST, NO_FAULT, RETRIEVE, PollHarness, page_of, poll_harness
from tests.stopwatch import within
from tests.store.seeds import ACCOUNT, contents, rename_table

UNAVAILABLE = Fault("answer", status=503, body={"error": {"message": "overloaded"}})


@pytest.fixture
async def harness(tmp_path: Path, api: FineTuningApi) -> AsyncIterator[PollHarness]:
    """On SQLite, because how long an account is left alone goes by the process's own clock."""
    async with poll_harness(lay_out(tmp_path / "ftjob.db"), api) as opened:
        yield opened


def _events(logs: Any) -> list[str]:
    return [log["event"] for log in logs]


async def _told_and_known(harness: PollHarness) -> dict[str, Any]:
    """Return all that is stored, but how it stands with the account itself."""
    return {name: rows for name, rows in (await contents(harness.store)).items() if name not in ("account", "outage")}


async def test_an_account_that_fails_is_left_alone_longer_and_longer(harness: PollHarness) -> None:
    await harness.subscribe()
    harness.api.faults.always(LIST, UNAVAILABLE)

    asked = []
    for _ in range(30):
        asked.append(len(await harness.poll()))
        await harness.time.advance(harness.store, 5)

    tries = [second * 5 for second, count in enumerate(asked) if count]
    gaps = [later - earlier for earlier, later in pairwise(tries)]
    assert tries[0] == 0
    assert 20 <= gaps[0] <= 35
    assert all(40 <= gap <= 65 for gap in gaps[1:])
    assert len(gaps) >= 2


async def test_an_account_says_once_that_it_fails_and_once_that_it_is_back(harness: PollHarness) -> None:
    job = harness.api.add_job(status="running")
    await harness.track_all([job])
    harness.api.change(job, status="paused")
    harness.api.faults.always(LIST, UNAVAILABLE)
    failed = metric("ftjob_polls_total", account=ACCOUNT, result="Unreachable")
    swept = metric("ftjob_polls_total", account=ACCOUNT, result="ok")

    with capture_logs() as logs:
        for _ in range(4):
            await harness.poll_later(61)
        assert _events(logs) == ["account.failing"]
        assert logs[0]["error"] == "Unreachable: overloaded"
        assert logs[0]["request_id"]
        assert harness.poller.is_failing
        assert await harness.pending() == []

        harness.api.faults.clear()
        for _ in range(2):
            await harness.poll_later(61)

    assert _events(logs) == ["account.failing", "account.recovered"]
    assert logs[1]["failures"] == 4
    assert not harness.poller.is_failing
    assert (job, "paused") in await harness.pending()
    assert metric("ftjob_polls_total", account=ACCOUNT, result="Unreachable") == failed + 4
    assert metric("ftjob_polls_total", account=ACCOUNT, result="ok") == swept + 2


async def test_a_second_outage_is_told_again(harness: PollHarness) -> None:
    await harness.subscribe()

    with capture_logs() as logs:
        for _ in range(2):
            harness.api.faults.add(LIST, UNAVAILABLE)
            await harness.poll_later(61)
            await harness.poll_later(61)

    assert _events(logs) == ["account.failing", "account.recovered"] * 2


async def test_the_pause_that_the_api_asks_for_is_kept(harness: PollHarness) -> None:
    await harness.subscribe()
    harness.api.faults.add(LIST, Fault("answer", status=429, headers={"Retry-After": "100"}))
    await harness.poll()

    assert await harness.poll_later(99) == []
    assert await harness.poll_later(12) == [LIST]


@pytest.mark.parametrize(
    "fault",
    [
        UNAVAILABLE,
        Fault("answer", status=200, body="<html>"),
        Fault("answer", status=200, body={"data": {}}),
        Fault("answer", status=401, body={"error": {"message": "Incorrect API key provided."}}),
        Fault("answer", status=404),
        Fault("answer", status=302, headers={"Location": "/"}),
    ],
    ids=lambda fault: f"{fault.kind}-{fault.status}-{fault.body or ''}"[:40],
)
async def test_a_sweep_that_fails_changes_nothing_and_the_next_finds_all(harness: PollHarness, fault: Fault) -> None:
    jobs = [harness.api.add_job(status="running") for _ in range(150)]
    await harness.track_all(jobs)
    for job in (jobs[0], jobs[149]):
        harness.api.change(job, status="paused")
    before = await _told_and_known(harness)
    harness.api.faults.add(LIST, NO_FAULT, fault)

    assert await harness.poll() == [LIST, LIST]
    assert await _told_and_known(harness) == before

    assert await harness.poll_later(67) == [LIST, LIST]
    assert {job for job, _ in await harness.pending()} == {jobs[0], jobs[149]}


async def test_a_connection_that_drops_again_and_again_fails_the_sweep(harness: PollHarness) -> None:
    await harness.subscribe()
    harness.api.faults.add(LIST, *[Fault("drop")] * 4)

    await harness.poll()
    assert harness.poller.is_failing

    harness.api.faults.clear()
    await harness.poll_later(61)
    assert not harness.poller.is_failing


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


async def test_a_single_read_that_fails_is_tried_again_and_is_no_outage_of_the_account(harness: PollHarness) -> None:
    job = harness.api.add_job(status="running")
    await harness.track_all([job])
    harness.api.change(job, status="paused")
    harness.api.faults.add(LIST, page_of())
    harness.api.faults.add(RETRIEVE, UNAVAILABLE)

    assert await harness.poll() == [LIST, RETRIEVE]
    assert not harness.poller.is_failing
    assert await harness.pending() == []

    await harness.poll_later(61)
    assert (job, "paused") in await harness.pending()


async def test_a_list_that_never_ends_is_left(harness: PollHarness) -> None:
    await harness.subscribe()
    job = harness.api.add_job(status="queued")
    harness.api.faults.always(LIST, page_of(harness.api.jobs[job], has_more=True))

    assert await harness.poll() == [LIST, LIST]

    assert await harness.pending() == [(job, "queued")]


async def test_a_page_whose_cursor_is_gone_is_read_anew_by_the_next_sweep(harness: PollHarness) -> None:
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


async def test_a_sweep_of_an_idle_account_says_that_it_went_well(harness: PollHarness) -> None:
    idle = metric("ftjob_polls_total", account=ACCOUNT, result="skipped")

    await harness.poll_later(INTERVAL)

    assert metric("ftjob_polls_total", account=ACCOUNT, result="skipped") == idle + 1


@pytest.mark.deep
async def test_a_thousand_new_jobs_and_more_are_found_at_once(harness: PollHarness) -> None:
    await harness.subscribe()
    jobs = [harness.api.add_job(status="queued") for _ in range(1250)]

    assert await harness.poll() == [LIST] * 13
    assert sorted(await harness.pending()) == sorted((job, "queued") for job in jobs)


async def test_a_list_of_ever_new_jobs_is_cut_and_that_is_logged(harness: PollHarness) -> None:
    await harness.subscribe()
    job = harness.api.jobs[harness.api.add_job(status="queued")]
    pages = [page_of({**job, "id": f"ftjob-{n}"}, has_more=True) for n in range(MOST_NEW_PAGES + 10)]
    harness.api.faults.add(LIST, *pages)

    with capture_logs() as logs:
        assert await harness.poll() == [LIST] * (MOST_NEW_PAGES + 1)

    assert _events(logs) == ["discovery.truncated"]
    assert len(await harness.pending()) == MOST_NEW_PAGES + 1


async def test_a_look_that_the_database_went_away_under_holds_up_no_later_one(harness: PollHarness) -> None:
    await harness.subscribe()
    harness.api.faults.add(LIST, Fault("late", seconds=0.5))
    look = asyncio.create_task(harness.poll())
    async with within(10):
        while not (await harness.store.accounts.leases.status(ACCOUNT, interval=INTERVAL)).next_poll_in:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await rename_table(harness.store, "account", "away")
    with pytest.raises(OperationalError):
        await look
    await rename_table(harness.store, "away", "account")

    assert await harness.poll() == [LIST]


async def test_a_failure_that_the_database_cannot_note_holds_up_no_later_look(harness: PollHarness) -> None:
    await harness.subscribe()
    await rename_table(harness.store, "outage", "away")
    harness.api.faults.always(LIST, UNAVAILABLE)
    with pytest.raises(OperationalError):
        await harness.poll()
    assert harness.poller.is_broken
    harness.api.faults.clear()
    await rename_table(harness.store, "away", "outage")

    assert await harness.poll() == [LIST]
    assert not harness.poller.is_broken
