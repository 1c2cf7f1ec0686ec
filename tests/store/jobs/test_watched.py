"""Jobs that a poll has to read."""

from bot.store import Store
from bot.store.channels.subscriptions import Subscription
from tests.store.seeds import ACCOUNT, add_jobs, reading, track


async def _subscribe(store: Store, channel: str, newer_than: float, account: str = ACCOUNT) -> None:
    async with store.db.transaction() as tx:
        await store.channels.subscriptions.add(tx, Subscription(account, channel, "U1", newer_than))


async def _settle(store: Store, *job_ids: str) -> None:
    async with store.db.transaction() as tx:
        await store.jobs.states.close(tx, ACCOUNT, job_ids)


async def test_where_nobody_follows_anything_there_is_nothing_to_poll(store: Store) -> None:
    await add_jobs(store, reading("ftjob-a"))
    await add_jobs(store, reading("ftjob-b"), account="other")
    await _subscribe(store, "C1", 0, account="other")

    assert await store.jobs.states.poll_targets(ACCOUNT) is None


async def test_a_tracked_job_is_polled_until_it_is_closed(store: Store) -> None:
    await add_jobs(store, reading("ftjob-a"), reading("ftjob-b"))
    await track(store, ("C1", "ftjob-a"), ("C2", "ftjob-a"))

    watched = await store.jobs.states.poll_targets(ACCOUNT)
    assert watched is not None
    assert list(watched.due) == ["ftjob-a"]
    assert set(watched.known) == {"ftjob-a", "ftjob-b"}
    assert watched.newer_than is None

    await _settle(store, "ftjob-a")
    assert await store.jobs.states.poll_targets(ACCOUNT) is None


async def test_a_subscription_is_always_polled(store: Store) -> None:
    await _subscribe(store, "C1", 500)
    await _subscribe(store, "C2", 300)
    await _subscribe(store, "C3", 100, account="other")

    watched = await store.jobs.states.poll_targets(ACCOUNT)
    assert watched is not None
    assert watched.due == {}
    assert watched.newer_than == 300


async def test_the_places_of_jobs_are_those_of_a_list_newest_first(store: Store) -> None:
    await add_jobs(store, *(reading(f"ftjob-{n}", created_at=1000 + n) for n in range(250)))
    await track(store, *(("C1", f"ftjob-{n}") for n in (0, 100, 249)))

    watched = await store.jobs.states.poll_targets(ACCOUNT)
    assert watched is not None
    assert watched.due == {"ftjob-249": 0, "ftjob-100": 149, "ftjob-0": 249}


async def test_a_job_without_a_creation_time_counts_as_new_on_every_database(store: Store) -> None:
    await add_jobs(store, reading("ftjob-a", created_at=None), reading("ftjob-b"), reading("ftjob-c", created_at=2000))
    await track(store, ("C1", "ftjob-a"), ("C1", "ftjob-b"))

    watched = await store.jobs.states.poll_targets(ACCOUNT)
    assert watched is not None
    assert watched.due == {"ftjob-a": 0, "ftjob-b": 2}
    assert list(await store.jobs.states.newest(ACCOUNT, 2)) == ["ftjob-a", "ftjob-c"]


async def test_a_tracked_job_is_known_however_old_it_is(store: Store) -> None:
    await add_jobs(store, *(reading(f"ftjob-{n}", created_at=1000 + n) for n in range(1, 1001)))
    await add_jobs(store, reading("ftjob-old", created_at=1), reading("ftjob-idle", created_at=2))
    await track(store, ("C1", "ftjob-old"))

    watched = await store.jobs.states.poll_targets(ACCOUNT)
    assert watched is not None
    assert "ftjob-old" in watched.known
    assert "ftjob-1000" in watched.known
    assert "ftjob-idle" not in watched.known


async def test_the_newest_jobs_are_those_created_last(store: Store) -> None:
    await add_jobs(store, *(reading(f"ftjob-{n}", created_at=n) for n in (30, 10, 20)))

    assert list(await store.jobs.states.newest(ACCOUNT, 2)) == ["ftjob-30", "ftjob-20"]
