"""Who may take which row, and when the next one can be taken."""

import asyncio

from bot.store import Store
from tests.store.clocks import StoreClock
from tests.store.seeds import claim, complete, deliveries, enqueue, several_stores


async def test_nothing_pending_is_nothing_claimed(store: Store) -> None:
    assert await store.outbox.deliveries.claim(30) is None
    assert await store.outbox.deliveries.seconds_to_next() is None


async def test_a_claim_leases_the_row_and_counts_the_attempt(store: Store, time: StoreClock) -> None:
    (change,) = await enqueue(store, "C1")

    delivery = await claim(store, lease=30)

    (row,) = await deliveries(store)
    assert (delivery.change_id, delivery.channel, delivery.attempts) == (change, "C1", 1)
    assert not delivery.unconfirmed
    assert delivery.last_error is None
    assert (row.state, row.token, row.attempts) == ("inflight", delivery.token, 1)
    assert row.lease_until - delivery.claimed_at == time.approx(30)
    assert row.first_attempt_at is row.last_attempt_at is None


async def test_only_the_oldest_row_of_each_channel_is_claimed(store: Store) -> None:
    first, _, other, _ = await enqueue(store, "C1", "C1", "C2", "C2")

    assert [(await claim(store)).change_id for _ in range(2)] == [first, other]

    assert await store.outbox.deliveries.claim(30) is None


async def test_the_oldest_row_of_all_goes_first(store: Store) -> None:
    changes = await enqueue(store, "C3", "C1", "C2")

    assert [(await claim(store)).change_id for _ in range(3)] == changes


async def test_a_channels_rows_go_out_in_the_order_in_which_they_came(store: Store) -> None:
    changes = await enqueue(store, *["C1"] * 5)

    told = []
    while delivery := await store.outbox.deliveries.claim(30):
        told.append(delivery.change_id)
        await complete(store, delivery, "sent", ts="1.0")

    assert told == changes


async def test_a_channel_that_rests_gets_nothing_until_it_is_free(store: Store, time: StoreClock) -> None:
    first, second = await enqueue(store, "C1", "C2")
    async with store.db.transaction() as tx:
        await store.outbox.deliveries.pause_channel(tx, "C1", 10)

    assert (await claim(store)).change_id == second
    assert await store.outbox.deliveries.claim(30) is None
    await time.advance(store, 9)
    assert await store.outbox.deliveries.claim(30) is None
    await time.advance(store, 2)
    assert (await claim(store)).change_id == first


async def test_a_completed_row_pauses_its_channel_and_no_other(store: Store) -> None:
    _, _, other = await enqueue(store, "C1", "C1", "C2")

    await complete(store, await claim(store), "sent", ts="1.0", channel_wait=10)

    assert (await claim(store)).change_id == other
    assert await store.outbox.deliveries.claim(30) is None


async def test_a_lease_that_ended_makes_the_row_claimable_again(store: Store, time: StoreClock) -> None:
    first, _ = await enqueue(store, "C1", "C1")
    dead = await claim(store, lease=30)

    await time.advance(store, 28)
    assert await store.outbox.deliveries.claim(30) is None
    await time.advance(store, 3)
    again = await claim(store)

    assert again.change_id == first
    assert not again.unconfirmed, "nothing was noted, so nothing was sent"
    assert again.attempts == 2
    assert again.token != dead.token


async def test_an_attempt_without_an_answer_is_left_alone_until_it_can_be_told_whether_it_arrived(
    store: Store, time: StoreClock
) -> None:
    await enqueue(store, "C1")
    dead = await claim(store, lease=10)
    assert await store.outbox.deliveries.begin_attempt(dead, thread_ts=None, min_lease=5, lookup_after=25)

    await time.advance(store, 24)
    assert await store.outbox.deliveries.claim(30) is None
    await time.advance(store, 2)

    assert (await claim(store)).unconfirmed


