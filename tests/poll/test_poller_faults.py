"""What a sweep does when the API fails: nothing is stored, it waits, tries again, and says so once."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy.exc import OperationalError
from structlog.testing import capture_logs

from bot.poll.poller import MOST_NEW_PAGES
from bot.sandbox.faults import Fault
from bot.sandbox.openai.server import FineTuningApi
from tests.delivery.post_office import counted
from tests.empty_store import lay_out
from tests.pace import within
from tests.poll.lookout import INTERVAL, LIST, ONE, TRUE_ANSWER, Lookout, lookout, page_of
from tests.store.seeds import ACCOUNT, contents

UNAVAILABLE = Fault("answer", status=503, body={"error": {"message": "overloaded"}})


@pytest.fixture
async def api() -> AsyncIterator[FineTuningApi]:
    async with FineTuningApi() as made:
        yield made


@pytest.fixture
async def view(tmp_path: Path, api: FineTuningApi) -> AsyncIterator[Lookout]:
    """On SQLite, because how long an account is left alone goes by the process's own clock."""
    async with lookout(lay_out(tmp_path / "ftjob.db"), api) as opened:
        yield opened


def _events(logs: Any) -> list[str]:
    return [log["event"] for log in logs]


async def _told_and_known(view: Lookout) -> dict[str, Any]:
    """Return all that is stored, but how it stands with the account itself."""
    return {name: rows for name, rows in (await contents(view.store)).items() if name not in ("account", "outage")}


async def test_an_account_that_fails_is_left_alone_longer_and_longer(view: Lookout) -> None:
    await view.subscribe()
    view.api.faults.always(LIST, UNAVAILABLE)

    asked = []
    for _ in range(30):
        asked.append(len(await view.sweep()))
        await view.time.passes(view.store, 5)

    tries = [second * 5 for second, count in enumerate(asked) if count]
    gaps = [later - earlier for earlier, later in pairwise(tries)]
    assert tries[0] == 0
    assert 20 <= gaps[0] <= 35
    assert all(40 <= gap <= 65 for gap in gaps[1:])
    assert len(gaps) >= 2


async def test_an_account_says_once_that_it_fails_and_once_that_it_is_back(view: Lookout) -> None:
    job = view.api.add_job(status="running")
    await view.track_all([job])
    view.api.change(job, status="paused")
    view.api.faults.always(LIST, UNAVAILABLE)
    failed = counted("ftjob_sweeps_total", account=ACCOUNT, result="Unreachable")
    swept = counted("ftjob_sweeps_total", account=ACCOUNT, result="swept")

    with capture_logs() as logs:
        for _ in range(4):
            await view.sweep_later(61)
        assert _events(logs) == ["account.failing"]
        assert logs[0]["error"] == "Unreachable: overloaded"
        assert logs[0]["request_id"]
        assert view.sweeper.is_failing
        assert await view.told() == []

        view.api.faults.clear()
        for _ in range(2):
            await view.sweep_later(61)

    assert _events(logs) == ["account.failing", "account.recovered"]
    assert logs[1]["failures"] == 4
    assert not view.sweeper.is_failing
    assert (job, "paused") in await view.told()
    assert counted("ftjob_sweeps_total", account=ACCOUNT, result="Unreachable") == failed + 4
    assert counted("ftjob_sweeps_total", account=ACCOUNT, result="swept") == swept + 2


async def test_a_second_outage_is_told_again(view: Lookout) -> None:
    await view.subscribe()

    with capture_logs() as logs:
        for _ in range(2):
            view.api.faults.add(LIST, UNAVAILABLE)
            await view.sweep_later(61)
            await view.sweep_later(61)

    assert _events(logs) == ["account.failing", "account.recovered"] * 2


async def test_the_pause_that_the_api_asks_for_is_kept(view: Lookout) -> None:
    await view.subscribe()
    view.api.faults.add(LIST, Fault("answer", status=429, headers={"Retry-After": "100"}))
    await view.sweep()

    assert await view.sweep_later(99) == []
    assert await view.sweep_later(12) == [LIST]


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
async def test_a_sweep_that_fails_changes_nothing_and_the_next_finds_all(view: Lookout, fault: Fault) -> None:
    jobs = [view.api.add_job(status="running") for _ in range(150)]
    await view.track_all(jobs)
    for job in (jobs[0], jobs[149]):
        view.api.change(job, status="paused")
    before = await _told_and_known(view)
    view.api.faults.add(LIST, TRUE_ANSWER, fault)

    assert await view.sweep() == [LIST, LIST]
    assert await _told_and_known(view) == before

    assert await view.sweep_later(67) == [LIST, LIST]
    assert {job for job, _ in await view.told()} == {jobs[0], jobs[149]}


async def test_a_connection_that_drops_again_and_again_fails_the_sweep(view: Lookout) -> None:
    await view.subscribe()
    view.api.faults.add(LIST, *[Fault("drop")] * 4)

    await view.sweep()
    assert view.sweeper.is_failing

    view.api.faults.clear()
    await view.sweep_later(61)
    assert not view.sweeper.is_failing


