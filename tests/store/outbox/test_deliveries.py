import asyncio

import pytest

from bot.store import Store
from bot.store.db import schema
from bot.store.outbox.delivery import Outcome, Picture, Planned
from tests.store.seeds import ACCOUNT, STARTED, attempted, claimed, contents, deliveries, owe, reading, rows, settle
from tests.store.times import Time


async def test_what_is_owed_twice_is_owed_once(store: Store) -> None:
    async with store.db.transaction() as tx:
        recorded = await store.changes.write(tx, ACCOUNT, 2, STARTED, reading("ftjob-a").body)
        card, _ = await store.cards.of(tx, ACCOUNT, "ftjob-a", "C1")
        await store.outbox.add(tx, recorded, Planned("C1", Picture.CHANGE, card.id))
        await store.outbox.add(tx, recorded, Planned("C1", Picture.CHANGE, card.id))

    async with store.db.transaction() as tx:
        await store.outbox.add(tx, recorded, Planned("C1", Picture.CHANGE, card.id))

    assert len(await deliveries(store)) == 1


async def test_two_transactions_that_owe_the_same_at_once_owe_it_once(store: Store) -> None:
    async with store.db.transaction() as tx:
        recorded = await store.changes.write(tx, ACCOUNT, 2, STARTED, reading("ftjob-a").body)
        card, _ = await store.cards.of(tx, ACCOUNT, "ftjob-a", "C1")

    async def owe_it() -> None:
        async with store.db.transaction() as tx:
            await store.outbox.add(tx, recorded, Planned("C1", Picture.CHANGE, card.id))

    await asyncio.gather(*(owe_it() for _ in range(10)))

    assert len(await deliveries(store)) == 1


async def test_alerts_that_differ_in_channel_picture_or_version_are_owed_each(store: Store) -> None:
    async with store.db.transaction() as tx:
        card, _ = await store.cards.of(tx, ACCOUNT, "ftjob-a", "C1")
        for version in (2, 3):
            recorded = await store.changes.write(tx, ACCOUNT, version, STARTED, reading("ftjob-a").body)
            for channel in ("C1", "C2"):
                for picture in (Picture.CARD, Picture.CHANGE):
                    await store.outbox.add(tx, recorded, Planned(channel, picture, card.id))

    keys = {row.key for row in await deliveries(store)}
    assert len(keys) == 8
    assert all(len(key) == 32 for key in keys)


async def test_a_row_owed_in_a_transaction_that_fails_is_not_owed(store: Store) -> None:
    async def owe_and_fail() -> None:
        async with store.db.transaction() as tx:
            recorded = await store.changes.write(tx, ACCOUNT, 2, STARTED, reading("ftjob-a").body)
            card, _ = await store.cards.of(tx, ACCOUNT, "ftjob-a", "C1")
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
    assert await settle(store, delivery, "sent", ts="1.000100")

    assert (await claimed(store)).change_id == second
    done = (await deliveries(store))[0]
    assert (done.state, done.ts, done.token, done.lease_until) == ("sent", "1.000100", None, 0.0)


@pytest.mark.parametrize("outcome", ["sent", "parked", "dead"])
async def test_a_row_that_is_over_lets_the_next_of_its_channel_go(store: Store, outcome: Outcome) -> None:
    _, second = await owe(store, "C1", "C1")

    await settle(store, await claimed(store), outcome, error="why")

    assert (await claimed(store)).change_id == second
    assert [row.state for row in await deliveries(store)] == [outcome, "inflight"]


@pytest.mark.parametrize("outcome", ["pending", "ambiguous"])
async def test_a_row_to_be_tried_again_keeps_its_place_before_the_next(
    store: Store, time: Time, outcome: Outcome
) -> None:
    first, _ = await owe(store, "C1", "C1")

    await settle(store, await claimed(store), outcome, error="why", wait=20)

    assert await store.outbox.claim(30) is None
    await time.passes(store, 21)
    again = await claimed(store)
    assert again.change_id == first
    assert again.last_error == "why"
    assert again.attempts == 2


async def test_a_row_is_in_doubt_from_just_before_the_wire_until_a_certain_answer(store: Store) -> None:
    await owe(store, "C1")

    delivery = await attempted(store)

    assert not delivery.in_doubt
    (row,) = await deliveries(store)
    assert row.in_doubt
    await settle(store, delivery, "pending")
    assert not (await claimed(store)).in_doubt


async def test_an_ambiguous_row_is_in_doubt_afterwards(store: Store) -> None:
    await owe(store, "C1")

    await settle(store, await attempted(store), "ambiguous")

    assert (await claimed(store)).in_doubt


async def test_an_attempt_is_noted_with_where_and_when_to_look_for_it(store: Store, time: Time) -> None:
    await owe(store, "C1")
    delivery = await claimed(store)

    assert await store.outbox.attempt(delivery, thread_ts="7.000100", needs=12, doubt=25)

    (row,) = await deliveries(store)
    assert row.thread_ts == "7.000100"
    assert row.not_before - row.last_at == time.exactly(25)
    assert row.first_at == pytest.approx(row.last_at, abs=0.1)


