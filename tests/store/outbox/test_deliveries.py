import asyncio

import pytest

from bot.store import Store
from bot.store.db import schema
from bot.store.outbox.delivery import MessageKind, NewDelivery, Outcome
from tests.store.clocks import StoreClock
from tests.store.seeds import (
    ACCOUNT,
    STARTED,
    claim,
    claim_and_attempt,
    complete,
    contents,
    deliveries,
    enqueue,
    reading,
    rows,
)


async def test_what_is_enqueued_twice_is_pending_once(store: Store) -> None:
    async with store.db.transaction() as tx:
        recorded = await store.jobs.changes.write(tx, ACCOUNT, 2, STARTED, reading("ftjob-a").body)
        card, _ = await store.jobs.cards.get_or_create(tx, ACCOUNT, "ftjob-a", "C1")
        await store.outbox.deliveries.enqueue(tx, recorded, NewDelivery("C1", MessageKind.CHANGE, card.id))
        await store.outbox.deliveries.enqueue(tx, recorded, NewDelivery("C1", MessageKind.CHANGE, card.id))

    async with store.db.transaction() as tx:
        await store.outbox.deliveries.enqueue(tx, recorded, NewDelivery("C1", MessageKind.CHANGE, card.id))

    assert len(await deliveries(store)) == 1


async def test_two_transactions_that_enqueue_the_same_at_once_enqueue_it_once(store: Store) -> None:
    async with store.db.transaction() as tx:
        recorded = await store.jobs.changes.write(tx, ACCOUNT, 2, STARTED, reading("ftjob-a").body)
        card, _ = await store.jobs.cards.get_or_create(tx, ACCOUNT, "ftjob-a", "C1")

    async def enqueue_change() -> None:
        async with store.db.transaction() as tx:
            await store.outbox.deliveries.enqueue(tx, recorded, NewDelivery("C1", MessageKind.CHANGE, card.id))

    await asyncio.gather(*(enqueue_change() for _ in range(10)))

    assert len(await deliveries(store)) == 1


async def test_alerts_that_differ_in_channel_kind_or_version_are_enqueued_each(store: Store) -> None:
    async with store.db.transaction() as tx:
        card, _ = await store.jobs.cards.get_or_create(tx, ACCOUNT, "ftjob-a", "C1")
        for version in (2, 3):
            recorded = await store.jobs.changes.write(tx, ACCOUNT, version, STARTED, reading("ftjob-a").body)
            for channel in ("C1", "C2"):
                for message_kind in (MessageKind.CARD, MessageKind.CHANGE):
                    await store.outbox.deliveries.enqueue(tx, recorded, NewDelivery(channel, message_kind, card.id))

    keys = {row.key for row in await deliveries(store)}
    assert len(keys) == 8
    assert all(len(key) == 32 for key in keys)


async def test_a_row_enqueued_in_a_transaction_that_fails_is_not_pending(store: Store) -> None:
    async def enqueue_and_fail() -> None:
        async with store.db.transaction() as tx:
            recorded = await store.jobs.changes.write(tx, ACCOUNT, 2, STARTED, reading("ftjob-a").body)
            card, _ = await store.jobs.cards.get_or_create(tx, ACCOUNT, "ftjob-a", "C1")
            await store.outbox.deliveries.enqueue(tx, recorded, NewDelivery("C1", MessageKind.CHANGE, card.id))
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        await enqueue_and_fail()

    stored = await contents(store)
    assert stored["change"] == stored["card"] == stored["delivery"] == []


async def test_a_sent_row_is_done_and_the_next_of_its_channel_follows(store: Store) -> None:
    first, second = await enqueue(store, "C1", "C1")

    delivery = await claim(store)
    assert delivery.change_id == first
    assert await complete(store, delivery, "sent", ts="1.000100")

    assert (await claim(store)).change_id == second
    done = (await deliveries(store))[0]
    assert (done.state, done.ts, done.token, done.lease_until) == ("sent", "1.000100", None, 0.0)


@pytest.mark.parametrize("outcome", ["sent", "parked", "dead"])
async def test_a_row_that_is_over_lets_the_next_of_its_channel_go(store: Store, outcome: Outcome) -> None:
    _, second = await enqueue(store, "C1", "C1")

    await complete(store, await claim(store), outcome, error="why")

    assert (await claim(store)).change_id == second
    assert [row.state for row in await deliveries(store)] == [outcome, "inflight"]


