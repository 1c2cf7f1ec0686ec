"""A tracked job that the list lacks and that cannot be read: it holds up no other job, and its account is well."""

import asyncio
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import update
from structlog.testing import capture_logs

from bot.blocks.notice import NoticeKind
from bot.poll.problem_jobs import NOTIFY_AFTER
from bot.sandbox.faults import Fault
from bot.sandbox.openai.server import FineTuningApi
from bot.store.db import schema
from bot.store.jobs.documents import JobDocument
from tests.delivery.harness import metric
from tests.empty_store import lay_out
from tests.poll.harness import EVENTS, INTERVAL, LIST, OPS, RETRIEVE, PollHarness, page_of, poll_harness, poller_on
from tests.store.seeds import ACCOUNT, known_job, reading, rows

UNREADABLE = {
    "500": Fault("answer", status=500, body={"error": {"message": "boom"}}),
    "503 with a page": Fault("answer", status=503, body="<html>"),
    "403": Fault("answer", status=403, body={"error": {"message": "not yours"}}),
    "401": Fault("answer", status=401, body={"error": {"message": "no"}}),
    "429": Fault("answer", status=429, headers={"Retry-After": "40"}),
    "a list": Fault("answer", status=200, body=[]),
    "another job": Fault("answer", status=200, body={"id": "ftjob-other"}),
    "cut off": Fault("answer", status=200, body='{"id": "ftjob-'),
    "a dropped connection": Fault("drop"),
    "silence": Fault("hang"),
}


@pytest.fixture
async def sqlite_harness(tmp_path: Path, api: FineTuningApi) -> AsyncIterator[PollHarness]:
    async with poll_harness(lay_out(tmp_path / "ftjob.db"), api) as opened:
        yield opened


async def _one_bad(harness: PollHarness, fault: Fault, others: int = 3) -> tuple[str, list[str]]:
    """Return a tracked job that the list lacks and whose own reads meet a fault, and others that the list has."""
    bad, *well = [harness.api.add_job(status="running") for _ in range(others + 1)]
    await harness.track_all([bad, *well])
    harness.api.faults.always(f"{RETRIEVE} {bad}", fault)
    _list_only(harness, well)
    return bad, well


def _list_only(harness: PollHarness, jobs: list[str]) -> None:
    harness.api.faults.always(LIST, page_of(*(harness.api.jobs[job] for job in reversed(jobs))))


async def _told(harness: PollHarness) -> list[tuple[str, str]]:
    return [(row.job_id, row.new_status) for row in await harness.changes()]


async def _notices(harness: PollHarness) -> list[str]:
    return [row.notice for row in await rows(harness.store, schema.delivery) if row.channel == OPS]


@pytest.mark.parametrize("fault", UNREADABLE.values(), ids=UNREADABLE.keys())
async def test_changes_in_the_list_are_alerted_whatever_the_result_of_a_single_read(
    harness: PollHarness, fault: Fault
) -> None:
    bad, well = await _one_bad(harness, fault)
    for job in well:
        harness.api.change(job, status="cancelled")
    _list_only(harness, well)
    polled = metric("ftjob_polls_total", account=ACCOUNT, result="ok")

    await harness.poll()

    assert await _told(harness) == [(job, "cancelled") for job in well]
    assert not harness.poller.is_failing
    assert metric("ftjob_polls_total", account=ACCOUNT, result="ok") == polled + 1
    assert (await known_job(harness.store, bad)).state.status == "running"


async def test_changes_of_single_reads_are_alerted_although_one_hangs(harness: PollHarness) -> None:
    bad, well = await _one_bad(harness, UNREADABLE["silence"])
    for job in well:
        harness.api.change(job, status="paused")
    _list_only(harness, [])

    await harness.poll()

    assert sorted(await _told(harness)) == sorted((job, "paused") for job in well)
    assert (await known_job(harness.store, bad)).state.status == "running"


async def test_a_read_that_hangs_delays_no_later_poll_and_is_not_repeated(harness: PollHarness) -> None:
    bad, well = await _one_bad(harness, UNREADABLE["silence"])
    await harness.poll()
    harness.api.change(well[0], status="paused")
    _list_only(harness, well)

    assert await harness.poll() == [LIST]

    assert await _told(harness) == [(well[0], "paused")]
    assert sum(entry.request.get("id") == bad for entry in harness.api.request_log.for_endpoint(RETRIEVE)) == 1


async def test_a_read_that_outlasts_its_poll_is_recorded_when_it_ends(harness: PollHarness) -> None:
    slow, _ = await _one_bad(harness, Fault("late", seconds=2.5))
    harness.api.change(slow, status="paused")

    await harness.poll()
    assert await _told(harness) == []

    async with asyncio.timeout(300):
        while await _told(harness) != [(slow, "paused")]:  # noqa: ASYNC110 - a row tells nobody
            await asyncio.sleep(0.05)


