"""One circuit an account: how seldom a failing account is asked, and the two notices that people get of it."""

import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from bot.blocks.notice import NoticeKind, notice_message
from bot.poll.poller import Poller
from bot.sandbox.faults import Fault
from bot.store import Store
from bot.store.db import schema
from bot.store.db.wakeups import Queue
from bot.tracking.notices import Notices
from tests.poll.harness import INTERVAL, LIST, OPS, PollHarness
from tests.store.seeds import ACCOUNT, deliveries, rows, several_stores

UNAVAILABLE = Fault("answer", status=503, body={"error": {"message": "overloaded."}})
REFUSED = Fault("answer", status=401, body={"error": {"message": "Incorrect API key provided: sk-live-123456789."}})
SPENT = Fault("answer", status=429, body={"error": {"message": "Quota exceeded.", "code": "insufficient_quota"}})


async def _notices(harness: PollHarness, to: str | None = OPS) -> list[dict[str, Any]]:
    """Return the pending notices to a channel or a person, or to all."""
    return [json.loads(row.notice) for row in await deliveries(harness.store, to) if row.notice]


async def _kinds(harness: PollHarness, to: str | None = OPS) -> list[str]:
    return [body["kind"] for body in await _notices(harness, to)]


async def _ticks(harness: PollHarness, minutes: float, poll: Callable[[], Awaitable[object]] | None = None) -> int:
    """Let the timer tick for some time; return how many requests that cost."""
    before = len(harness.api.request_log)
    for _ in range(round(minutes * 60 / INTERVAL)):
        await harness.time.advance(harness.store, INTERVAL)
        await (poll or harness.poller.poll)()
    return len(harness.api.request_log) - before


async def test_half_an_hour_of_outage_is_two_notices_and_no_false_change(harness: PollHarness) -> None:
    jobs = [harness.api.add_job(status="running") for _ in range(3)]
    await harness.track_all(jobs)
    await harness.poll()
    faults = [UNAVAILABLE, Fault("drop"), Fault("answer", status=200, body="<html>"), Fault("answer", status=502)]
    harness.api.faults.add(LIST, *faults * 100)
    harness.api.change(jobs[0], status="paused")

    asked = await _ticks(harness, 4)
    assert await _kinds(harness) == []
    asked += await _ticks(harness, 26)
    assert await _kinds(harness) == [NoticeKind.ACCOUNT_FAILING]
    assert asked <= 45, "about one a minute, two where a dropped connection is tried again"
    assert await harness.changes() == []
    assert harness.poller.is_failing

    harness.api.faults.clear()
    await _ticks(harness, 1.5)
    assert [row.job_id for row in await harness.changes()] == [jobs[0]]
    await _ticks(harness, 5)

    failing, back = await _notices(harness)
    assert (failing["kind"], back["kind"]) == (NoticeKind.ACCOUNT_FAILING, NoticeKind.ACCOUNT_RECOVERED)
    assert failing["about"] == back["about"] == ACCOUNT
    if harness.store.db.is_sqlite:  # what PostgreSQL's stores gets older meanwhile
        assert failing["since"] == back["since"]
    assert back["until"] - back["since"] == pytest.approx(30 * 60, abs=90)
    assert "overloaded" in notice_message(failing).text
    assert not harness.poller.is_failing
    assert await rows(harness.store, schema.outage) == []


async def test_an_outage_of_a_few_minutes_is_no_notice(harness: PollHarness) -> None:
    await harness.subscribe()
    for _ in range(3):
        harness.api.faults.always(LIST, UNAVAILABLE)
        await _ticks(harness, 4)
        harness.api.faults.clear()
        await _ticks(harness, 4)

    assert await _notices(harness, None) == []
    assert await rows(harness.store, schema.outage) == []


async def test_a_second_outage_is_announced_again(harness: PollHarness) -> None:
    await harness.subscribe()
    for _ in range(2):
        harness.api.faults.always(LIST, UNAVAILABLE)
        await _ticks(harness, 7)
        harness.api.faults.clear()
        await _ticks(harness, 3)

    assert await _kinds(harness) == [NoticeKind.ACCOUNT_FAILING, NoticeKind.ACCOUNT_RECOVERED] * 2


@pytest.mark.deep
async def test_a_revoked_key_of_a_thousand_jobs_is_one_notice_and_a_request_a_minute(harness: PollHarness) -> None:
    await harness.track_all([harness.api.add_job(status="running") for _ in range(1000)])
    keys, harness.api.keys = harness.api.keys, {}

    assert await _ticks(harness, 10) <= 10
    assert await _ticks(harness, 20) <= 5

    (told,) = await _notices(harness)
    assert told["kind"] == NoticeKind.ACCOUNT_FAILING
    assert next(iter(keys)) not in json.dumps(told)
    assert await harness.changes() == []

    harness.api.keys = keys
    assert await _ticks(harness, 5.5) >= 10
    assert await _kinds(harness) == [NoticeKind.ACCOUNT_FAILING, NoticeKind.ACCOUNT_RECOVERED]


