import asyncio

from sqlalchemy import update

from bot.jobs.changes import State
from bot.store import Store, schema
from bot.store.jobs import RecordedChange
from bot.store.outbox import Picture, Planned
from bot.store.tracks import Card, Subscription, Track
from tests.store.seeds import ACCOUNT, STARTED, crowd, deliveries, follow, know, owe, reading, rows
from tests.store.times import Time


async def _add(store: Store, *tracks: Track) -> int:
    async with store.db.transaction() as tx:
        return await store.tracks.add(tx, tracks)


async def _card_of(store: Store, job_id: str, channel: str) -> tuple[Card, bool]:
    async with store.db.transaction() as tx:
        return await store.tracks.card_of(tx, ACCOUNT, job_id, channel)


async def test_a_track_is_stored_once_and_keeps_who_asked_first(store: Store) -> None:
    first, second = Track(ACCOUNT, "ftjob-a", "C1", "U1"), Track(ACCOUNT, "ftjob-a", "C1", "U2")

    assert await _add(store, first) == 1
    assert await _add(store, second, Track(ACCOUNT, "ftjob-a", "C2", None)) == 1

    assert await store.tracks.find(ACCOUNT, "ftjob-a", "C1") == first


async def test_followers_of_a_job_are_those_of_this_job_in_this_account(store: Store) -> None:
    tracks = [Track(ACCOUNT, "ftjob-a", "C1", "U1"), Track(ACCOUNT, "ftjob-a", "C2", None)]
    await _add(store, *tracks, Track(ACCOUNT, "ftjob-b", "C1", "U1"), Track("other", "ftjob-a", "C3", "U1"))

    assert await store.tracks.followers(ACCOUNT, "ftjob-a") == tracks
    async with store.db.transaction() as tx:
        assert await store.tracks.of_job(tx, ACCOUNT, "ftjob-a") == tracks
    assert await store.tracks.followers(ACCOUNT, "ftjob-c") == []
    assert await store.tracks.find(ACCOUNT, "ftjob-a", "C3") is None


async def test_jobs_that_people_follow_and_that_are_not_settled_are_counted_once_each(store: Store) -> None:
    await know(store, *(reading(f"ftjob-{name}") for name in "abcd"))
    await follow(store, ("C1", "ftjob-a"), ("C2", "ftjob-a"), ("C1", "ftjob-b"), ("C1", "ftjob-c"))
    await follow(store, ("C3", "ftjob-a"), ("C3", "ftjob-d"), person=None)
    async with store.db.transaction() as tx:
        await store.jobs.settle(tx, ACCOUNT, ["ftjob-c"])

    assert await store.tracks.count_open_by_hand(ACCOUNT) == 2
    assert await store.tracks.count_open_by_hand("other") == 0


async def test_a_job_is_untracked_in_one_channel_only(store: Store) -> None:
    await follow(store, ("C1", "ftjob-a"), ("C2", "ftjob-a"), ("C1", "ftjob-b"))

    assert await store.tracks.remove(ACCOUNT, "ftjob-a", "C1")
    assert not await store.tracks.remove(ACCOUNT, "ftjob-a", "C1")

    left = [(row.channel, row.job_id) for row in await rows(store, schema.track)]
    assert left == [("C2", "ftjob-a"), ("C1", "ftjob-b")]


async def test_all_jobs_of_a_channel_are_untracked_at_once(store: Store) -> None:
    await follow(store, ("C1", "ftjob-a"), ("C2", "ftjob-a"), ("C1", "ftjob-b"))

    assert await store.tracks.remove_all("C1") == 2
    assert await store.tracks.remove_all("C1") == 0

    assert [row.channel for row in await rows(store, schema.track)] == ["C2"]


async def test_a_channel_sees_what_it_follows_newest_first_with_its_state(store: Store) -> None:
    await know(store, reading("ftjob-a", "queued", created_at=10), reading("ftjob-c", "failed", created_at=30))
    await know(store, reading("ftjob-b", "succeeded", "ft:m", created_at=20))
    await follow(store, ("C1", "ftjob-a"), ("C1", "ftjob-b"), ("C1", "ftjob-c"), ("C2", "ftjob-a"))
    await store.tracks.remove(ACCOUNT, "ftjob-c", "C1")

    assert await store.tracks.in_channel("C1") == [
        (Track(ACCOUNT, "ftjob-b", "C1", "U1"), State("succeeded", "ft:m")),
        (Track(ACCOUNT, "ftjob-a", "C1", "U1"), State("queued")),
    ]