async def test_the_backoff_of_an_unreadable_job_grows_across_processes(harness: PollHarness) -> None:
    bad, _ = await _one_bad(harness, UNREADABLE["500"])
    _, other = poller_on(harness.store, harness.client, harness.time.now)
    unread = metric("ftjob_job_read_failures_total", account=ACCOUNT)

    asked = []
    for n in range(16):
        before = len(harness.api.request_log.for_endpoint(RETRIEVE))
        await (harness.poller, other)[n % 2].poll()
        if len(harness.api.request_log.for_endpoint(RETRIEVE)) > before:
            asked.append(n)
        await harness.time.advance(harness.store, INTERVAL / 2)

    first, second, third = (later - earlier for earlier, later in pairwise(asked))
    assert (first, second) == (2, 4)
    assert 7 <= third <= 8
    assert metric("ftjob_job_read_failures_total", account=ACCOUNT) == unread + len(asked)
    assert (await known_job(harness.store, bad)).read_failures == len(asked)


async def test_a_readable_job_is_alerted_and_has_no_backoff_anymore(harness: PollHarness) -> None:
    bad, _ = await _one_bad(harness, UNREADABLE["403"])
    with capture_logs() as logs:
        await harness.poll()
        harness.api.change(bad, status="paused")
        harness.api.faults.clear()
        _list_only(harness, [])
        await harness.poll_later(70)

    assert await _told(harness) == [(bad, "paused")]
    assert (await known_job(harness.store, bad)).read_failures == 0
    assert [log["event"] for log in logs] == ["job.read_failed", "job.read_recovered"]


async def test_a_job_in_backoff_is_still_read_from_the_list(harness: PollHarness) -> None:
    bad, _ = await _one_bad(harness, UNREADABLE["500"])
    await harness.poll()
    harness.api.change(bad, status="paused")
    _list_only(harness, [bad])

    await harness.poll_later(1)

    assert await _told(harness) == [(bad, "paused")]


async def test_a_backoff_ends_although_the_clock_was_set_back(harness: PollHarness) -> None:
    bad, _ = await _one_bad(harness, UNREADABLE["500"])
    await harness.poll()
    async with harness.store.db.transaction() as tx:
        await tx.execute(update(schema.job).values(read_not_before=schema.job.c.read_not_before + 86400))

    await harness.poll_later(1)

    assert sum(entry.request.get("id") == bad for entry in harness.api.request_log.for_endpoint(RETRIEVE)) == 2


async def test_followers_are_notified_once_of_a_job_that_is_unreadable_for_long(sqlite_harness: PollHarness) -> None:
    harness = sqlite_harness
    bad, _ = await _one_bad(harness, UNREADABLE["500"])
    read = reading(bad, metadata={"name": "ranker v7"})
    async with harness.store.db.transaction() as tx:
        await harness.store.jobs.cards.get_or_create(tx, ACCOUNT, bad, "C1")
        await harness.store.jobs.snapshots.save(tx, ACCOUNT, [JobDocument(read.snapshot, read.body)])
    await harness.poll()
    await harness.poll_later(NOTIFY_AFTER / 2)
    assert await _notices(harness) == []

    for _ in range(5):
        await harness.poll_later(NOTIFY_AFTER / 2)

    (notice,) = await _notices(harness)
    assert NoticeKind.JOB_UNREADABLE in notice
    assert bad in notice
    assert '"name": "ranker v7"' in notice
    assert "boom" in notice


async def test_an_account_whose_list_fails_is_an_outage_whatever_the_single_reads(
    harness: PollHarness,
) -> None:
    await _one_bad(harness, UNREADABLE["500"])
    harness.api.faults.always(LIST, UNREADABLE["500"])

    assert await harness.poll() == [LIST]

    assert harness.poller.is_failing


@pytest.mark.parametrize("fault", ["silence", "500"])
async def test_the_reason_of_one_failure_delays_no_other_alert(harness: PollHarness, fault: str) -> None:
    silent, other = harness.api.add_job(status="running"), harness.api.add_job(status="running")
    await harness.track_all([silent, other])
    harness.api.faults.always(f"{EVENTS} {silent}", UNREADABLE[fault])
    for job in (silent, other):
        harness.api.add_event(job, f"why {job} broke", level="error")
        harness.api.change(job, status="failed")

    await harness.poll()

    told = {row.job_id: row.reason for row in await harness.changes()}
    assert told.pop(other) == "The job failed."
    assert told == ({silent: None} if fault == "500" else {})