async def test_no_notice_repeats_a_key_that_the_api_names(harness: PollHarness) -> None:
    await harness.subscribe()
    harness.api.faults.always(LIST, REFUSED)
    await _ticks(harness, 10)

    (told,) = await _notices(harness)
    assert "sk-live-123456789" not in json.dumps(told)
    assert "Incorrect API key provided: sk-..." in told["error"]


async def test_the_notice_of_a_missing_scope_names_the_scope(harness: PollHarness) -> None:
    await harness.subscribe()
    missing = {"error": {"message": "Missing scopes: api.fine_tuning.jobs.read"}}
    harness.api.faults.always(LIST, Fault("answer", status=403, body=missing))
    await _ticks(harness, 10)

    (told,) = await _notices(harness)
    assert "api.fine_tuning.jobs.read" in notice_message(told).text


async def test_a_spent_quota_costs_four_requests_an_hour_and_is_announced_after_five_minutes(
    harness: PollHarness,
) -> None:
    await harness.subscribe()
    harness.api.faults.always(LIST, SPENT)
    await harness.poll()

    assert await _ticks(harness, 4.5) == 0
    assert await _kinds(harness) == []
    assert await _ticks(harness, 1) == 0
    assert await _kinds(harness) == [NoticeKind.ACCOUNT_FAILING]
    assert await _ticks(harness, 54.5) <= 4
    [told] = await _notices(harness)
    assert "The account is out of quota or credit: Quota exceeded." in notice_message(told).text


async def test_a_rate_limit_is_respected_and_starves_no_job(harness: PollHarness) -> None:
    jobs = [harness.api.add_job(status="running") for _ in range(50)]
    await harness.track_all(jobs)
    limited = Fault("answer", status=429, headers={"Retry-After": "20"})
    harness.api.faults.add(LIST, *[limited, Fault("late", seconds=0)] * 20)

    for job in jobs[:8]:
        harness.api.change(job, status="paused")
        assert await _ticks(harness, 1.5) <= 3, "no request in the pause that the API asked for"
        assert (job, "paused") in await harness.pending(), "no picture is older than three intervals"
    assert await _notices(harness, None) == []


async def test_a_restart_in_an_outage_neither_repeats_nor_forgets_a_notice(harness: PollHarness) -> None:
    await harness.subscribe()
    harness.api.faults.always(LIST, UNAVAILABLE)
    await _ticks(harness, 7)

    await harness.store.accounts.leases.reset()
    restarted = _poller_with(harness, harness.store, OPS)
    await _ticks(harness, 7, restarted.poll)
    assert await _kinds(harness) == [NoticeKind.ACCOUNT_FAILING]

    harness.api.faults.clear()
    await _ticks(harness, 2, _poller_with(harness, harness.store, OPS).poll)
    assert await _kinds(harness) == [NoticeKind.ACCOUNT_FAILING, NoticeKind.ACCOUNT_RECOVERED]


async def test_several_processes_announce_an_outage_once(harness: PollHarness, database_url: str) -> None:
    await harness.subscribe()
    async with several_stores(harness.store, database_url, harness.time, size=3) as stores:
        pollers = [_poller_with(harness, store, OPS) for store in stores]

        async def poll_all() -> None:
            for poller in pollers:
                await poller.poll()

        harness.api.faults.always(LIST, UNAVAILABLE)
        assert await _ticks(harness, 10, poll_all) <= 14
        assert all(poller.is_failing for poller in pollers)
        harness.api.faults.clear()
        await _ticks(harness, 2, poll_all)

        assert not any(poller.is_failing for poller in pollers)
    assert await _kinds(harness) == [NoticeKind.ACCOUNT_FAILING, NoticeKind.ACCOUNT_RECOVERED]


def _poller_with(harness: PollHarness, store: Store, ops: str | None) -> Poller:
    notices = Notices(store, ops)
    return Poller(harness.client, store, harness.recorder, notices, interval=INTERVAL, clock=harness.time.now)


async def test_without_an_ops_channel_the_followers_are_notified(harness: PollHarness) -> None:
    await harness.subscribe()
    job = harness.api.add_job(status="running")
    await harness.track(job, "C2")
    poller = _poller_with(harness, harness.store, None)
    wakeup = harness.store.db.wakeups.subscribe(Queue.DELIVERIES)
    harness.api.faults.always(LIST, UNAVAILABLE)

    await _ticks(harness, 10, poller.poll)

    assert await _kinds(harness, "U1") == [NoticeKind.ACCOUNT_FAILING]
    assert len(await _notices(harness, None)) == 1
    assert wakeup.is_set()
    wakeup.clear()
    await _ticks(harness, 2, poller.poll)
    assert not wakeup.is_set()


async def test_an_outage_ends_although_no_one_follows_anything_anymore(harness: PollHarness) -> None:
    job = harness.api.add_job(status="running")
    await harness.track(job)
    harness.api.faults.always(LIST, UNAVAILABLE)
    await _ticks(harness, 7)
    await harness.store.channels.tracks.remove("C1", job)
    await _ticks(harness, 5)
    harness.api.faults.clear()

    assert await _ticks(harness, 3) == 1
    assert await _kinds(harness) == [NoticeKind.ACCOUNT_FAILING, NoticeKind.ACCOUNT_RECOVERED]
