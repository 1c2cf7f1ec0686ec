"""One circuit an account: how seldom a failing account is asked, and the two notices that people get of it."""

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Any

import pytest

from bot.blocks.notice import NoticeKind, notice_message
from bot.poll.circuit_breaker import CircuitBreaker
from bot.poll.poller import Poller
from bot.sandbox.faults import Fault
from bot.sandbox.openai.server import FineTuningApi
from bot.store import Store
from bot.store.db import schema
from bot.store.db.wakeups import Queue
from bot.tracking.notices import Notices
from tests.poll.harness import INTERVAL, LIST, OPS, PollHarness, poll_harness
from tests.store.seeds import ACCOUNT, deliveries, rows, several_stores

UNAVAILABLE = Fault("answer", status=503, body={"error": {"message": "overloaded."}})
REFUSED = Fault("answer", status=401, body={"error": {"message": "Incorrect API key provided: sk-live-123456789."}})
SPENT = Fault("answer", status=429, body={"error": {"message": "Quota exceeded.", "code": "insufficient_quota"}})


@pytest.fixture
async def api() -> AsyncIterator[FineTuningApi]:
    async with FineTuningApi() as made:
        yield made


@pytest.fixture
async def view(database_url: str, api: FineTuningApi) -> AsyncIterator[PollHarness]:
    async with poll_harness(database_url, api) as opened:
        yield opened


async def _notices(view: PollHarness, to: str | None = OPS) -> list[dict[str, Any]]:
    """Return the notices that are owed to a channel or a person, or to all."""
    return [json.loads(row.notice) for row in await deliveries(view.store, to) if row.notice]


async def _kinds(view: PollHarness, to: str | None = OPS) -> list[str]:
    return [body["kind"] for body in await _notices(view, to)]


async def _ticks(view: PollHarness, minutes: float, sweep: Callable[[], Awaitable[object]] | None = None) -> int:
    """Let the timer tick for some time; return how many requests that cost."""
    before = len(view.api.request_log)
    for _ in range(round(minutes * 60 / INTERVAL)):
        await view.time.advance(view.store, INTERVAL)
        await (sweep or view.poller.poll)()
    return len(view.api.request_log) - before


async def test_half_an_hour_of_outage_is_two_notices_and_no_false_change(view: PollHarness) -> None:
    jobs = [view.api.add_job(status="running") for _ in range(3)]
    await view.track_all(jobs)
    await view.poll()
    faults = [UNAVAILABLE, Fault("drop"), Fault("answer", status=200, body="<html>"), Fault("answer", status=502)]
    view.api.faults.add(LIST, *faults * 100)
    view.api.change(jobs[0], status="paused")

    asked = await _ticks(view, 4)
    assert await _kinds(view) == []
    asked += await _ticks(view, 26)
    assert await _kinds(view) == [NoticeKind.ACCOUNT_FAILING]
    assert asked <= 45, "about one a minute, two where a dropped connection is tried again"
    assert await view.changes() == []
    assert view.poller.is_failing

    view.api.faults.clear()
    await _ticks(view, 1.5)
    assert [row.job_id for row in await view.changes()] == [jobs[0]]
    await _ticks(view, 5)

    failing, back = await _notices(view)
    assert (failing["kind"], back["kind"]) == (NoticeKind.ACCOUNT_FAILING, NoticeKind.ACCOUNT_RECOVERED)
    assert failing["about"] == back["about"] == ACCOUNT
    if view.store.db.is_sqlite:  # what PostgreSQL's stores gets older meanwhile
        assert failing["since"] == back["since"]
    assert back["until"] - back["since"] == pytest.approx(30 * 60, abs=90)
    assert "overloaded" in notice_message(failing).text
    assert not view.poller.is_failing
    assert await rows(view.store, schema.outage) == []


async def test_an_outage_of_a_few_minutes_is_no_notice(view: PollHarness) -> None:
    await view.subscribe()
    for _ in range(3):
        view.api.faults.always(LIST, UNAVAILABLE)
        await _ticks(view, 4)
        view.api.faults.clear()
        await _ticks(view, 4)

    assert await _notices(view, None) == []
    assert await rows(view.store, schema.outage) == []


async def test_a_second_outage_is_told_again(view: PollHarness) -> None:
    await view.subscribe()
    for _ in range(2):
        view.api.faults.always(LIST, UNAVAILABLE)
        await _ticks(view, 7)
        view.api.faults.clear()
        await _ticks(view, 3)

    assert await _kinds(view) == [NoticeKind.ACCOUNT_FAILING, NoticeKind.ACCOUNT_RECOVERED] * 2


@pytest.mark.deep
async def test_a_revoked_key_of_a_thousand_jobs_is_one_notice_and_a_request_a_minute(view: PollHarness) -> None:
    await view.track_all([view.api.add_job(status="running") for _ in range(1000)])
    keys, view.api.keys = view.api.keys, {}

    assert await _ticks(view, 10) <= 10
    assert await _ticks(view, 20) <= 5

    (told,) = await _notices(view)
    assert told["kind"] == NoticeKind.ACCOUNT_FAILING
    assert next(iter(keys)) not in json.dumps(told)
    assert await view.changes() == []

    view.api.keys = keys
    assert await _ticks(view, 5.5) >= 10
    assert await _kinds(view) == [NoticeKind.ACCOUNT_FAILING, NoticeKind.ACCOUNT_RECOVERED]