async def test_a_channel_subscribes_once(store: Store) -> None:
    first = Subscription(ACCOUNT, "C1", "U1", 500.0)
    async with store.db.transaction() as tx:
        assert await store.tracks.subscribe(tx, first)
        assert not await store.tracks.subscribe(tx, Subscription(ACCOUNT, "C1", "U2", 900.0))
        assert await store.tracks.subscribe(tx, Subscription("other", "C1", "U1", 500.0))
        assert await store.tracks.subscriptions_in(tx, ACCOUNT) == [first]

    assert await store.tracks.subscriptions(ACCOUNT) == [first]


async def test_a_subscription_ends_in_one_channel_and_account_only(store: Store) -> None:
    async with store.db.transaction() as tx:
        for account, channel in ((ACCOUNT, "C1"), (ACCOUNT, "C2"), ("other", "C1")):
            await store.tracks.subscribe(tx, Subscription(account, channel, "U1", 1.0))

    assert await store.tracks.unsubscribe(ACCOUNT, "C1")
    assert not await store.tracks.unsubscribe(ACCOUNT, "C1")

    assert [each.channel for each in await store.tracks.subscriptions(ACCOUNT)] == ["C2"]
    assert [each.channel for each in await store.tracks.subscriptions("other")] == ["C1"]


async def test_a_job_has_one_card_in_each_channel(store: Store) -> None:
    card, _ = await _card_of(store, "ftjob-a", "C1")
    assert card.ts is None

    assert (await _card_of(store, "ftjob-a", "C1"))[0] == card
    assert (await _card_of(store, "ftjob-a", "C2"))[0].id != card.id


async def test_a_card_has_yet_to_be_posted_until_it_is_owed_and_again_when_it_is_gone(store: Store) -> None:
    assert (await _card_of(store, "ftjob-a", "C1"))[1]
    assert (await _card_of(store, "ftjob-a", "C1"))[1], "nobody owes it yet"

    await owe(store, "C1", picture=Picture.CARD, job="ftjob-a")
    card, is_lacking = await _card_of(store, "ftjob-a", "C1")
    assert not is_lacking, "it waits in the outbox"

    async with store.db.transaction() as tx:
        await tx.execute(update(schema.delivery).values(state="sent"))
        await store.tracks.place_card(tx, card.id, "1.000100")
    assert not (await _card_of(store, "ftjob-a", "C1"))[1], "it stands in the channel"

    async with store.db.transaction() as tx:
        await store.tracks.place_card(tx, card.id, None)
    assert (await _card_of(store, "ftjob-a", "C1"))[1], "it is gone from the channel"


async def test_a_card_is_owed_by_one_of_ten_who_want_it_at_once(store: Store, database_url: str, time: Time) -> None:
    async def want(mine: Store, change: RecordedChange) -> tuple[int, bool]:
        async with mine.db.transaction() as tx:
            card, is_lacking = await mine.tracks.card_of(tx, ACCOUNT, "ftjob-a", "C1")
            if is_lacking:
                await mine.outbox.add(tx, change, Planned("C1", Picture.CARD, card.id))
        return card.id, is_lacking

    async with store.db.transaction() as tx:
        changes = [
            await store.jobs.write_change(tx, ACCOUNT, version, STARTED, reading("ftjob-a").body)
            for version in range(10)
        ]
    async with crowd(store, database_url, time) as stores:
        wanted = await asyncio.gather(*(want(stores[n % len(stores)], change) for n, change in enumerate(changes)))

    assert len({card for card, _ in wanted}) == 1
    assert [is_lacking for _, is_lacking in wanted].count(True) == 1
    assert len(await deliveries(store, "C1")) == 1


async def test_a_card_stands_where_it_was_placed_until_it_is_gone(store: Store) -> None:
    card, _ = await _card_of(store, "ftjob-a", "C1")
    for ts in ("1.000100", None):
        async with store.db.transaction() as tx:
            await store.tracks.place_card(tx, card.id, ts)
        assert await store.tracks.card(card.id) == Card(card.id, "C1", ts)

    assert await store.tracks.card(card.id + 1) is None
