"""A channel whose id changed: all that it has moves, once, and what both ids have becomes one."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import insert, update

from bot.store import Store
from bot.store.channels.subscriptions import Subscription
from bot.store.channels.tracks import Track
from bot.store.db import schema
from bot.store.outbox.delivery import MessageKind, NewDelivery
from tests.store.clocks import StoreClock
from tests.store.seeds import (
    ACCOUNT,
    STARTED,
    add_jobs,
    claim,
    claim_and_attempt,
    complete,
    contents,
    deliveries,
    enqueue,
    reading,
    rows,
    several_stores,
    track,
)

OLD, NEW = "G012AB", "C012AB"
KEPT = {"audit"}
"""What is never changed."""


async def set_up(store: Store, channel: str, job: str = "ftjob-1", *, until: float = 600.0) -> None:
    """Give a channel one of everything."""
    await add_jobs(store, reading(job))
    await track(store, (channel, job))
    async with store.db.transaction() as tx:
        await store.channels.subscriptions.add(tx, Subscription(ACCOUNT, channel, "U1", 500.0))
    await store.channels.mutes.begin([ACCOUNT], channel, "ftjob-muted", "U1", until)
    await store.channels.preferences.change(channel, full_cards=True)
    await enqueue(store, channel)


async def of(store: Store, channel: str) -> dict[str, int]:
    """Return how many rows of each table have a channel, by the name of the table."""
    found = {name: [row for row in kept if channel in _places(row)] for name, kept in (await contents(store)).items()}
    return {name: len(kept) for name, kept in found.items() if kept}


def _places(row: Any) -> set[Any]:
    names = row._mapping  # noqa: SLF001 - its public name in SQLAlchemy
    return {names.get("channel"), names["id"] if "free_at" in names else None}


async def test_everything_moves_and_twice_is_once(store: Store) -> None:
    await set_up(store, OLD)
    await set_up(store, "C0OTHER", "ftjob-2")
    had, others = await of(store, OLD), await of(store, "C0OTHER")
    assert had == {"card": 1, "channel": 1, "delivery": 1, "mute": 1, "subscription": 1, "track": 1}

    for _ in range(2):
        await store.channels.moves.move(OLD, NEW)
        assert await of(store, OLD) == {}
        assert await of(store, NEW) == had
        assert await of(store, "C0OTHER") == others
    assert (await store.channels.preferences.find(NEW)).full_cards


def test_no_table_with_a_channel_is_forgotten() -> None:
    having = {table.name for table in schema.metadata.sorted_tables if "channel" in table.c}
    assert having - KEPT == {"card", "delivery", "confirmation", "mute", "subscription", "track"}


async def test_what_both_ids_have_becomes_one(store: Store) -> None:
    await set_up(store, OLD, until=900.0)
    await set_up(store, NEW, until=300.0)
    async with store.db.transaction() as tx:
        tracks = schema.track.c
        narrow = update(schema.track).where(tracks.channel == NEW).values(person=None, statuses="failed")
        await tx.execute(narrow)
        older = update(schema.subscription).where(schema.subscription.c.channel == OLD).values(newer_than=100.0)
        await tx.execute(older)
    [longer] = [mute for mute in await rows(store, schema.mute) if mute.channel == OLD]

    await store.channels.moves.move(OLD, NEW)

    assert await of(store, OLD) == {}
    assert await of(store, NEW) == {"card": 2, "channel": 1, "delivery": 2, "mute": 1, "subscription": 1, "track": 1}
    track = await store.channels.tracks.find(ACCOUNT, "ftjob-1", NEW)
    assert track == Track(ACCOUNT, "ftjob-1", NEW, "U1")
    assert [row.newer_than for row in await rows(store, schema.subscription)] == [100.0]
    assert [row.until for row in await rows(store, schema.mute)] == [longer.until]


@pytest.mark.parametrize(
    ("old_ts", "new_ts", "kept"), [("1.1", None, "1.1"), ("1.1", "2.2", "2.2"), (None, None, None)]
)
async def test_of_two_cards_of_a_job_the_posted_one_is_kept(
    store: Store, old_ts: str | None, new_ts: str | None, kept: str | None
) -> None:
    await add_jobs(store, reading("ftjob-1"))
    async with store.db.transaction() as tx:
        for channel, ts in ((OLD, old_ts), (NEW, new_ts)):
            card, _ = await store.jobs.cards.get_or_create(tx, ACCOUNT, "ftjob-1", channel)
            await store.jobs.cards.record_post(tx, card.id, ts)
            await store.outbox.deliveries.enqueue_notice(tx, channel, {"kind": "x"}, f"of {channel}", card_id=card.id)
    await store.channels.moves.move(OLD, NEW)

    [card_row] = await rows(store, schema.card)
    assert (card_row.channel, card_row.ts) == (NEW, kept)
    assert {row.card_id for row in await deliveries(store)} == {card_row.id}


async def test_a_change_that_is_pending_under_both_ids_is_sent_once(store: Store) -> None:
    async with store.db.transaction() as tx:
        recorded = await store.jobs.changes.write(tx, ACCOUNT, 2, STARTED, reading("ftjob-1").body)
        for channel in (OLD, NEW):
            card, _ = await store.jobs.cards.get_or_create(tx, ACCOUNT, recorded.job_id, channel)
            await store.outbox.deliveries.enqueue(tx, recorded, NewDelivery(channel, MessageKind.CHANGE, card.id))
    await complete(store, await claim(store), "sent", ts="1.1")

    await store.channels.moves.move(OLD, NEW)

    assert [row.state for row in await deliveries(store)] == ["sent"]


async def test_what_was_parked_muted_or_asked_goes_on_under_the_new_id(store: Store) -> None:
    await enqueue(store, OLD, OLD)
    await complete(store, await claim(store), "parked", error="channel_not_found")
    last = (await deliveries(store))[-1]
    async with store.db.transaction() as tx:
        await store.outbox.deliveries.park_channel(tx, OLD, "channel_not_found")
        question = {"key": "k", "verb": "cancel", "account": ACCOUNT, "job_id": "ftjob-1", "person": "U1"}
        await tx.execute(insert(schema.confirmation).values(**question, channel=OLD, expires_at=store.db.now()))
        await tx.execute(update(schema.delivery).where(schema.delivery.c.id == last.id).values(state="muted"))

    assert await store.channels.moves.move(OLD, NEW) == 1
    found = await deliveries(store)
    assert [(row.channel, row.state, row.attempts) for row in found] == [(NEW, "pending", 0), (NEW, "muted", 0)]
    assert [row.channel for row in await rows(store, schema.confirmation)] == [NEW]


@pytest.mark.parametrize("outcome", ["sent", "pending", "unconfirmed"])
async def test_what_is_under_way_keeps_its_claim(store: Store, outcome: Any) -> None:
    await enqueue(store, OLD)
    delivery = await claim_and_attempt(store)
    await store.channels.moves.move(OLD, NEW)

    assert await complete(store, delivery, outcome, ts="1.1" if outcome == "sent" else None)
    [row] = await deliveries(store)
    assert (row.channel, row.state) == (NEW, outcome)


async def test_what_an_old_id_did_not_take_catches_up_with_the_move(store: Store) -> None:
    await enqueue(store, OLD, "C0OTHER")
    mine, other = await deliveries(store)
    async with store.db.transaction() as tx:
        assert not await store.channels.moves.redirect(tx, mine.id, OLD)
    await store.channels.moves.move(OLD, NEW)
    await enqueue(store, OLD)  # by somebody who read the tracks before
    late = (await deliveries(store))[-1]
    async with store.db.transaction() as tx:
        assert await store.channels.moves.redirect(tx, late.id, OLD)
        assert not await store.channels.moves.redirect(tx, other.id, "C0OTHER")
    assert [row.channel for row in await deliveries(store)] == [NEW, "C0OTHER", NEW]


async def test_an_id_is_known_however_often_it_changes_and_back(store: Store) -> None:
    async def current(*channels: str) -> list[str]:
        async with store.db.transaction() as tx:
            return [await store.channels.moves.current(tx, channel) for channel in channels]

    await store.channels.moves.move("C1", "C2")
    await store.channels.moves.move("C2", "C3")
    assert await current("C1", "C2", "C3", "C4") == ["C3", "C3", "C3", "C4"]
    await store.channels.moves.move("C3", "C1")
    assert await current("C1", "C2", "C3") == ["C1", "C1", "C1"]


async def test_several_processes_that_learn_of_it_at_once_move_it_once(
    store: Store, database_url: str, time: StoreClock
) -> None:
    for job in range(5):
        await set_up(store, OLD, f"ftjob-{job}")
    async with several_stores(store, database_url, time) as stores:
        await asyncio.gather(*(each.channels.moves.move(OLD, NEW) for each in stores))
    assert await of(store, OLD) == {}
    assert (await of(store, NEW))["track"] == 5


@pytest.mark.parametrize("hours", [1, 24])
@pytest.mark.parametrize(("muted", "damped"), [(OLD, NEW), (NEW, OLD)])
async def test_a_mute_that_somebody_set_outlasts_one_that_nobody_did(
    store: Store, muted: str, damped: str, hours: int
) -> None:
    await store.channels.mutes.begin([ACCOUNT], muted, "ftjob-1", "U1", hours * 3600.0)
    async with store.db.transaction() as tx:
        await store.channels.mutes.damp(tx, ACCOUNT, [(damped, "ftjob-1")])

    await store.channels.moves.move(OLD, NEW)

    assert [(mute.channel, mute.person) for mute in await store.channels.mutes.in_channel(NEW)] == [(NEW, "U1")]
    async with store.db.transaction() as tx:
        assert await store.channels.mutes.covering(tx, ACCOUNT, [NEW]) == {(NEW, "ftjob-1")}