async def test_nothing_is_sent_under_a_lease_that_may_end_before_the_answer(store: Store, time: Time) -> None:
    await owe(store, "C1")
    delivery = await claimed(store, lease=30)
    await time.passes(store, 20)
    before = await contents(store)

    assert not await store.outbox.attempt(delivery, thread_ts=None, needs=12, doubt=25)
    assert await contents(store) == before

    assert await store.outbox.attempt(delivery, thread_ts=None, needs=9, doubt=25)


async def test_nothing_is_sent_under_a_lease_that_somebody_else_has(store: Store, time: Time) -> None:
    await owe(store, "C1")
    frozen = await claimed(store, lease=30)
    await time.passes(store, 31)
    await claimed(store, lease=30)

    assert not await store.outbox.attempt(frozen, thread_ts=None, needs=0, doubt=25)


async def test_a_second_attempt_knows_what_the_first_one_left(store: Store, time: Time) -> None:
    await owe(store, "C1", picture=Picture.CARD)
    first = await claimed(store)
    await store.outbox.attempt(first, thread_ts="7.000100", needs=0, doubt=0)
    await settle(store, first, "ambiguous", error="timeout")
    await time.passes(store, 5)

    second = await claimed(store)
    (row,) = await deliveries(store)
    assert (first.first_at, first.last_at, first.thread_ts) == (None, None, None)
    assert (second.picture, second.key) == (Picture.CARD, row.key)
    assert (second.thread_ts, second.last_error, second.attempts) == ("7.000100", "timeout", 2)
    assert (second.first_at, second.last_at) == pytest.approx((row.first_at, row.first_at), abs=1e-3)
    assert second.created_at == pytest.approx(row.created_at)

    await time.passes(store, 1)
    await store.outbox.attempt(second, thread_ts=None, needs=0, doubt=0)
    (row,) = await deliveries(store)
    assert row.first_at == pytest.approx(second.first_at)
    assert row.last_at > row.first_at


async def test_looks_in_vain_are_counted_until_the_next_attempt(store: Store) -> None:
    await owe(store, "C1")
    await settle(store, await attempted(store), "ambiguous")

    await store.outbox.give_back(await claimed(store), looked=True)
    await store.outbox.give_back(await claimed(store))
    await store.outbox.give_back(await claimed(store), looked=True)

    again = await claimed(store)
    assert again.looks == 2
    await store.outbox.attempt(again, thread_ts=None, needs=0, doubt=0)
    assert [row.looks for row in await deliveries(store)] == [0]


async def test_who_lost_the_token_gives_nothing_back(store: Store, time: Time) -> None:
    await owe(store, "C1")
    late = await claimed(store, lease=30)
    await time.passes(store, 31)
    await claimed(store)
    before = await contents(store)

    await store.outbox.give_back(late)

    assert await contents(store) == before


async def test_a_row_that_is_given_back_was_not_tried(store: Store, time: Time) -> None:
    (change,) = await owe(store, "C1")

    delivery = await claimed(store)

    await store.outbox.give_back(delivery, wait=10)

    (row,) = await deliveries(store)
    assert (row.state, row.in_doubt, row.token, row.lease_until) == ("pending", False, None, 0.0)
    assert not await settle(store, delivery, "sent", ts="1.000100")
    assert await store.outbox.claim(30) is None
    await time.passes(store, 11)
    again = await claimed(store)
    assert (again.change_id, again.attempts, again.in_doubt) == (change, 1, False)


async def test_a_row_in_doubt_stays_so_when_it_is_given_back(store: Store) -> None:
    await owe(store, "C1")
    await settle(store, await attempted(store), "ambiguous")

    await store.outbox.give_back(await claimed(store))

    (row,) = await deliveries(store)
    assert (row.state, row.in_doubt) == ("ambiguous", True)


async def test_a_closed_channel_parks_all_that_it_is_owed_and_no_other(store: Store) -> None:
    await owe(store, "C1", "C1", "C1", "C2")
    await settle(store, await claimed(store), "parked", error="not_in_channel")

    async with store.db.transaction() as tx:
        assert await store.outbox.park_channel(tx, "C1", "not_in_channel") == 3

    assert [row.state for row in await deliveries(store, "C1")] == ["parked"] * 3
    assert [row.state for row in await deliveries(store, "C2")] == ["pending"]


