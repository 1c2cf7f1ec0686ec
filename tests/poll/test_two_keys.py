"""Two keys to one project show the same jobs: each is posted once in a channel, whichever account read it first."""

import asyncio
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import Any

import pytest
from pydantic import SecretStr
from sqlalchemy import select, text

from bot.jobs.filters import Filter
from bot.providers.account import Account
from bot.providers.client import Client
from bot.store import Store, open_store
from bot.store.channels.subscriptions import Subscription
from bot.store.db import schema
from bot.store.db.engine import Transaction
from bot.tracking.recorder import Recorder
from bot.tracking.transitions import PollResult
from tests.poll.harness import LIST, PollHarness, page_of, poller_on
from tests.store.clocks import StoreClock
from tests.store.seeds import deliveries, reading


async def _second(harness: PollHarness, stack: AsyncExitStack) -> object:
    """Return a poller of the same API for another account, to which the channel is subscribed, too."""
    account = Account("second", harness.api.base_url, SecretStr(harness.api.key))
    client = await stack.enter_async_context(Client(account, clock=harness.time.now, deadline=15))
    async with harness.store.db.transaction() as tx:
        await harness.store.channels.subscriptions.add(tx, Subscription("second", "C1", "U1", 0))
    return poller_on(harness.store, client, harness.time.now)[1]


@pytest.mark.parametrize("first", [0, 1])
async def test_a_job_of_two_accounts_is_alerted_once(harness: PollHarness, first: int) -> None:
    await harness.subscribe()
    async with AsyncExitStack() as stack:
        pollers = [harness.poller, await _second(harness, stack)]
        job = harness.api.add_job(status="queued")
        for status in ("queued", "running", "succeeded"):
            if status != "queued":
                harness.api.change(job, status=status)
            for n in (first, 1 - first):
                await pollers[n].poll()  # type: ignore[attr-defined]
            await harness.time.advance(harness.store, 31)

    assert await harness.pending() == [(job, "queued"), (job, "running"), (job, "succeeded")]


async def test_a_job_with_the_same_id_and_another_creation_time_is_another_job(harness: PollHarness) -> None:
    await harness.subscribe()
    async with AsyncExitStack() as stack:
        second = await _second(harness, stack)
        job = harness.api.add_job(status="queued")
        await harness.poll()
        body = harness.api.jobs[job]
        harness.api.faults.add(LIST, page_of({**body, "created_at": body["created_at"] + 60}))
        await second.poll()  # type: ignore[attr-defined]

    async with harness.store.db.transaction() as tx:
        accounts = set(await tx.scalars(select(schema.track.c.account)))
    assert accounts == {harness.account, "second"}


async def _subscribe(store: Store, *accounts: str, channel: str = "C1") -> None:
    async with store.db.transaction() as tx:
        for account in accounts:
            await store.channels.subscriptions.add(tx, Subscription(account, channel, "U1", 0))


async def _until_they_wait(tx: Transaction, count: int) -> None:
    """Wait until so many transactions of this database wait for a lock."""
    waiting = text(
        "SELECT count(*) FROM pg_locks WHERE NOT granted AND database = "
        "(SELECT oid FROM pg_database WHERE datname = current_database())"
    )
    async with asyncio.timeout(300):
        while (await tx.scalar(waiting) or 0) < count:  # noqa: ASYNC110 - the database says so, nobody sets an event
            await asyncio.sleep(0.01)


@pytest.mark.parametrize("jobs", [1, 3])
async def test_accounts_that_discover_jobs_at_the_same_time_alert_each_once(postgres_url: str, jobs: int) -> None:
    async with open_store(postgres_url, StoreClock(postgres_url).now) as store:
        await _subscribe(store, "one", "two")
        new = [reading(f"ftjob-{n}", "queued", created_at=1000 + n) for n in range(jobs)]
        recorder = Recorder(store)
        async with store.db.transaction() as tx:
            await tx.execute(text("LOCK TABLE track IN EXCLUSIVE MODE"))  # for reading it stays open
            both = [asyncio.create_task(recorder.record(PollResult(name, new, {}))) for name in ("one", "two")]
            await _until_they_wait(tx, 2)
        counts = await asyncio.gather(*both)

        assert sorted(counts) == [0, jobs]
        assert len(await deliveries(store, "C1")) == jobs


@pytest.mark.parametrize("ended", ["before", "after"])
@pytest.mark.parametrize("end", ["succeeded", "failed", "cancelled"])
async def test_jobs_tracked_by_an_account_that_was_removed_are_alerted_by_another(
    harness: PollHarness, ended: str, end: str
) -> None:
    await harness.subscribe()
    async with AsyncExitStack() as stack:
        second: Any = await _second(harness, stack)
        job = harness.api.add_job(status="running")
        for poller in (harness.poller, second):
            await poller.poll()
        if ended == "before":
            harness.api.change(job, status=end)
            await harness.time.advance(harness.store, 31)
            await second.poll()  # which tells nothing of it: the other account has it

        assert [await harness.recorder.reassign_tracks(["second"]) for _ in range(2)] == [1, 0]

        harness.api.change(job, status=end)
        for _ in range(2):
            await harness.time.advance(harness.store, 31)
            await second.poll()

    assert await harness.pending() == [(job, "running"), (job, end)]


@pytest.mark.parametrize("read", [["one", "two"], ["two"], ["two", "three"]])
@pytest.mark.parametrize("how", ["new", "subscribed"])
async def test_only_polled_accounts_keep_others_from_tracking(database_url: str, read: Sequence[str], how: str) -> None:
    job = reading("ftjob-1", "running")
    async with open_store(database_url, StoreClock(database_url).now) as store:
        await _subscribe(store, "one")
        await Recorder(store).record(PollResult("one", [job], {}))
        recorder = Recorder(store, accounts=read)
        if how == "new":
            await _subscribe(store, "two")
            await recorder.record(PollResult("two", [job], {}))
        else:
            await recorder.subscribe(Subscription("two", "C1", "U1", 0), PollResult("two", [job], {}))

        followed = {each.track.account for each in await store.channels.tracks.in_channel("C1")}
    assert followed == ({"one"} if "one" in read else {"one", "two"})


@pytest.mark.parametrize("how", ["new", "subscribed"])
@pytest.mark.parametrize(
    ("first", "second", "tells"),
    [(("failed",), (), ()), ((), ("failed",), ()), (("failed",), ("succeeded",), ("failed", "succeeded"))],
)
async def test_a_job_of_two_accounts_is_alerted_for_either_subscription(
    database_url: str, first: tuple[str, ...], second: tuple[str, ...], tells: tuple[str, ...], how: str
) -> None:
    job = reading("ftjob-1", "running")
    async with open_store(database_url, StoreClock(database_url).now) as store:
        recorder = Recorder(store)
        for account, statuses in (("one", first), ("two", second)):
            subscription = Subscription(account, "C1", "U1", 0, Filter(statuses=statuses))
            if how == "subscribed":
                await recorder.subscribe(subscription, PollResult(account, [job], {}))
                continue
            async with store.db.transaction() as tx:
                await store.channels.subscriptions.add(tx, subscription)
            await recorder.record(PollResult(account, [job], {}))
        track = (await store.channels.tracks.in_channel("C1"))[0].track

    assert track.account == "one"
    assert tuple(sorted(track.statuses)) == tells