@pytest.mark.parametrize("outcome", ["pending", "unconfirmed"])
async def test_a_row_to_be_retried_keeps_its_position_before_the_next(
    store: Store, time: StoreClock, outcome: Outcome
) -> None:
    first, _ = await enqueue(store, "C1", "C1")

    await complete(store, await claim(store), outcome, error="why", wait=20)

    assert await store.outbox.deliveries.claim(30) is None
    await time.advance(store, 21)
    again = await claim(store)
    assert again.change_id == first
    assert again.last_error == "why"
    assert again.attempts == 2


async def test_a_row_is_unconfirmed_from_just_before_the_wire_until_a_certain_response(store: Store) -> None:
    await enqueue(store, "C1")

    delivery = await claim_and_attempt(store)

    assert not delivery.unconfirmed
    (row,) = await deliveries(store)
    assert row.unconfirmed
    await complete(store, delivery, "pending")
    assert not (await claim(store)).unconfirmed


async def test_a_row_without_a_response_is_unconfirmed_afterwards(store: Store) -> None:
    await enqueue(store, "C1")

    await complete(store, await claim_and_attempt(store), "unconfirmed")

    assert (await claim(store)).unconfirmed


async def test_an_attempt_is_noted_with_where_and_when_to_search_for_it(store: Store, time: StoreClock) -> None:
    await enqueue(store, "C1")
    delivery = await claim(store)

    assert await store.outbox.deliveries.begin_attempt(delivery, thread_ts="7.000100", min_lease=12, lookup_after=25)

    (row,) = await deliveries(store)
    assert row.thread_ts == "7.000100"
    assert row.not_before - row.last_attempt_at == time.approx(25)
    assert row.first_attempt_at == pytest.approx(row.last_attempt_at, abs=0.1)


async def test_nothing_is_sent_under_a_lease_that_may_end_before_the_answer(store: Store, time: StoreClock) -> None:
    await enqueue(store, "C1")
    delivery = await claim(store, lease=30)
    await time.advance(store, 20)
    before = await contents(store)

    assert not await store.outbox.deliveries.begin_attempt(delivery, thread_ts=None, min_lease=12, lookup_after=25)
    assert await contents(store) == before

    assert await store.outbox.deliveries.begin_attempt(delivery, thread_ts=None, min_lease=9, lookup_after=25)


async def test_nothing_is_sent_under_a_lease_that_somebody_else_has(store: Store, time: StoreClock) -> None:
    await enqueue(store, "C1")
    frozen = await claim(store, lease=30)
    await time.advance(store, 31)
    await claim(store, lease=30)

    assert not await store.outbox.deliveries.begin_attempt(frozen, thread_ts=None, min_lease=0, lookup_after=25)


async def test_a_second_attempt_knows_what_the_first_one_left(store: Store, time: StoreClock) -> None:
    await enqueue(store, "C1", kind=MessageKind.CARD)
    first = await claim(store)
    await store.outbox.deliveries.begin_attempt(first, thread_ts="7.000100", min_lease=0, lookup_after=0)
    await complete(store, first, "unconfirmed", error="timeout")
    await time.advance(store, 5)

    second = await claim(store)
    (row,) = await deliveries(store)
    assert (first.first_attempt_at, first.last_attempt_at, first.thread_ts) == (None, None, None)
    assert (second.message_kind, second.key) == (MessageKind.CARD, row.key)
    assert (second.thread_ts, second.last_error, second.attempts) == ("7.000100", "timeout", 2)
    assert (second.first_attempt_at, second.last_attempt_at) == pytest.approx(
        (row.first_attempt_at, row.first_attempt_at), abs=1e-3
    )
    assert second.created_at == pytest.approx(row.created_at)

    await time.advance(store, 1)
    await store.outbox.deliveries.begin_attempt(second, thread_ts=None, min_lease=0, lookup_after=0)
    (row,) = await deliveries(store)
    assert row.first_attempt_at == pytest.approx(second.first_attempt_at)
    assert row.last_attempt_at > row.first_attempt_at


