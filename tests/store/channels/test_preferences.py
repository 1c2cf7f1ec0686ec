from bot.store import Store
from bot.store.channels.preferences import Preferences
from bot.store.db import schema
from tests.store.seeds import ACCOUNT, add_jobs, reading, rows


async def test_a_channel_is_as_every_channel_until_somebody_chooses(store: Store) -> None:
    async with store.db.transaction() as tx:
        await store.outbox.deliveries.pause_channel(tx, "C1", 5.0)

    assert await store.channels.preferences.find("C1") == await store.channels.preferences.find("C2") == Preferences()


async def test_one_setting_is_changed_and_the_others_stay(store: Store) -> None:
    assert await store.channels.preferences.change("C1", broadcast=False) == Preferences(broadcast=False)
    assert await store.channels.preferences.change("C1", failures_only=True) == Preferences(
        broadcast=False, failures_only=True
    )
    assert await store.channels.preferences.find("C2") == Preferences()


async def test_a_setting_gives_a_channel_that_has_to_rest_no_turn(store: Store) -> None:
    async with store.db.transaction() as tx:
        await store.outbox.deliveries.pause_channel(tx, "C1", 60.0)
    (before,) = await rows(store, schema.channel)

    await store.channels.preferences.change("C1", full_cards=True)

    (after,) = await rows(store, schema.channel)
    assert after.free_at == before.free_at
    assert after.full_cards


async def test_another_size_redraws_the_cards_of_open_jobs_in_that_channel(store: Store) -> None:
    await add_jobs(store, reading("ftjob-a"), reading("ftjob-over", "succeeded"))
    async with store.db.transaction() as tx:
        await store.jobs.states.close(tx, ACCOUNT, ["ftjob-over"])
        for job, channel in (("ftjob-a", "C1"), ("ftjob-a", "C2"), ("ftjob-over", "C1")):
            await store.jobs.cards.get_or_create(tx, ACCOUNT, job, channel)

    async def wanted() -> dict[tuple[str, str], int]:
        return {(row.job_id, row.channel): row.generation for row in await rows(store, schema.card)}

    await store.channels.preferences.change("C1", broadcast=False)
    assert set((await wanted()).values()) == {0}
    await store.channels.preferences.change("C1", full_cards=True)
    await store.channels.preferences.change("C1", full_cards=True)
    assert await wanted() == {("ftjob-a", "C1"): 1, ("ftjob-a", "C2"): 0, ("ftjob-over", "C1"): 0}
