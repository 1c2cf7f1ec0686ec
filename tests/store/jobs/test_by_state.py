from bot.store import Store
from tests.store.seeds import claim, complete, enqueue

NOTHING = dict.fromkeys(("pending", "inflight", "unconfirmed", "parked", "dead", "muted"), 0)


async def test_what_did_not_reach_slack_is_counted_by_its_state(store: Store) -> None:
    assert await store.outbox.dead_letters.by_state() == NOTHING

    await enqueue(store, "C1", "C2", "C3")
    await complete(store, await claim(store), "parked", error="is_archived")
    await complete(store, await claim(store), "sent", ts="1.0")
    await claim(store)

    assert await store.outbox.dead_letters.by_state() == NOTHING | {"parked": 1, "inflight": 1}