async def test_lookups_in_vain_are_counted_until_the_next_attempt(store: Store) -> None:
    await enqueue(store, "C1")
    await complete(store, await claim_and_attempt(store), "unconfirmed")

    await store.outbox.deliveries.release(await claim(store), lookup_failed=True)
    await store.outbox.deliveries.release(await claim(store))
    await store.outbox.deliveries.release(await claim(store), lookup_failed=True)

    again = await claim(store)
    assert again.failed_lookups == 2
    await store.outbox.deliveries.begin_attempt(again, thread_ts=None, min_lease=0, lookup_after=0)
    assert [row.failed_lookups for row in await deliveries(store)] == [0]


async def test_who_lost_the_token_releases_nothing(store: Store, time: StoreClock) -> None:
    await enqueue(store, "C1")
    late = await claim(store, lease=30)
    await time.advance(store, 31)
    await claim(store)
    before = await contents(store)

    await store.outbox.deliveries.release(late)

    assert await contents(store) == before


async def test_a_row_that_is_released_was_not_tried(store: Store, time: StoreClock) -> None:
    (change,) = await enqueue(store, "C1")

    delivery = await claim(store)

    await store.outbox.deliveries.release(delivery, wait=10)

    (row,) = await deliveries(store)
    assert (row.state, row.unconfirmed, row.token, row.lease_until) == ("pending", False, None, 0.0)
    assert not await complete(store, delivery, "sent", ts="1.000100")
    assert await store.outbox.deliveries.claim(30) is None
    await time.advance(store, 11)
    again = await claim(store)
    assert (again.change_id, again.attempts, again.unconfirmed) == (change, 1, False)


async def test_an_unconfirmed_row_stays_so_when_it_is_released(store: Store) -> None:
    await enqueue(store, "C1")
    await complete(store, await claim_and_attempt(store), "unconfirmed")

    await store.outbox.deliveries.release(await claim(store))

    (row,) = await deliveries(store)
    assert (row.state, row.unconfirmed) == ("unconfirmed", True)


async def test_a_closed_channel_parks_all_that_is_pending_for_it_and_no_other(store: Store) -> None:
    await enqueue(store, "C1", "C1", "C1", "C2")
    await complete(store, await claim(store), "parked", error="not_in_channel")

    async with store.db.transaction() as tx:
        assert await store.outbox.deliveries.park_channel(tx, "C1", "not_in_channel") == 3

    assert [row.state for row in await deliveries(store, "C1")] == ["parked"] * 3
    assert [row.state for row in await deliveries(store, "C2")] == ["pending"]


async def test_what_may_have_arrived_is_parked_with_its_reason_and_what_is_over_or_under_way_is_not(
    store: Store,
) -> None:
    await enqueue(store, *["C1"] * 4, "C2")
    await complete(store, await claim(store), "sent", ts="1.000100")
    await complete(store, await claim(store), "dead", error="why")
    await complete(store, await claim_and_attempt(store), "unconfirmed")
    other = await claim_and_attempt(store)
    assert other.change_id == (await deliveries(store, "C1"))[2].change_id
    async with store.db.transaction() as tx:
        assert await store.outbox.deliveries.park_channel(tx, "C1", "is_archived") == 1
    await complete(store, other, "unconfirmed")

    async with store.db.transaction() as tx:
        assert await store.outbox.deliveries.park_channel(tx, "C1", "is_archived") == 2

    told = [(row.state, row.error) for row in await deliveries(store, "C1")]
    assert told == [("sent", None), ("dead", "why"), ("parked", "is_archived"), ("parked", "is_archived")]


async def test_a_new_alert_for_a_closed_channel_tries_what_is_parked_first(store: Store) -> None:
    first, second = await enqueue(store, "C1", "C1")
    await complete(store, await claim_and_attempt(store), "parked", error="not_in_channel", unconfirmed=True)
    async with store.db.transaction() as tx:
        await store.outbox.deliveries.park_channel(tx, "C1", "not_in_channel")

    (third,) = await enqueue(store, "C1")

    again = await claim(store)
    assert (again.change_id, again.unconfirmed) == (first, True)
    await complete(store, again, "sent", ts="1.0")
    for change in (second, third):
        delivery = await claim(store)
        assert delivery.change_id == change
        await complete(store, delivery, "sent", ts="1.0")


async def test_a_notice_is_enqueued_once_for_each_recipient(store: Store) -> None:
    async with store.db.transaction() as tx:
        for channel in ("C1", "U1", "C1"):
            await store.outbox.deliveries.enqueue_notice(tx, channel, {"kind": "x", "about": "y"}, "key")

    assert [(row.channel, row.message_kind) for row in await deliveries(store)] == [("C1", "notice"), ("U1", "notice")]
    assert (await claim(store)).notice == {"kind": "x", "about": "y"}


