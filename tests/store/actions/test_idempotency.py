import asyncio

from bot.store import Store
from bot.store.actions.idempotency import RETENTION
from bot.store.db import schema
from tests.store.clocks import StoreClock
from tests.store.seeds import rows


async def test_a_request_is_acted_on_once_by_whatever_process(store: Store) -> None:
    claims = await asyncio.gather(*(store.actions.idempotency_keys.claim("trigger-1") for _ in range(10)))

    assert sorted(claims) == [False] * 9 + [True]
    assert await store.actions.idempotency_keys.claim("trigger-2")


async def test_requests_are_forgotten_after_an_hour_and_their_names_are_not_kept(
    store: Store, time: StoreClock
) -> None:
    assert await store.actions.idempotency_keys.claim("trigger-1")
    await time.advance(store, RETENTION - 5)
    assert not await store.actions.idempotency_keys.claim("trigger-1")

    await time.advance(store, 10)
    assert await store.actions.idempotency_keys.claim("trigger-2")
    (kept,) = await rows(store, schema.idempotency_key)
    assert "trigger" not in kept.key
