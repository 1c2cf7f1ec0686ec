import asyncio

import pytest

from bot.store import Store, schema
from bot.store.outbox import Kind, Outcome, Picture, Planned
from tests.store.seeds import ACCOUNT, STARTED, claimed, contents, deliveries, owe, reading, rows
from tests.store.times import Time


async def test_what_is_owed_twice_is_owed_once(store: Store) -> None:
    async with store.db.transaction() as tx:
        recorded = await store.jobs.write_change(tx, ACCOUNT, 2, STARTED, reading("ftjob-a").body)
        card, _ = await store.tracks.card_of(tx, ACCOUNT, "ftjob-a", "C1")
        await store.outbox.add(tx, recorded, Planned("C1", Picture.CHANGE, card.id))
        await store.outbox.add(tx, recorded, Planned("C1", Picture.CHANGE, card.id))

    async with store.db.transaction() as tx:
        await store.outbox.add(tx, recorded, Planned("C1", Picture.CHANGE, card.id))

    assert len(await deliveries(store)) == 1


async def test_two_transactions_that_owe_the_same_at_once_owe_it_once(store: Store) -> None:
    async with store.db.transaction() as tx:
        recorded = await store.jobs.write_change(tx, ACCOUNT, 2, STARTED, reading("ftjob-a").body)
        card, _ = await store.tracks.card_of(tx, ACCOUNT, "ftjob-a", "C1")

    async def owe_it() -> None:
        async with store.db.transaction() as tx:
            await store.outbox.add(tx, recorded, Planned("C1", Picture.CHANGE, card.id))

    await asyncio.gather(*(owe_it() for _ in range(10)))

    assert len(await deliveries(store)) == 1


async def test_alerts_that_differ_in_channel_picture_kind_or_version_are_owed_each(store: Store) -> None:
    async with store.db.transaction() as tx:
        card, _ = await store.tracks.card_of(tx, ACCOUNT, "ftjob-a", "C1")
        for version in (2, 3):
            recorded = await store.jobs.write_change(tx, ACCOUNT, version, STARTED, reading("ftjob-a").body)
            for channel in ("C1", "C2"):
                for picture in (Picture.CARD, Picture.CHANGE):
                    for kind in Kind:
                        await store.outbox.add(tx, recorded, Planned(channel, picture, card.id, kind))

    keys = {row.key for row in await deliveries(store)}
    assert len(keys) == 16
    assert all(len(key) == 32 for key in keys)


async def test_a_row_owed_in_a_transaction_that_fails_is_not_owed(store: Store) -> None:
    async def owe_and_fail() -> None:
        async with store.db.transaction() as tx:
            recorded = await store.jobs.write_change(tx, ACCOUNT, 2, STARTED, reading("ftjob-a").body)
            card, _ = await store.tracks.card_of(tx, ACCOUNT, "ftjob-a", "C1")
            await store.outbox.add(tx, recorded, Planned("C1", Picture.CHANGE, card.id))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await owe_and_fail()

    stored = await contents(store)
    assert stored["change"] == stored["card"] == stored["delivery"] == []


async def test_a_sent_row_is_done_and_the_next_of_its_channel_follows(store: Store) -> None:
    first, second = await owe(store, "C1", "C1")

    delivery = await claimed(store)
    assert delivery.change_id == first
    assert await store.outbox.settle(delivery, "sent", ts="1.000100")

    assert (await claimed(store)).change_id == second
    done = (await deliveries(store))[0]
    assert (done.state, done.ts, done.token, done.lease_until) == ("sent", "1.000100", None, 0.0)


async def test_the_place_of_a_posted_card_is_recorded_with_it(store: Store) -> None:
    await owe(store, "C1", picture=Picture.CARD)
    delivery = await claimed(store)

    await store.outbox.settle(delivery, "sent", ts="1.000100")

    card = await store.tracks.card(delivery.replies_to)
    assert card is not None
    assert card.ts == "1.000100"


