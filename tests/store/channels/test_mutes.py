import asyncio
import itertools

import pytest

from bot.store import Store, open_store
from bot.store.channels.mutes import EVERY_JOB, Mute
from bot.store.db import schema
from bot.store.outbox.delivery import MessageKind, NewDelivery
from bot.store.outbox.digests import AFTER_MUTE, MAX_CHANGES
from tests.store.clocks import StoreClock
from tests.store.seeds import ACCOUNT, STARTED, claim, complete, deliveries, reading, rows, several_stores

HOUR = 3600.0

_versions = itertools.count(2)


async def begin(store: Store, channel: str = "C1", job: str = EVERY_JOB, seconds: float = HOUR) -> float:
    return await store.channels.mutes.begin([ACCOUNT], channel, job, "U1", seconds)


async def enqueue(store: Store, job: str, channel: str = "C1", message_kind: MessageKind = MessageKind.CHANGE) -> int:
    """Enqueue a change of a job for a channel, as the recorder does; return the change's id."""
    async with store.db.transaction() as tx:
        recorded = await store.jobs.changes.write(tx, ACCOUNT, next(_versions), STARTED, reading(job).body)
        card, _ = await store.jobs.cards.get_or_create(tx, ACCOUNT, job, channel)
        held = await store.channels.mutes.covering(tx, ACCOUNT, [channel])
        muted = not held.isdisjoint({(channel, job), (channel, EVERY_JOB)})
        await store.outbox.deliveries.enqueue(tx, recorded, NewDelivery(channel, message_kind, card.id), muted=muted)
    return recorded.id


async def send_all(store: Store) -> list[list[int]]:
    """Send what is pending; return the changes in each message."""
    sent = []
    while delivery := await store.outbox.deliveries.claim(30):
        told = await store.jobs.changes.in_digest(delivery.id)
        sent.append([each.id for each in told] if told else [delivery.change_id or 0])
        assert await complete(store, delivery, "sent", ts="1.0")
    return sent


async def test_what_a_mute_covers_waits_and_is_summed_up_by_one_message(store: Store, time: StoreClock) -> None:
    await begin(store)
    changes = [await enqueue(store, "ftjob-a"), await enqueue(store, "ftjob-b"), await enqueue(store, "ftjob-a")]

    assert await store.outbox.deliveries.claim(30) is None
    assert await store.outbox.deliveries.seconds_to_next() is None
    assert await store.channels.mutes.expire() == 0, "not yet"

    await time.advance(store, HOUR + 1)
    assert await store.channels.mutes.expire() == 3
    assert await store.channels.mutes.expire() == 0, "once"

    digest = await claim(store)
    assert digest.notice == {"kind": "after_mute"}
    assert digest.rate_limited_for == 0.0
    assert digest.claimed_at - digest.created_at == time.approx(0), "it is owed from the end of the mute on"
    assert [each.id for each in await store.jobs.changes.in_digest(digest.id)] == changes
    await complete(store, digest, "sent", ts="1.0")
    assert await store.outbox.deliveries.claim(30) is None
    assert {row.state for row in await deliveries(store)} == {"sent"}
    assert await rows(store, schema.mute) == []


async def test_other_jobs_and_channels_are_notified_meanwhile(store: Store) -> None:
    await begin(store, "C1", "ftjob-a")
    await enqueue(store, "ftjob-a")
    heard = [await enqueue(store, "ftjob-b"), await enqueue(store, "ftjob-a", "C2")]

    assert sorted(await send_all(store)) == [[change] for change in sorted(heard)]


async def test_a_muted_channel_does_not_try_again_what_is_parked(store: Store) -> None:
    await enqueue(store, "ftjob-a")
    await complete(store, await claim(store), "parked", error="is_archived")
    await begin(store)
    await enqueue(store, "ftjob-b")

    assert await store.outbox.deliveries.claim(30) is None


async def test_unmuting_tells_how_many_changes_were_held(store: Store) -> None:
    await begin(store)
    await begin(store, "C2")
    held = [await enqueue(store, "ftjob-a", message_kind=MessageKind.CARD), await enqueue(store, "ftjob-b")]
    await enqueue(store, "ftjob-a", "C2")

    assert await store.channels.mutes.end("C1") == (1, 2)
    assert await store.channels.mutes.end("C1") == (0, 0)
    assert await send_all(store) == [held]
    assert [mute.channel for mute in await store.channels.mutes.in_channel("C2")] == ["C2"]


async def test_what_another_mute_covers_stays_muted(store: Store, time: StoreClock) -> None:
    await begin(store, seconds=HOUR)
    await begin(store, job="ftjob-a", seconds=2 * HOUR)
    first, second = await enqueue(store, "ftjob-a"), await enqueue(store, "ftjob-b")

    assert await store.channels.mutes.end("C1", "ftjob-b") == (0, 0), "not muted by itself"
    await time.advance(store, HOUR + 1)
    await store.channels.mutes.expire()
    assert await send_all(store) == [[second]]

    assert await store.channels.mutes.end("C1", "ftjob-a") == (1, 1)
    assert await send_all(store) == [[first]]