async def test_a_notice_about_an_action_belongs_to_a_cards_thread(store: Store) -> None:
    async with store.db.transaction() as tx:
        card, _ = await store.jobs.cards.get_or_create(tx, ACCOUNT, "ftjob-a", "C1")
        await store.outbox.deliveries.enqueue_notice(tx, "C1", {}, "key", card_id=card.id)
        await store.outbox.deliveries.enqueue_notice(tx, "C1", {}, "another key")

    first = await claim(store)
    assert (first.message_kind, first.card_id, first.change_id) == (MessageKind.NOTICE, card.id, None)
    await complete(store, first, "sent", ts="1.000100")
    assert (await claim(store)).card_id is None


async def test_a_row_knows_for_how_long_slack_held_up_its_channel_while_it_waited(
    store: Store, time: StoreClock
) -> None:
    async with store.db.transaction() as tx:
        await store.outbox.deliveries.pause_channel(tx, "C1", 5, rate_limited=True)
        await store.outbox.deliveries.pause_channel(tx, "C2", 5)
    await time.advance(store, 1)
    await enqueue(store, "C1", "C2")
    await time.advance(store, 40)

    assert (await claim(store)).rate_limited_for == time.approx(4)
    assert (await claim(store)).rate_limited_for == 0


async def test_who_lost_the_token_completes_nothing(store: Store, time: StoreClock) -> None:
    await enqueue(store, "C1", kind=MessageKind.CARD)
    late = await claim(store, lease=30)
    await time.advance(store, 31)
    present = await claim(store)
    before = await contents(store)

    assert not await complete(store, late, "sent", ts="1.000100", channel_wait=60)

    assert await contents(store) == before
    assert await complete(store, present, "sent", ts="1.000200")


async def test_a_row_is_completed_once(store: Store) -> None:
    await enqueue(store, "C1")
    delivery = await claim(store)

    outcomes = await asyncio.gather(*(complete(store, delivery, "sent", ts=f"1.{n}") for n in range(10)))

    assert sorted(outcomes) == [False] * 9 + [True]


async def test_leases_of_dead_processes_are_released_at_once(store: Store) -> None:
    first, second, _ = await enqueue(store, "C1", "C2", "C3")
    await claim(store)
    await claim_and_attempt(store)
    await complete(store, await claim(store), "pending", wait=60)
    assert await store.outbox.deliveries.claim(30) is None

    assert await store.outbox.deliveries.end_leases() == 2

    again = [await claim(store), await claim(store)]
    assert [row.change_id for row in again] == [first, second]
    assert [row.unconfirmed for row in again] == [False, True]
    assert await store.outbox.deliveries.claim(30) is None


async def test_ending_leases_where_none_is_held_changes_nothing(store: Store) -> None:
    await enqueue(store, "C1")
    before = await contents(store)

    assert await store.outbox.deliveries.end_leases() == 0

    assert await contents(store) == before


async def test_a_channels_rest_is_never_shortened(store: Store, time: StoreClock) -> None:
    async with store.db.transaction() as tx:
        await store.outbox.deliveries.pause_channel(tx, "C1", 60)
        await store.outbox.deliveries.pause_channel(tx, "C1", 1)

    (channel,) = await rows(store, schema.channel)
    assert channel.free_at - time.now() == time.approx(60)


async def test_a_rest_of_our_own_does_not_hide_that_slack_asked_for_one(store: Store, time: StoreClock) -> None:
    async with store.db.transaction() as tx:
        await store.outbox.deliveries.pause_channel(tx, "C1", 60, rate_limited=True)
        await store.outbox.deliveries.pause_channel(tx, "C1", 90)

    (channel,) = await rows(store, schema.channel)
    assert channel.rate_limited_until - time.now() == time.approx(60)
    assert channel.free_at - time.now() == time.approx(90)


async def test_a_channels_rest_can_be_prolonged(store: Store, time: StoreClock) -> None:
    async with store.db.transaction() as tx:
        await store.outbox.deliveries.pause_channel(tx, "C1", 1)
        await store.outbox.deliveries.pause_channel(tx, "C1", 60)

    (channel,) = await rows(store, schema.channel)
    assert channel.free_at - time.now() == time.approx(60)
