from bot.jobs.changes import State
from bot.store import Store
from bot.store.channels.tracks import Track, TrackedJob
from bot.store.db import schema
from tests.store.seeds import ACCOUNT, add_jobs, reading, rows, track


async def _add(store: Store, *tracks: Track) -> int:
    async with store.db.transaction() as tx:
        return len(await store.channels.tracks.add(tx, tracks))


async def test_a_track_is_stored_once_and_keeps_who_asked_first(store: Store) -> None:
    first, second = Track(ACCOUNT, "ftjob-a", "C1", "U1"), Track(ACCOUNT, "ftjob-a", "C1", "U2")

    assert await _add(store, first) == 1
    assert await _add(store, second, Track(ACCOUNT, "ftjob-a", "C2", None)) == 1

    assert await store.channels.tracks.find(ACCOUNT, "ftjob-a", "C1") == first


async def test_a_track_of_a_subscription_tells_what_either_subscription_does(store: Store) -> None:
    await _add(store, Track(ACCOUNT, "ftjob-a", "C1", None, ("failed",)))
    assert await _add(store, Track(ACCOUNT, "ftjob-a", "C1", None, ("cancelled",))) == 0
    assert await store.channels.tracks.find(ACCOUNT, "ftjob-a", "C1") == Track(
        ACCOUNT, "ftjob-a", "C1", None, ("cancelled", "failed")
    )

    await _add(store, Track(ACCOUNT, "ftjob-a", "C1", None))
    await _add(store, Track(ACCOUNT, "ftjob-a", "C1", None, ("failed",)))
    assert await store.channels.tracks.find(ACCOUNT, "ftjob-a", "C1") == Track(ACCOUNT, "ftjob-a", "C1", None)


async def test_a_track_by_hand_takes_over_one_of_a_subscription_and_stays(store: Store) -> None:
    by_hand = Track(ACCOUNT, "ftjob-a", "C1", "U1")
    for each in (Track(ACCOUNT, "ftjob-a", "C1", None, ("failed",)), by_hand):
        await _add(store, each, Track(ACCOUNT, "ftjob-a", "C2", None, ("failed",)))
    await _add(store, Track(ACCOUNT, "ftjob-a", "C1", None, ("failed",)))

    assert await store.channels.tracks.find(ACCOUNT, "ftjob-a", "C1") == by_hand
    assert await store.channels.tracks.find(ACCOUNT, "ftjob-a", "C2") == Track(
        ACCOUNT, "ftjob-a", "C2", None, ("failed",)
    )


async def test_followers_of_a_job_are_those_of_this_job_in_this_account(store: Store) -> None:
    tracks = [Track(ACCOUNT, "ftjob-a", "C1", "U1"), Track(ACCOUNT, "ftjob-a", "C2", None)]
    await _add(store, *tracks, Track(ACCOUNT, "ftjob-b", "C1", "U1"), Track("other", "ftjob-a", "C3", "U1"))

    assert await store.channels.tracks.followers(ACCOUNT, "ftjob-a") == tracks
    async with store.db.transaction() as tx:
        assert await store.channels.tracks.of_job(tx, ACCOUNT, "ftjob-a") == tracks
    assert await store.channels.tracks.followers(ACCOUNT, "ftjob-c") == []
    assert await store.channels.tracks.find(ACCOUNT, "ftjob-a", "C3") is None


async def test_jobs_that_people_follow_and_that_are_not_closed_are_counted_once_each(store: Store) -> None:
    await add_jobs(store, *(reading(f"ftjob-{name}") for name in "abcd"))
    await track(store, ("C1", "ftjob-a"), ("C2", "ftjob-a"), ("C1", "ftjob-b"), ("C1", "ftjob-c"))
    await track(store, ("C3", "ftjob-a"), ("C3", "ftjob-d"), person=None)
    async with store.db.transaction() as tx:
        await store.jobs.states.close(tx, ACCOUNT, ["ftjob-c"])

    assert await store.channels.tracks.count_open_manual(ACCOUNT) == 2
    assert await store.channels.tracks.count_open_manual("other") == 0


async def test_a_job_is_untracked_in_one_channel_only(store: Store) -> None:
    await track(store, ("C1", "ftjob-a"), ("C2", "ftjob-a"), ("C1", "ftjob-b"))

    assert await store.channels.tracks.remove("C1", "ftjob-a") == [(ACCOUNT, "ftjob-a")]
    assert await store.channels.tracks.remove("C1", "ftjob-a") == []

    left = [(row.channel, row.job_id) for row in await rows(store, schema.track)]
    assert left == [("C2", "ftjob-a"), ("C1", "ftjob-b")]


async def test_all_jobs_of_a_channel_are_untracked_at_once(store: Store) -> None:
    await track(store, ("C1", "ftjob-a"), ("C2", "ftjob-a"), ("C1", "ftjob-b"))

    assert sorted(await store.channels.tracks.remove("C1")) == [(ACCOUNT, "ftjob-a"), (ACCOUNT, "ftjob-b")]
    assert await store.channels.tracks.remove("C1") == []

    assert [row.channel for row in await rows(store, schema.track)] == ["C2"]


async def test_a_channel_sees_what_it_follows_newest_first_with_its_state(store: Store) -> None:
    await add_jobs(store, reading("ftjob-a", "queued", created_at=10), reading("ftjob-c", "failed", created_at=30))
    await add_jobs(store, reading("ftjob-b", "succeeded", "ft:m", created_at=20))
    await track(store, ("C1", "ftjob-a"), ("C1", "ftjob-b"), ("C1", "ftjob-c"), ("C2", "ftjob-a"))
    await store.channels.tracks.remove("C1", "ftjob-c")

    assert await store.channels.tracks.in_channel("C1") == [
        TrackedJob(Track(ACCOUNT, "ftjob-b", "C1", "U1"), State("succeeded", "ft:m"), None),
        TrackedJob(Track(ACCOUNT, "ftjob-a", "C1", "U1"), State("queued"), None),
    ]