async def test_a_job_that_two_pages_show_is_one(view: Lookout) -> None:
    await view.subscribe()
    moved, last = view.api.add_job(status="queued"), view.api.add_job(status="queued")
    bodies = view.api.jobs
    view.api.faults.add(
        LIST,
        page_of(bodies[moved], has_more=True),
        page_of({**bodies[moved], "status": "running"}, bodies[last]),
    )

    assert await view.sweep() == [LIST, LIST]

    assert sorted(await view.told()) == sorted([(moved, "running"), (last, "queued")])


async def test_a_single_read_that_fails_is_tried_again_and_is_no_outage_of_the_account(view: Lookout) -> None:
    job = view.api.add_job(status="running")
    await view.track_all([job])
    view.api.change(job, status="paused")
    view.api.faults.add(LIST, page_of())
    view.api.faults.add(ONE, UNAVAILABLE)

    assert await view.sweep() == [LIST, ONE]
    assert not view.sweeper.is_failing
    assert await view.told() == []

    await view.sweep_later(61)
    assert (job, "paused") in await view.told()


async def test_a_list_that_never_ends_is_left(view: Lookout) -> None:
    await view.subscribe()
    job = view.api.add_job(status="queued")
    view.api.faults.always(LIST, page_of(view.api.jobs[job], has_more=True))

    assert await view.sweep() == [LIST, LIST]

    assert await view.told() == [(job, "queued")]


async def test_a_page_whose_cursor_is_gone_is_read_anew_by_the_next_sweep(view: Lookout) -> None:
    await view.subscribe()
    jobs = [view.api.add_job(status="queued", created_at=2_000_000_000 + n) for n in range(101)]
    made_up = {**view.api.jobs[jobs[1]], "id": "ftjob-deleted"}
    page = [view.api.jobs[job] for job in reversed(jobs[2:])]
    view.api.faults.add(LIST, page_of(*page, made_up, has_more=True))

    assert await view.sweep() == [LIST, LIST]
    assert view.sweeper.is_failing
    assert await view.told() == []

    assert await view.sweep_later(61) == [LIST, LIST]
    assert await view.told() == [(job, "queued") for job in jobs]


async def test_an_empty_page_is_no_reason_to_forget_a_job(view: Lookout) -> None:
    await view.subscribe()
    job = view.api.add_job(status="queued")
    await view.sweep()
    before = await contents(view.store)
    view.api.faults.add(LIST, page_of())

    assert await view.sweep() == [LIST, ONE]

    after = await contents(view.store)
    assert {name: after[name] for name in ("job", "track", "change")} == {
        name: before[name] for name in ("job", "track", "change")
    }
    assert await view.told() == [(job, "queued")]


async def test_a_sweep_of_an_idle_account_says_that_it_went_well(view: Lookout) -> None:
    idle = counted("ftjob_sweeps_total", account=ACCOUNT, result="idle")

    await view.sweep_later(INTERVAL)

    assert counted("ftjob_sweeps_total", account=ACCOUNT, result="idle") == idle + 1


@pytest.mark.deep
async def test_a_thousand_new_jobs_and_more_are_found_at_once(view: Lookout) -> None:
    await view.subscribe()
    jobs = [view.api.add_job(status="queued") for _ in range(1250)]

    assert await view.sweep() == [LIST] * 13
    assert sorted(await view.told()) == sorted((job, "queued") for job in jobs)


async def test_a_list_of_ever_new_jobs_is_cut_and_that_is_logged(view: Lookout) -> None:
    await view.subscribe()
    job = view.api.jobs[view.api.add_job(status="queued")]
    pages = [page_of({**job, "id": f"ftjob-{n}"}, has_more=True) for n in range(MOST_NEW_PAGES + 10)]
    view.api.faults.add(LIST, *pages)

    with capture_logs() as logs:
        assert await view.sweep() == [LIST] * (MOST_NEW_PAGES + 1)

    assert _events(logs) == ["search.cut"]
    assert len(await view.told()) == MOST_NEW_PAGES + 1


async def test_a_look_that_the_database_went_away_under_holds_up_no_later_one(view: Lookout) -> None:
    await view.subscribe()
    view.api.faults.add(LIST, Fault("late", seconds=0.5))
    look = asyncio.create_task(view.sweep())
    async with within(10):
        while not (await view.store.accounts.standing(ACCOUNT, interval=INTERVAL)).busy_for:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await _rename(view, "account", "away")
    with pytest.raises(OperationalError):
        await look
    await _rename(view, "away", "account")

    assert await view.sweep() == [LIST]


async def test_a_failure_that_the_database_cannot_note_holds_up_no_later_look(view: Lookout) -> None:
    await view.subscribe()
    await _rename(view, "outage", "away")
    view.api.faults.always(LIST, UNAVAILABLE)
    with pytest.raises(OperationalError):
        await view.sweep()
    assert view.sweeper.is_broken
    view.api.faults.clear()
    await _rename(view, "away", "outage")

    assert await view.sweep() == [LIST]
    assert not view.sweeper.is_broken


async def _rename(view: Lookout, old: str, new: str) -> None:
    """Let every question about a table fail, or no more."""
    async with view.store.db.transaction() as tx:
        await tx.exec_driver_sql(f"ALTER TABLE {old} RENAME TO {new}")