async def test_no_notice_repeats_a_key_that_the_api_names(view: PollHarness) -> None:
    await view.subscribe()
    view.api.faults.always(LIST, REFUSED)
    await _ticks(view, 10)

    (told,) = await _notices(view)
    assert "sk-live-123456789" not in json.dumps(told)
    assert "Incorrect API key provided: sk-..." in told["error"]


async def test_a_key_that_lacks_a_scope_is_told_with_the_scope(view: PollHarness) -> None:
    await view.subscribe()
    missing = {"error": {"message": "Missing scopes: api.fine_tuning.jobs.read"}}
    view.api.faults.always(LIST, Fault("answer", status=403, body=missing))
    await _ticks(view, 10)

    (told,) = await _notices(view)
    assert "api.fine_tuning.jobs.read" in notice_message(told).text


async def test_spent_money_is_four_requests_an_hour_and_told_after_five_minutes(view: PollHarness) -> None:
    await view.subscribe()
    view.api.faults.always(LIST, SPENT)
    await view.poll()

    assert await _ticks(view, 4.5) == 0
    assert await _kinds(view) == []
    assert await _ticks(view, 1) == 0
    assert await _kinds(view) == [NoticeKind.ACCOUNT_FAILING]
    assert await _ticks(view, 54.5) <= 4
    [told] = await _notices(view)
    assert "The account has no quota left: Quota exceeded." in notice_message(told).text


async def test_a_limited_rate_is_kept_to_and_starves_no_job(view: PollHarness) -> None:
    jobs = [view.api.add_job(status="running") for _ in range(50)]
    await view.track_all(jobs)
    limited = Fault("answer", status=429, headers={"Retry-After": "20"})
    view.api.faults.add(LIST, *[limited, Fault("late", seconds=0)] * 20)

    for job in jobs[:8]:
        view.api.change(job, status="paused")
        assert await _ticks(view, 1.5) <= 3, "no request in the pause that the API asked for"
        assert (job, "paused") in await view.pending(), "no picture is older than three intervals"
    assert await _notices(view, None) == []


async def test_a_restart_in_an_outage_neither_repeats_nor_forgets_a_notice(view: PollHarness) -> None:
    await view.subscribe()
    view.api.faults.always(LIST, UNAVAILABLE)
    await _ticks(view, 7)

    await view.store.accounts.leases.reset()
    restarted = _poller_with(view, view.store, OPS)
    await _ticks(view, 7, restarted.poll)
    assert await _kinds(view) == [NoticeKind.ACCOUNT_FAILING]

    view.api.faults.clear()
    await _ticks(view, 2, _poller_with(view, view.store, OPS).poll)
    assert await _kinds(view) == [NoticeKind.ACCOUNT_FAILING, NoticeKind.ACCOUNT_RECOVERED]


async def test_several_processes_tell_an_outage_once(view: PollHarness, database_url: str) -> None:
    await view.subscribe()
    async with several_stores(view.store, database_url, view.time, size=3) as stores:
        sweepers = [_poller_with(view, store, OPS) for store in stores]

        async def sweep_all() -> None:
            for sweeper in sweepers:
                await sweeper.poll()

        view.api.faults.always(LIST, UNAVAILABLE)
        assert await _ticks(view, 10, sweep_all) <= 14
        assert all(sweeper.is_failing for sweeper in sweepers)
        view.api.faults.clear()
        await _ticks(view, 2, sweep_all)

        assert not any(sweeper.is_failing for sweeper in sweepers)
    assert await _kinds(view) == [NoticeKind.ACCOUNT_FAILING, NoticeKind.ACCOUNT_RECOVERED]


def _poller_with(view: PollHarness, store: Store, ops: str | None) -> Poller:
    notices = Notices(store, ops)
    circuit = CircuitBreaker(store, notices, ACCOUNT, clock=view.time.now)
    return Poller(view.client, store, view.recorder, circuit, notices, interval=INTERVAL, clock=view.time.now)


async def test_without_a_channel_for_it_whoever_follows_something_is_told(view: PollHarness) -> None:
    await view.subscribe()
    job = view.api.add_job(status="running")
    await view.track(job, "C2")
    sweeper = _poller_with(view, view.store, None)
    wakeup = view.store.db.wakeups.subscribe(Queue.DELIVERIES)
    view.api.faults.always(LIST, UNAVAILABLE)

    await _ticks(view, 10, sweeper.poll)

    assert await _kinds(view, "U1") == [NoticeKind.ACCOUNT_FAILING]
    assert len(await _notices(view, None)) == 1
    assert wakeup.is_set()
    wakeup.clear()
    await _ticks(view, 2, sweeper.poll)
    assert not wakeup.is_set()


async def test_an_outage_ends_although_nobody_follows_anything_any_more(view: PollHarness) -> None:
    job = view.api.add_job(status="running")
    await view.track(job)
    view.api.faults.always(LIST, UNAVAILABLE)
    await _ticks(view, 7)
    await view.store.channels.tracks.remove("C1", job)
    await _ticks(view, 5)
    view.api.faults.clear()

    assert await _ticks(view, 3) == 1
    assert await _kinds(view) == [NoticeKind.ACCOUNT_FAILING, NoticeKind.ACCOUNT_RECOVERED]