async def test_what_may_have_arrived_is_parked_with_its_reason_and_what_is_over_or_under_way_is_not(
    store: Store,
) -> None:
    await owe(store, *["C1"] * 4, "C2")
    await settle(store, await claimed(store), "sent", ts="1.000100")
    await settle(store, await claimed(store), "dead", error="why")
    await settle(store, await attempted(store), "ambiguous")
    other = await attempted(store)
    assert other.change_id == (await deliveries(store, "C1"))[2].change_id
    async with store.db.transaction() as tx:
        assert await store.outbox.park_channel(tx, "C1", "is_archived") == 1
    await settle(store, other, "ambiguous")

    async with store.db.transaction() as tx:
        assert await store.outbox.park_channel(tx, "C1", "is_archived") == 2

    told = [(row.state, row.error) for row in await deliveries(store, "C1")]
    assert told == [("sent", None), ("dead", "why"), ("parked", "is_archived"), ("parked", "is_archived")]


async def test_a_new_alert_for_a_closed_channel_tries_what_is_parked_first(store: Store) -> None:
    first, second = await owe(store, "C1", "C1")
    await settle(store, await attempted(store), "parked", error="not_in_channel", in_doubt=True)
    async with store.db.transaction() as tx:
        await store.outbox.park_channel(tx, "C1", "not_in_channel")

    (third,) = await owe(store, "C1")

    again = await claimed(store)
    assert (again.change_id, again.in_doubt) == (first, True)
    await settle(store, again, "sent", ts="1.0")
    for change in (second, third):
        delivery = await claimed(store)
        assert delivery.change_id == change
        await settle(store, delivery, "sent", ts="1.0")


async def test_a_notice_is_owed_once_to_each_who_should_hear_it(store: Store) -> None:
    async with store.db.transaction() as tx:
        for channel in ("C1", "U1", "C1"):
            await store.outbox.notify(tx, channel, {"kind": "x", "about": "y"}, "key")

    assert [(row.channel, row.picture) for row in await deliveries(store)] == [("C1", "notice"), ("U1", "notice")]
    assert (await claimed(store)).notice == {"kind": "x", "about": "y"}


async def test_a_notice_about_an_order_belongs_to_a_cards_thread(store: Store) -> None:
    async with store.db.transaction() as tx:
        card, _ = await store.cards.of(tx, ACCOUNT, "ftjob-a", "C1")
        await store.outbox.notify(tx, "C1", {}, "key", replies_to=card.id)
        await store.outbox.notify(tx, "C1", {}, "another key")

    first = await claimed(store)
    assert (first.picture, first.replies_to, first.change_id) == (Picture.NOTICE, card.id, None)
    await settle(store, first, "sent", ts="1.000100")
    assert (await claimed(store)).replies_to is None


async def test_a_row_knows_for_how_long_slack_held_up_its_channel_while_it_waited(store: Store, time: Time) -> None:
    async with store.db.transaction() as tx:
        await store.outbox.rest(tx, "C1", 5, limited=True)
        await store.outbox.rest(tx, "C2", 5)
    await time.passes(store, 1)
    await owe(store, "C1", "C2")
    await time.passes(store, 40)

    assert (await claimed(store)).limited_for == time.exactly(4)
    assert (await claimed(store)).limited_for == 0


async def test_who_lost_the_token_settles_nothing(store: Store, time: Time) -> None:
    await owe(store, "C1", picture=Picture.CARD)
    late = await claimed(store, lease=30)
    await time.passes(store, 31)
    present = await claimed(store)
    before = await contents(store)

    assert not await settle(store, late, "sent", ts="1.000100", channel_wait=60)

    assert await contents(store) == before
    assert await settle(store, present, "sent", ts="1.000200")


async def test_a_row_is_settled_once(store: Store) -> None:
    await owe(store, "C1")
    delivery = await claimed(store)

    outcomes = await asyncio.gather(*(settle(store, delivery, "sent", ts=f"1.{n}") for n in range(10)))

    assert sorted(outcomes) == [False] * 9 + [True]


async def test_leases_of_the_dead_are_given_back_at_once(store: Store) -> None:
    first, second, _ = await owe(store, "C1", "C2", "C3")
    await claimed(store)
    await attempted(store)
    await settle(store, await claimed(store), "pending", wait=60)
    assert await store.outbox.claim(30) is None

    assert await store.outbox.end_leases() == 2

    again = [await claimed(store), await claimed(store)]
    assert [row.change_id for row in again] == [first, second]
    assert [row.in_doubt for row in again] == [False, True]
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


async def test_a_rest_of_our_own_does_not_hide_that_slack_asked_for_one(store: Store, time: Time) -> None:
    async with store.db.transaction() as tx:
        await store.outbox.rest(tx, "C1", 60, limited=True)
        await store.outbox.rest(tx, "C1", 90)

    (channel,) = await rows(store, schema.channel)
    assert channel.limited_until - time.clock() == time.exactly(60)
    assert channel.free_at - time.clock() == time.exactly(90)


async def test_a_channels_rest_can_be_prolonged(store: Store, time: Time) -> None:
    async with store.db.transaction() as tx:
        await store.outbox.rest(tx, "C1", 1)
        await store.outbox.rest(tx, "C1", 60)

    (channel,) = await rows(store, schema.channel)
    assert channel.free_at - time.clock() == time.exactly(60)
