"""Transactions that do not grow with what there is: many rows take as many statements as few, or several transactions."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from sqlalchemy import Table, func, insert, select, text, update

from bot.blocks.notice import NoticeKind
from bot.store import Store, open_store
from bot.store.channels.mutes import EVERY_JOB
from bot.store.db import schema
from bot.store.db.engine import Transaction
from bot.store.outbox.delivery import MessageKind, NewDelivery
from bot.store.outbox.digests import MAX_CHANGES, MAX_WAITING
from bot.store.outbox.queue import due, position
from bot.tracking.notices import Notices
from tests.store.clocks import StoreClock
from tests.store.seeds import ACCOUNT, STARTED, deliveries, enqueue, reading, rows
from tests.store.statements import statements


async def _enqueue_many(store: Store, count: int, state: str = "pending", channel: str = "C1") -> None:
    """Enqueue as many alerts for a channel as a long outage leaves, each of a job of its own."""
    async with store.db.transaction(without_timeout=True) as tx:
        change = await store.jobs.changes.write(tx, ACCOUNT, 2, STARTED, reading(f"ftjob-{channel}").body)
        card, _ = await store.jobs.cards.get_or_create(tx, ACCOUNT, change.job_id, channel)
        await store.outbox.deliveries.enqueue(tx, change, NewDelivery(channel, MessageKind.CHANGE, card.id))
        one = await _copied(tx, schema.change, change.id)
        delivery = await _copied(
            tx, schema.delivery, (await tx.execute(select(func.max(schema.delivery.c.id)))).scalar_one()
        )
        copies = [{**one, "job_id": f"ftjob-{channel}-{nth}"} for nth in range(1, count)]
        ids = await tx.scalars(insert(schema.change).returning(schema.change.c.id), copies)
        rest = [{**delivery, "key": f"{channel}-{each}", "change_id": each} for each in sorted(ids)]
        await tx.execute(insert(schema.delivery), rest)
        await tx.execute(update(schema.delivery).values(state=state))


async def _copied(tx: Transaction, table: Table, row_id: int) -> dict[str, Any]:
    row = (await tx.execute(select(table).where(table.c.id == row_id))).one()
    return {name: value for name, value in row._asdict().items() if name != "id"}


@pytest.mark.parametrize("many", [900, 2500])
async def test_a_claim_takes_as_many_statements_whatever_waits(store: Store, many: int) -> None:
    await _enqueue_many(store, MAX_WAITING + 10)
    with statements() as for_few:
        assert await store.outbox.deliveries.claim(30)
    async with store.db.transaction() as tx:
        for table in reversed(schema.metadata.sorted_tables):
            if table.name not in ("audit", "identity"):
                await tx.execute(table.delete())

    await _enqueue_many(store, many)
    with statements() as for_many:
        first = await store.outbox.deliveries.claim(30)

    assert len(for_many) == len(for_few)
    assert first
    assert len(await store.jobs.changes.in_digest(first.id)) == MAX_CHANGES


async def test_what_is_too_much_for_one_claim_is_sent_in_order_all_the_same(store: Store) -> None:
    await _enqueue_many(store, 1200)
    told: list[int] = []
    while delivery := await store.outbox.deliveries.claim(30):
        told += [each.id for each in await store.jobs.changes.in_digest(delivery.id)]
        async with store.db.transaction() as tx:
            await store.outbox.deliveries.complete(tx, delivery, "sent", unconfirmed=False, ts="1.000100")

    assert told == sorted(row.id for row in await rows(store, schema.change))


async def test_the_head_of_each_queue_is_looked_up_once_for_a_claim(postgres_url: str) -> None:
    async with open_store(postgres_url, StoreClock(postgres_url).now) as store:
        for nth in range(3):
            await enqueue(store, *[f"C{nth}"] * 10)
        chosen = select(schema.delivery.c.id).where(*due(1_700_000_000.0, 0.0)).order_by(position()).limit(1)
        async with store.db.transaction() as tx:
            # What it believes where nobody has counted the rows yet, or where all of them were sent long ago.
            await tx.execute(text("SET LOCAL enable_hashjoin = off"))
            await tx.execute(text("SET LOCAL enable_mergejoin = off"))
            compiled = chosen.compile(tx.engine.sync_engine, compile_kwargs={"literal_binds": True})
            found = await tx.scalar(text(f"EXPLAIN (ANALYZE, FORMAT JSON) {compiled}"))
        plan = json.loads(found) if isinstance(found, str) else found
        assert {node["Actual Loops"] for node in _nodes(plan[0]["Plan"]) if "Aggregate" in node["Node Type"]} == {1}


def _nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    yield plan
    for each in plan.get("Plans", ()):
        yield from _nodes(each)


async def test_the_end_of_a_mute_that_held_much_tells_all_of_it_in_several_transactions(store: Store) -> None:
    await store.channels.mutes.begin([ACCOUNT], "C1", EVERY_JOB, "U1", 60)
    await _enqueue_many(store, 1200, schema.MUTED)

    with statements() as sent:
        assert await store.channels.mutes.end("C1") == (1, 1200)

    held = await deliveries(store)
    digests = [row for row in held if row.message_kind == "digest"]
    assert len(digests) == 1200 / MAX_CHANGES
    assert {row.digest_id for row in held if row.message_kind != "digest"} == {row.id for row in digests}
    assert sum("INSERT INTO delivery" in each for each in sent) == 3, "at most 20 digests in one"
    assert await store.channels.mutes.end("C1") == (0, 0)


async def test_what_a_crash_left_muted_is_sent_by_the_next_poll(store: Store) -> None:
    await store.channels.mutes.begin([ACCOUNT], "C1", EVERY_JOB, "U1", 60)
    await _enqueue_many(store, 30, schema.MUTED)
    async with store.db.transaction() as tx:
        await tx.execute(schema.mute.delete())

    assert await store.channels.mutes.expire() == 30


@pytest.mark.parametrize("by", ["retry", "reopen"])
async def test_all_that_is_parked_is_requeued_once(store: Store, by: str) -> None:
    await _enqueue_many(store, 2100, "parked")

    for count in (2100, 0):
        assert (
            await (
                store.outbox.dead_letters.retry() if by == "retry" else store.outbox.dead_letters.unpark_channel("C1")
            )
            == count
        )

    async with store.db.transaction() as tx:
        pending = select(func.count()).where(schema.delivery.c.state == "pending")
        assert await tx.scalar(pending) == 2100


async def test_a_notice_takes_as_many_statements_for_many_people_as_for_one(store: Store) -> None:
    sent: dict[int, int] = {}
    for count in (1, 300):
        people = [f"U{nth:04d}" for nth in range(count)]
        async with store.db.transaction() as tx:
            with statements() as each:
                about = f"account-{count}"
                await Notices(store, None).enqueue(
                    tx, NoticeKind.ACCOUNT_FAILING, about, began_at=0.0, people=people, error="x"
                )
        sent[count] = len(each)

    assert sent[300] == sent[1]
    assert len(await deliveries(store)) == 301
