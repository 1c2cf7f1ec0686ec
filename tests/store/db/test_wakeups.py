import asyncio

import pytest
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

from bot.store import Store
from bot.store.db.wakeups import Queue


@pytest.fixture
def deliveries(store: Store) -> asyncio.Event:
    return store.db.wakeups.subscribe(Queue.DELIVERIES)


@pytest.fixture
def cards(store: Store) -> asyncio.Event:
    return store.db.wakeups.subscribe(Queue.CARDS)


async def test_a_commit_wakes_the_workers_of_the_queues_that_it_gave_work_and_no_others(
    store: Store, deliveries: asyncio.Event, cards: asyncio.Event
) -> None:
    second = store.db.wakeups.subscribe(Queue.CARDS)

    async with store.db.transaction() as tx:
        tx.wakes(Queue.CARDS)
        assert not cards.is_set(), "before the commit there is nothing to see"

    assert cards.is_set()
    assert second.is_set()
    assert not deliveries.is_set()


async def test_a_transaction_wakes_for_itself_alone_whichever_connection_it_has(
    store: Store, cards: asyncio.Event
) -> None:
    async with store.db.transaction() as tx:
        tx.wakes(Queue.CARDS)
    cards.clear()

    for _ in range(10):
        async with store.db.transaction() as tx:
            await tx.execute(text("SELECT 1"))

    assert not cards.is_set()


async def test_a_rollback_wakes_nobody(store: Store, deliveries: asyncio.Event) -> None:
    with pytest.raises(DBAPIError):
        await _break(store)

    assert not deliveries.is_set()


async def _break(store: Store) -> None:
    async with store.db.transaction() as tx:
        tx.wakes(Queue.DELIVERIES)
        await tx.execute(text("SELECT no_such_column"))
