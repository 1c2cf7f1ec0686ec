from bot.store import Store
from tests.store.seeds import claimed, owe, settle

NOTHING = dict.fromkeys(("pending", "inflight", "ambiguous", "parked", "dead", "muted"), 0)


async def test_what_did_not_reach_slack_is_counted_by_its_state(store: Store) -> None:
    assert await store.undelivered.by_state() == NOTHING

    await owe(store, "C1", "C2", "C3")
    await settle(store, await claimed(store), "parked", error="is_archived")
    await settle(store, await claimed(store), "sent", ts="1.0")
    await claimed(store)

    assert await store.undelivered.by_state() == NOTHING | {"parked": 1, "inflight": 1}
