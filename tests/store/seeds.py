"""Seed data for a store, and queries of its rows."""

import itertools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

from sqlalchemy import Row, Table, select

from bot.jobs.changes import Change, ChangeKind, State
from bot.jobs.models import Snapshot
from bot.providers.http.wire import FetchedJob
from bot.store import Store, open_store
from bot.store.channels.tracks import Track
from bot.store.db import schema
from bot.store.jobs.jobs import KnownJob
from bot.store.outbox.delivery import Delivery, MessageKind, NewDelivery, Outcome
from tests.store.clocks import StoreClock

ACCOUNT = "default"
STARTED = Change(ChangeKind.STATUS, State("queued"), State("running"))

_numbers = itertools.count(1)


def reading(job_id: str, status: str = "running", model: str | None = None, **fields: Any) -> FetchedJob:
    """Return a job as an API would describe it."""
    body = {"id": job_id, "status": status, "fine_tuned_model": model, "created_at": 1000, **fields}
    return FetchedJob(Snapshot.model_validate(body), body)


async def add_jobs(store: Store, *readings: FetchedJob, account: str = ACCOUNT) -> None:
    """Add jobs to the store."""
    async with store.db.transaction() as tx:
        await store.jobs.states.add(tx, account, [each.snapshot for each in readings])


async def known_job(store: Store, job_id: str) -> KnownJob:
    """Return a job that must be known."""
    job = await store.jobs.states.find(ACCOUNT, job_id)
    assert job is not None
    return job


async def track(store: Store, *pairs: tuple[str, str], person: str | None = "U1") -> None:
    """Track jobs in channels: (channel, job id)."""
    async with store.db.transaction() as tx:
        await store.channels.tracks.add(tx, [Track(ACCOUNT, job_id, channel, person) for channel, job_id in pairs])


async def enqueue(
    store: Store, *channels: str, kind: MessageKind = MessageKind.CHANGE, job: str | None = None
) -> list[int]:
    """Enqueue one alert per channel, in this order, each of its own job; return the change ids."""
    changes = []
    async with store.db.transaction(without_timeout=True) as tx:  # some statements for each
        for channel in channels:
            body = reading(job or f"ftjob-{next(_numbers):06d}").body
            recorded = await store.jobs.changes.write(tx, ACCOUNT, 2, STARTED, body)
            card, _ = await store.jobs.cards.get_or_create(tx, ACCOUNT, recorded.job_id, channel)
            await store.outbox.deliveries.enqueue(tx, recorded, NewDelivery(channel, kind, card.id))
            changes.append(recorded.id)
    return changes


async def claim(store: Store, lease: float = 30.0) -> Delivery:
    """Claim a row that must be there."""
    delivery = await store.outbox.deliveries.claim(lease)
    assert delivery is not None
    return delivery


async def claim_and_attempt(store: Store, lease: float = 30.0) -> Delivery:
    """Claim a row that must be there, and note that it is being posted."""
    delivery = await claim(store, lease)
    assert await store.outbox.deliveries.begin_attempt(delivery, thread_ts=None, min_lease=0, lookup_after=0)
    return delivery


async def complete(
    store: Store,
    delivery: Delivery,
    outcome: Outcome,
    *,
    unconfirmed: bool | None = None,
    channel_wait: float = 0.0,
    **more: Any,
) -> bool:
    """Record the outcome of an attempt, as the worker does; the outcome decides whether it is unconfirmed."""
    is_unconfirmed = outcome == "unconfirmed" if unconfirmed is None else unconfirmed
    async with store.db.transaction() as tx:
        kept = await store.outbox.deliveries.complete(tx, delivery, outcome, unconfirmed=is_unconfirmed, **more)
        if kept and channel_wait:
            await store.outbox.deliveries.pause_channel(tx, delivery.channel, channel_wait)
    return kept


async def rows(store: Store, table: Table) -> list[Row[Any]]:
    """Return a whole table, in the order of its first column."""
    async with store.db.transaction() as tx:
        return list(await tx.execute(select(table).order_by(*table.primary_key.columns)))


async def deliveries(store: Store, channel: str | None = None) -> list[Row[Any]]:
    """Return the rows of the outbox, oldest first, of one channel or of all."""
    return [row for row in await rows(store, schema.delivery) if channel in (None, row.channel)]


async def contents(store: Store) -> dict[str, list[Row[Any]]]:
    """Return everything that is stored, to see that nothing changed."""
    return {table.name: await rows(store, table) for table in schema.metadata.sorted_tables}


@asynccontextmanager
async def several_stores(
    store: Store, database_url: str, time: StoreClock, size: int = 4
) -> AsyncIterator[list[Store]]:
    """Yield stores on one database: on PostgreSQL each has connections of its own, as several processes have."""
    if store.db.is_sqlite:
        yield [store] * size
        return
    async with AsyncExitStack() as stack:
        yield [await stack.enter_async_context(open_store(database_url, time.now)) for _ in range(size)]


async def rename_table(store: Store, old: str, new: str) -> None:
    """Let every query of a table fail, or work again."""
    async with store.db.transaction() as tx:
        await tx.exec_driver_sql(f"ALTER TABLE {old} RENAME TO {new}")
