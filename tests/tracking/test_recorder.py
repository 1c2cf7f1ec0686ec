"""The recorder on a real store: what is stored together, what is enqueued for whom, and what races come to."""

import asyncio

import pytest
from sqlalchemy import text

from bot.jobs.changes import ChangeKind, State
from bot.providers.http.wire import FetchedJob
from bot.store import Store
from bot.store.channels.subscriptions import Subscription
from bot.store.channels.tracks import Track
from bot.store.db import schema
from bot.store.db.engine import Transaction
from bot.store.db.wakeups import Queue
from bot.tracking.recorder import Recorder
from bot.tracking.transitions import PollResult
from tests.store.clocks import StoreClock
from tests.store.seeds import ACCOUNT, add_jobs, contents, deliveries, known_job, reading, rows, several_stores, track


@pytest.fixture
def wakeup(store: Store) -> asyncio.Event:
    """Return what the delivery worker waits on."""
    return store.db.wakeups.subscribe(Queue.DELIVERIES)


async def _seen(store: Store, *readings: FetchedJob) -> PollResult:
    """Return readings together with what is known now."""
    return PollResult(ACCOUNT, readings, await store.jobs.states.newest(ACCOUNT, 100))


async def _subscribe(store: Store, channel: str, newer_than: float) -> None:
    async with store.db.transaction() as tx:
        await store.channels.subscriptions.add(tx, Subscription(ACCOUNT, channel, "U1", newer_than))


async def _enqueued(store: Store, channel: str) -> list[tuple[str, str, str]]:
    """Return what is enqueued for a channel, in order: (message kind, job id, status)."""
    changes = {row.id: row for row in await rows(store, schema.change)}
    enqueued = await deliveries(store, channel)
    return [(row.message_kind, changes[row.change_id].job_id, changes[row.change_id].new_status) for row in enqueued]


async def test_a_change_is_stored_with_the_new_state_and_its_deliveries(
    store: Store, recorder: Recorder, wakeup: asyncio.Event
) -> None:
    await add_jobs(store, reading("ftjob-a", "queued"))
    await track(store, ("C1", "ftjob-a"), ("C2", "ftjob-a"), ("C3", "ftjob-b"))

    assert await recorder.record(await _seen(store, reading("ftjob-a", "running", seed=7))) == 1

    job = await known_job(store, "ftjob-a")
    assert (job.version, job.state) == (2, State("running"))
    (change,) = await rows(store, schema.change)
    recorded = await store.jobs.changes.find(change.id)
    assert (recorded.version, recorded.change.kind) == (2, ChangeKind.STATUS)
    assert (recorded.change.before, recorded.change.after) == (State("queued"), State("running"))
    assert recorded.body["seed"] == 7
    for channel in ("C1", "C2"):
        assert ("change", "ftjob-a", "running") in await _enqueued(store, channel)
    assert await _enqueued(store, "C3") == []
    assert wakeup.is_set()


async def test_nothing_is_stored_of_a_change_if_its_deliveries_cannot_be(
    store: Store, recorder: Recorder, wakeup: asyncio.Event
) -> None:
    await add_jobs(store, reading("ftjob-a", "queued"), reading("ftjob-b", "queued"))
    await track(store, ("C1", "ftjob-a"), ("C2", "ftjob-a"), ("C2", "ftjob-b"))
    await recorder.record(await _seen(store, reading("ftjob-b", "running")))
    async with store.db.transaction() as tx:
        await tx.execute(text("DELETE FROM delivery WHERE message_kind = 'card'"))
        await tx.execute(text("CREATE UNIQUE INDEX in_the_way ON delivery (channel)"))
    before = await contents(store)
    wakeup.clear()
    seen = await _seen(store, reading("ftjob-a", "running"))

    assert await recorder.record(seen) == 0

    assert await contents(store) == before
    assert not wakeup.is_set()
    async with store.db.transaction() as tx:
        await tx.execute(text("DROP INDEX in_the_way"))
    assert [await recorder.record(seen), await recorder.record(seen)] == [0, 1]
    assert ("change", "ftjob-a", "running") in await _enqueued(store, "C1")
    assert ("change", "ftjob-a", "running") in await _enqueued(store, "C2")


async def test_a_read_that_began_before_the_last_change_is_dropped(store: Store, recorder: Recorder) -> None:
    await add_jobs(store, reading("ftjob-a", "queued"))
    await track(store, ("C1", "ftjob-a"))
    stale = await _seen(store, reading("ftjob-a", "running"))
    await recorder.record(await _seen(store, reading("ftjob-a", "succeeded", "ft:m")))
    before = await contents(store)

    assert await recorder.record(stale) == 0

    assert await contents(store) == before


async def test_a_read_without_news_stores_nothing_and_wakes_nobody(
    store: Store, recorder: Recorder, wakeup: asyncio.Event
) -> None:
    await add_jobs(store, reading("ftjob-a", "queued"))
    await track(store, ("C1", "ftjob-a"))
    before = await contents(store)

    assert await recorder.record(await _seen(store, reading("ftjob-a", "queued", seed=9))) == 0

    assert await contents(store) == before
    assert not wakeup.is_set()


async def test_the_end_of_a_poll_without_news_wakes_the_workers(
    store: Store, recorder: Recorder, wakeup: asyncio.Event
) -> None:
    """Another process may have died between its commit and the post."""
    cards = store.db.wakeups.subscribe(Queue.CARDS)

    assert await recorder.record(PollResult(ACCOUNT, (), {}), at_end=_nothing) == 0

    assert wakeup.is_set()
    assert cards.is_set()