async def test_the_place_of_a_reply_is_not_taken_for_its_cards(store: Store) -> None:
    await owe(store, "C1")
    delivery = await claimed(store)

    await store.outbox.settle(delivery, "sent", ts="1.000100")

    card = await store.tracks.card(delivery.replies_to)
    assert card is not None
    assert card.ts is None


@pytest.mark.parametrize("outcome", ["sent", "parked", "dead"])
async def test_a_row_that_is_over_lets_the_next_of_its_channel_go(store: Store, outcome: Outcome) -> None:
    _, second = await owe(store, "C1", "C1")

    await store.outbox.settle(await claimed(store), outcome, error="why")

    assert (await claimed(store)).change_id == second
    assert [row.state for row in await deliveries(store)] == [outcome, "inflight"]


@pytest.mark.parametrize("outcome", ["pending", "ambiguous"])
async def test_a_row_to_be_tried_again_keeps_its_place_before_the_next(
    store: Store, time: Time, outcome: Outcome
) -> None:
    first, _ = await owe(store, "C1", "C1")

    await store.outbox.settle(await claimed(store), outcome, error="why", wait=20)

    assert await store.outbox.claim(30) is None
    await time.passes(store, 21)
    again = await claimed(store)
    assert again.change_id == first
    assert again.last_error == "why"
    assert again.attempts == 2


async def test_only_an_ambiguous_row_is_in_doubt_afterwards(store: Store) -> None:
    await owe(store, "C1", "C2")
    await store.outbox.settle(await claimed(store), "pending")
    assert not (await claimed(store)).in_doubt

    await store.outbox.settle(await claimed(store), "ambiguous")
    assert (await claimed(store)).in_doubt


async def test_doubt_stays_through_a_refusal(store: Store) -> None:
    await owe(store, "C1")

    await store.outbox.settle(await claimed(store), "ambiguous")
    await store.outbox.settle(await claimed(store), "pending")

    assert (await claimed(store)).in_doubt


async def test_who_lost_the_token_settles_nothing(store: Store, time: Time) -> None:
    await owe(store, "C1", picture=Picture.CARD)
    late = await claimed(store, lease=30)
    await time.passes(store, 31)
    present = await claimed(store)
    before = await contents(store)

    assert not await store.outbox.settle(late, "sent", ts="1.000100", channel_wait=60)

    assert await contents(store) == before
    assert await store.outbox.settle(present, "sent", ts="1.000200")


async def test_a_row_is_settled_once(store: Store) -> None:
    await owe(store, "C1")
    delivery = await claimed(store)

    outcomes = await asyncio.gather(*(store.outbox.settle(delivery, "sent", ts=f"1.{n}") for n in range(10)))

    assert sorted(outcomes) == [False] * 9 + [True]


async def test_leases_of_the_dead_are_given_back_at_once(store: Store) -> None:
    first, second, _ = await owe(store, "C1", "C2", "C3")
    for _ in range(2):
        await claimed(store)
    await store.outbox.settle(await claimed(store), "pending", wait=60)
    assert await store.outbox.claim(30) is None

    assert await store.outbox.end_leases() == 2

    again = [await claimed(store), await claimed(store)]
    assert [row.change_id for row in again] == [first, second]
    assert all(row.in_doubt for row in again)
    assert await store.outbox.claim(30) is None


async def test_ending_leases_where_none_is_held_changes_nothing(store: Store) -> None:
    await owe(store, "C1")
    before = await contents(store)

    assert await store.outbox.end_leases() == 0

    assert await contents(store) == before


async def test_a_channels_rest_is_never_shortened(store: Store, time: Time) -> None:
    async with store.db.transaction() as tx:
        await store.outbox.rest(tx, "C1", 60)
        await store.outbox.rest(tx, "C1", 1)

    (channel,) = await rows(store, schema.channel)
    assert channel.free_at - time.clock() == time.exactly(60)


async def test_a_channels_rest_can_be_prolonged(store: Store, time: Time) -> None:
    async with store.db.transaction() as tx:
        await store.outbox.rest(tx, "C1", 1)
        await store.outbox.rest(tx, "C1", 60)

    (channel,) = await rows(store, schema.channel)
    assert channel.free_at - time.clock() == time.exactly(60)
