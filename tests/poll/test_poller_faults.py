"""Poller when the API fails: it stores nothing, backs off, retries and posts one notice."""

from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from structlog.testing import capture_logs

from bot.sandbox.faults import Fault
from bot.sandbox.openai.server import FineTuningApi
from tests.delivery.harness import metric
from tests.empty_store import lay_out
from tests.poll.harness import INTERVAL, LIST, NO_FAULT, RETRIEVE, UNAVAILABLE, PollHarness, page_of, poll_harness
from tests.store.seeds import ACCOUNT, contents


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


async def test_an_account_that_fails_is_polled_less_and_less_often(harness: PollHarness) -> None:
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


async def test_a_failure_and_a_recovery_of_an_account_are_logged_once_each(harness: PollHarness) -> None:
    job = harness.api.add_job(status="running")
    await harness.track_all([job])
    harness.api.change(job, status="paused")
    harness.api.faults.always(LIST, UNAVAILABLE)
    failed = metric("ftjob_polls_total", account=ACCOUNT, result="Unreachable")
    polled = metric("ftjob_polls_total", account=ACCOUNT, result="ok")

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
    assert metric("ftjob_polls_total", account=ACCOUNT, result="ok") == polled + 2


async def test_a_second_outage_is_announced_again(harness: PollHarness) -> None:
    await harness.subscribe()

    with capture_logs() as logs:
        for _ in range(2):
            harness.api.faults.add(LIST, UNAVAILABLE)
            await harness.poll_later(61)
            await harness.poll_later(61)

    assert _events(logs) == ["account.failing", "account.recovered"] * 2


async def test_retry_after_is_respected(harness: PollHarness) -> None:
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
async def test_a_poll_that_fails_changes_nothing_and_the_next_finds_all(harness: PollHarness, fault: Fault) -> None:
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


async def test_a_connection_that_drops_repeatedly_fails_the_poll(harness: PollHarness) -> None:
    await harness.subscribe()
    harness.api.faults.add(LIST, *[Fault("drop")] * 4)

    await harness.poll()
    assert harness.poller.is_failing

    harness.api.faults.clear()
    await harness.poll_later(61)
    assert not harness.poller.is_failing


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


async def test_a_poll_of_an_idle_account_is_a_success(harness: PollHarness) -> None:
    idle = metric("ftjob_polls_total", account=ACCOUNT, result="skipped")

    await harness.poll_later(INTERVAL)

    assert metric("ftjob_polls_total", account=ACCOUNT, result="skipped") == idle + 1
