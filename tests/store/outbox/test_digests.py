"""Where too much waits in a channel, a few digests replace it: each change once, in order, at the position of the first."""

import asyncio

import pytest

from bot.store import Store
from bot.store.outbox.delivery import Delivery, MessageKind
from bot.store.outbox.digests import MAX_CHANGES, MAX_WAITING
from tests.store.clocks import StoreClock
from tests.store.seeds import claim, claim_and_attempt, complete, deliveries, enqueue, several_stores


async def told(store: Store, delivery: Delivery) -> list[int | None]:
    """Return the changes that a delivery tells."""
    if delivery.message_kind is MessageKind.DIGEST:
        return [recorded.id for recorded in await store.jobs.changes.in_digest(delivery.id)]
    return [delivery.change_id]


async def send_all(store: Store) -> list[list[int | None]]:
    """Send everything and return the changes in each message, in order."""
    messages = []
    while delivery := await store.outbox.deliveries.claim(30):
        messages.append(await told(store, delivery))
        await complete(store, delivery, "sent", ts="1.000100")
    return messages


async def test_as_many_as_may_wait_go_out_one_by_one(store: Store) -> None:
    changes = await enqueue(store, *["C1"] * MAX_WAITING)

    assert await send_all(store) == [[change] for change in changes]


@pytest.mark.parametrize("count", [MAX_WAITING + 1, MAX_CHANGES, MAX_CHANGES + 1, 250])
async def test_more_become_digests_that_tell_each_change_once_in_order(store: Store, count: int) -> None:
    changes = await enqueue(store, *["C1"] * count)

    messages = await send_all(store)

    assert [change for message in messages for change in message] == changes
    assert len(messages) == -(-count // MAX_CHANGES)
    assert {(row.state, row.ts) for row in await deliveries(store)} == {("sent", "1.000100")}
    assert len({row.key for row in await deliveries(store)}) == count + len(messages)


async def test_another_channel_is_notified_one_by_one(store: Store) -> None:
    await enqueue(store, *["C1"] * 30)
    others = await enqueue(store, "C2", "C2")

    assert [message for message in await send_all(store) if len(message) == 1] == [[other] for other in others]


async def test_what_may_have_arrived_stays_alone_and_goes_first(store: Store) -> None:
    (alone,) = await enqueue(store, "C1")
    await complete(store, await claim_and_attempt(store), "unconfirmed")
    changes = await enqueue(store, *["C1"] * 30)

    first = await claim(store)
    assert (first.change_id, first.unconfirmed) == (alone, True)
    await complete(store, first, "sent", ts="1.000100")

    assert [change for message in await send_all(store) for change in message] == changes


async def test_what_comes_later_comes_after_the_digests(store: Store) -> None:
    changes = await enqueue(store, *["C1"] * 60)
    first = await claim(store)
    later = await enqueue(store, "C1", "C1")

    await complete(store, first, "sent", ts="1.000100")

    assert [change for message in await send_all(store) for change in message] == [*changes[25:], *later]


async def test_a_digest_that_is_tried_again_tells_the_same(store: Store, time: StoreClock) -> None:
    changes = await enqueue(store, *["C1"] * 25)
    first = await claim(store)
    await complete(store, first, "pending", wait=5)
    await enqueue(store, *["C1"] * 30)
    await time.advance(store, 6)

    again = await claim(store)

    assert (again.id, again.key, await told(store, again)) == (first.id, first.key, changes)


async def test_a_digest_that_may_have_arrived_is_looked_up_by_its_own_key(store: Store) -> None:
    await enqueue(store, *["C1"] * 25)
    first = await claim_and_attempt(store)
    await complete(store, first, "unconfirmed")

    again = await claim(store)

    assert (again.id, again.key, again.unconfirmed) == (first.id, first.key, True)


async def test_what_a_digest_holds_shares_its_end(store: Store) -> None:
    await enqueue(store, *["C1"] * 25)
    await complete(store, await claim(store), "parked", error="not_in_channel")
    assert {(row.state, row.error) for row in await deliveries(store)} == {("parked", "not_in_channel")}

    (last,) = await enqueue(store, "C1")

    messages = await send_all(store)
    assert [len(message) for message in messages] == [25, 1]
    assert messages[-1] == [last]
    assert {row.state for row in await deliveries(store)} == {"sent"}


async def test_a_card_and_its_change_are_one_line(store: Store) -> None:
    for _ in range(MAX_WAITING):
        (change,) = await enqueue(store, "C1", kind=MessageKind.CARD)
        assert change
    cards = [row.change_id for row in await deliveries(store)]
    (last,) = await enqueue(store, "C1")

    assert await send_all(store) == [[*cards, last]]


async def test_the_next_change_of_a_job_whose_card_became_a_line_of_a_digest_brings_a_card(store: Store) -> None:
    await enqueue(store, *["C1"] * MAX_WAITING)
    await enqueue(store, "C1", kind=MessageKind.CARD, job="ftjob-a")

    async def lacks_card() -> bool:
        async with store.db.transaction() as tx:
            return (await store.jobs.cards.get_or_create(tx, "default", "ftjob-a", "C1"))[1]

    assert not await lacks_card(), "its card is on its way"
    await claim(store)
    assert await lacks_card()


async def test_a_notice_is_no_line_of_a_digest(store: Store) -> None:
    async with store.db.transaction() as tx:
        await store.outbox.deliveries.enqueue_notice(tx, "C1", {"kind": "x", "about": "y"}, "key")
    await enqueue(store, *["C1"] * 25)

    first = await claim(store)
    assert first.message_kind is MessageKind.NOTICE
    await complete(store, first, "sent", ts="1.0")

    assert (await claim(store)).message_kind is MessageKind.DIGEST


async def test_several_processes_make_one_set_of_digests(store: Store, database_url: str, time: StoreClock) -> None:
    changes = await enqueue(store, *["C1"] * 120)
    said: list[int | None] = []

    async def send(mine: Store) -> None:
        while len(said) < len(changes):
            if delivery := await mine.outbox.deliveries.claim(30):
                said.extend(await told(mine, delivery))
                assert await complete(mine, delivery, "sent", ts="1.0")

    async with several_stores(store, database_url, time) as stores:
        await asyncio.gather(*(send(stores[n % len(stores)]) for n in range(12)))

    assert said == changes