async def test_each_row_is_claimed_once_by_twenty_claimers(store: Store, database_url: str, time: StoreClock) -> None:
    changes = await enqueue(store, *[f"C{n}" for n in range(60)])
    taken: list[int | None] = []

    async def claim_all(mine: Store) -> None:
        while delivery := await mine.outbox.deliveries.claim(30):
            taken.append(delivery.change_id)

    async with several_stores(store, database_url, time) as stores:
        await asyncio.gather(*(claim_all(stores[n % len(stores)]) for n in range(20)))

    assert sorted(filter(None, taken)) == changes


async def test_one_row_of_a_channel_at_a_time_under_twenty_claimers(
    store: Store, database_url: str, time: StoreClock
) -> None:
    changes = await enqueue(store, *["C1"] * 20)
    said: list[tuple[str, int | None]] = []

    async def send(mine: Store) -> None:
        while len(said) < 2 * len(changes):
            if delivery := await mine.outbox.deliveries.claim(30):
                said.append(("taken", delivery.change_id))
                await asyncio.sleep(0)
                said.append(("done", delivery.change_id))
                assert await complete(mine, delivery, "sent", ts="1.0")

    async with several_stores(store, database_url, time) as stores:
        await asyncio.gather(*(send(stores[n % len(stores)]) for n in range(20)))

    assert said == [(word, change) for change in changes for word in ("taken", "done")]


async def test_what_can_be_claimed_now_is_due_in_no_time(store: Store) -> None:
    await enqueue(store, "C1")

    assert await store.outbox.deliveries.seconds_to_next() == 0


async def test_a_row_that_waits_is_due_when_its_wait_ends(store: Store, time: StoreClock) -> None:
    await enqueue(store, "C1", "C1")
    await complete(store, await claim(store), "pending", wait=20)

    assert await store.outbox.deliveries.seconds_to_next() == time.approx(20)
    await time.advance(store, 15)
    assert await store.outbox.deliveries.seconds_to_next() == time.approx(5)
    await time.advance(store, 6)
    assert await store.outbox.deliveries.seconds_to_next() == 0


async def test_a_leased_row_is_due_when_its_lease_ends(store: Store, time: StoreClock) -> None:
    await enqueue(store, "C1", "C1")
    await claim(store, lease=30)

    assert await store.outbox.deliveries.seconds_to_next() == time.approx(30)


async def test_a_row_whose_channel_rests_is_due_when_the_rest_ends(store: Store, time: StoreClock) -> None:
    await enqueue(store, "C1", "C1")
    await complete(store, await claim(store), "sent", ts="1.0", channel_wait=7)

    assert await store.outbox.deliveries.seconds_to_next() == time.approx(7)


async def test_a_row_that_waits_in_a_channel_that_rests_longer_is_due_after_both(
    store: Store, time: StoreClock
) -> None:
    await enqueue(store, "C1")
    await complete(store, await claim(store), "pending", wait=7, channel_wait=40)

    assert await store.outbox.deliveries.seconds_to_next() == time.approx(40)


async def test_the_nearest_of_several_channels_counts(store: Store, time: StoreClock) -> None:
    await enqueue(store, "C1", "C2", "C3")
    for wait in (30, 12, 50):
        await complete(store, await claim(store), "pending", wait=wait)

    assert await store.outbox.deliveries.seconds_to_next() == time.approx(12)


async def test_what_is_over_is_never_due(store: Store) -> None:
    await enqueue(store, "C1", "C2", "C3")
    for outcome in ("sent", "parked", "dead"):
        await complete(store, await claim(store), outcome)

    assert await store.outbox.deliveries.seconds_to_next() is None
    assert await store.outbox.deliveries.claim(30) is None


async def test_a_row_is_claimable_exactly_when_it_is_said_to_be_due(store: Store, time: StoreClock) -> None:
    await enqueue(store, "C1", "C1")
    await complete(store, await claim(store), "unconfirmed", wait=15, channel_wait=1)

    due = await store.outbox.deliveries.seconds_to_next()
    assert due is not None
    assert await store.outbox.deliveries.claim(30) is None
    await time.advance(store, due)
    assert await store.outbox.deliveries.seconds_to_next() == 0
    assert await store.outbox.deliveries.claim(30)