async def _nothing(_tx: Transaction) -> None:
    """Store nothing."""


async def test_the_first_read_of_a_job_notifies_nobody(store: Store, recorder: Recorder) -> None:
    await track(store, ("C1", "ftjob-a"))

    assert await recorder.record(await _seen(store, reading("ftjob-a", "failed"))) == 0

    assert (await known_job(store, "ftjob-a")).state == State("failed")
    assert await rows(store, schema.change) == []
    assert await deliveries(store) == []


async def test_a_new_job_is_announced_where_somebody_subscribed_and_followed_there(
    store: Store, recorder: Recorder
) -> None:
    await _subscribe(store, "C1", 1000)
    await _subscribe(store, "C2", 2000)

    assert await recorder.record(await _seen(store, reading("ftjob-a", "queued", created_at=1000))) == 1

    assert await _enqueued(store, "C1") == [("card", "ftjob-a", "queued")]
    assert await _enqueued(store, "C2") == []
    assert await store.channels.tracks.followers(ACCOUNT, "ftjob-a") == [Track(ACCOUNT, "ftjob-a", "C1", None)]
    (change,) = await rows(store, schema.change)
    assert (change.kind, change.version) == ("new", 1)


async def test_the_changes_of_an_announced_job_follow_its_card(store: Store, recorder: Recorder) -> None:
    await _subscribe(store, "C1", 1000)
    for status in ("queued", "running", "failed"):
        await recorder.record(await _seen(store, reading("ftjob-a", status)))

    assert await _enqueued(store, "C1") == [
        ("card", "ftjob-a", "queued"),
        ("change", "ftjob-a", "running"),
        ("change", "ftjob-a", "failed"),
    ]


async def test_a_job_older_than_the_subscription_is_not_announced(store: Store, recorder: Recorder) -> None:
    await _subscribe(store, "C1", 1000)

    assert await recorder.record(await _seen(store, reading("ftjob-old", created_at=999))) == 0

    assert await deliveries(store) == []
    assert await store.channels.tracks.followers(ACCOUNT, "ftjob-old") == []


async def test_an_announced_job_that_was_untracked_is_not_announced_again(store: Store, recorder: Recorder) -> None:
    await _subscribe(store, "C1", 1000)
    await recorder.record(await _seen(store, reading("ftjob-a", "queued")))
    await store.channels.tracks.remove("C1", "ftjob-a")

    await recorder.record(await _seen(store, reading("ftjob-a", "queued")))
    await recorder.record(await _seen(store, reading("ftjob-a", "running")))
    await recorder.record(PollResult(ACCOUNT, [reading("ftjob-a", "running")], {}))

    assert await _enqueued(store, "C1") == [("card", "ftjob-a", "queued")]


async def test_jobs_that_change_together_are_enqueued_oldest_first(store: Store, recorder: Recorder) -> None:
    jobs = [("ftjob-c", 3000), ("ftjob-b", 2000), ("ftjob-a", 1000)]
    await add_jobs(store, *(reading(job_id, "queued", created_at=at) for job_id, at in jobs))
    await track(store, *(("C1", job_id) for job_id, _ in jobs))

    await recorder.record(await _seen(store, *(reading(job_id, "running", created_at=at) for job_id, at in jobs)))

    job_ids = [job_id for kind, job_id, _ in await _enqueued(store, "C1") if kind == "change"]
    assert job_ids == ["ftjob-a", "ftjob-b", "ftjob-c"]


async def test_why_a_job_failed_and_that_it_was_found_late_is_kept_with_the_change(
    store: Store, recorder: Recorder
) -> None:
    await add_jobs(store, reading("ftjob-a", "running"))
    before = await store.jobs.states.newest(ACCOUNT, 10)

    await recorder.record(
        PollResult(ACCOUNT, [reading("ftjob-a", "failed")], before, reasons={"ftjob-a": "no memory"}, late=True)
    )

    (change,) = await rows(store, schema.change)
    assert (change.reason, change.late) == ("no memory", True)


async def test_the_same_change_seen_by_several_recorders_at_once_is_one(
    store: Store, database_url: str, time: StoreClock
) -> None:
    jobs = [f"ftjob-{n}" for n in range(10)]
    await add_jobs(store, *(reading(job_id, "queued") for job_id in jobs))
    await track(store, *((channel, job_id) for job_id in jobs for channel in ("C1", "C2")))
    seen = await _seen(store, *(reading(job_id, "running") for job_id in jobs))

    async with several_stores(store, database_url, time) as stores:
        recorders = [Recorder(each) for each in stores]
        counts = await asyncio.gather(*(each.record(seen) for each in recorders))

    assert sum(counts) == len(jobs)
    assert len(await rows(store, schema.change)) == len(jobs)
    for channel in ("C1", "C2"):
        job_ids = [job_id for kind, job_id, _ in await _enqueued(store, channel) if kind == "change"]
        assert sorted(job_ids) == jobs


async def test_a_new_job_seen_by_several_recorders_at_once_is_announced_once(
    store: Store, database_url: str, time: StoreClock
) -> None:
    await _subscribe(store, "C1", 1000)

    async with several_stores(store, database_url, time) as stores:
        seen = PollResult(ACCOUNT, [reading("ftjob-a", "queued")], {})
        counts = await asyncio.gather(*(Recorder(each).record(seen) for each in stores))

    assert sorted(counts) == [0, 0, 0, 1]
    assert await _enqueued(store, "C1") == [("card", "ftjob-a", "queued")]