async def test_of_two_mutes_of_one_thing_the_later_holds(store: Store) -> None:
    await begin(store, seconds=2 * HOUR)
    later = await begin(store, seconds=HOUR)

    assert await store.channels.mutes.in_channel("C1") == [Mute("C1", EVERY_JOB, "U1", later)]


async def test_a_row_that_came_at_the_last_moment_is_found_by_the_next_poll(store: Store) -> None:
    await begin(store)
    change = await enqueue(store, "ftjob-a")
    async with store.db.transaction() as tx:
        await tx.execute(schema.mute.delete())  # as where another process ended it before this one committed

    assert await store.channels.mutes.expire() == 1
    assert await send_all(store) == [[change]]


async def test_many_jobs_become_several_messages_and_none_is_lost(store: Store) -> None:
    await begin(store)
    jobs = [f"ftjob-{n}" for n in range(MAX_CHANGES + 5)]
    changes = {await enqueue(store, job) for job in [*jobs, *jobs]}
    await store.channels.mutes.end("C1")

    assert [row.notice for row in await deliveries(store) if row.message_kind == "digest"] == [AFTER_MUTE] * 2
    first, second = await send_all(store)
    assert (len(first), len(second)) == (2 * MAX_CHANGES, 10), "a job's changes stand in one message"
    assert {*first, *second} == changes


async def test_the_summary_comes_behind_what_the_channel_waits_for(store: Store) -> None:
    await begin(store, job="ftjob-a")
    muted, first = await enqueue(store, "ftjob-a"), await enqueue(store, "ftjob-b")
    await store.channels.mutes.end("C1")

    assert await send_all(store) == [[first], [muted]]


async def test_a_muted_card_is_on_its_way_until_the_summary_stands_for_it(store: Store) -> None:
    async def lacks_card() -> bool:
        async with store.db.transaction() as tx:
            return (await store.jobs.cards.get_or_create(tx, ACCOUNT, "ftjob-a", "C1"))[1]

    await begin(store)
    await enqueue(store, "ftjob-a", message_kind=MessageKind.CARD)
    assert not await lacks_card()

    await store.channels.mutes.end("C1")
    assert await lacks_card()


async def test_a_mute_outlives_a_restart(database_url: str, time: StoreClock) -> None:
    async with open_store(database_url, time.now) as store:
        await begin(store)
        change = await enqueue(store, "ftjob-a")
    async with open_store(database_url, time.now) as store:
        await time.advance(store, HOUR + 1)
        await store.channels.mutes.expire()
        assert await send_all(store) == [[change]]


@pytest.mark.parametrize("by_hand", [False, True], ids=["over", "unmuted"])
async def test_several_processes_sum_up_once(
    store: Store, database_url: str, time: StoreClock, *, by_hand: bool
) -> None:
    await begin(store)
    changes = [await enqueue(store, f"ftjob-{n}") for n in range(8)]
    await time.advance(store, 0 if by_hand else HOUR + 1)

    async with several_stores(store, database_url, time) as stores:
        expiries = [each.channels.mutes.expire() for each in stores]
        if by_hand:
            await store.channels.mutes.end("C1")
        await asyncio.gather(*expiries)

    assert await send_all(store) == [changes]


@pytest.mark.parametrize("seconds", [-60.0, -HOUR, -2 * 86400.0, -365 * 86400.0])
async def test_a_mute_keeps_its_length_when_the_clock_is_set_back(
    store: Store, time: StoreClock, seconds: float
) -> None:
    await begin(store, seconds=2 * HOUR)
    change = await enqueue(store, "ftjob-a")
    await time.advance(store, HOUR)
    assert await store.channels.mutes.expire() == 0

    await time.advance(store, seconds)

    assert await store.channels.mutes.expire() == 0, "half of it is left"
    more = await enqueue(store, "ftjob-b")
    assert await store.outbox.deliveries.claim(30) is None
    await time.advance(store, HOUR - 5)
    assert await store.channels.mutes.expire() == 0
    assert await store.outbox.deliveries.claim(30) is None
    await time.advance(store, 10)
    assert await store.channels.mutes.expire() == 2
    assert await send_all(store) == [[change, more]]


@pytest.mark.parametrize("seconds", [HOUR, 6 * 86400.0])
async def test_a_mute_that_began_while_the_clock_was_ahead_is_no_longer_for_that(
    store: Store, time: StoreClock, seconds: float
) -> None:
    await time.advance(store, seconds)
    await begin(store, seconds=HOUR)
    change = await enqueue(store, "ftjob-a")
    await time.advance(store, -seconds)

    assert await store.channels.mutes.expire() == 0
    await time.advance(store, HOUR + 1)
    assert await store.channels.mutes.expire() == 1
    assert await send_all(store) == [[change]]
