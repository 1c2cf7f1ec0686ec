"""How many logs of running jobs are read, by what the store hands out."""

from collections import Counter

import pytest

from bot.jobs.models import job_name
from bot.store import Store
from bot.store.jobs.documents import JobDocument
from tests.store.clocks import StoreClock
from tests.store.jobs.test_names import save
from tests.store.seeds import ACCOUNT, add_jobs, reading, track

JOBS, SECONDS = 12, 30


@pytest.mark.parametrize("every", [1.0, 2.0, 30.0])
async def test_however_often_each_log_is_read_no_more_are_read_in_a_minute(
    store: Store, time: StoreClock, every: float
) -> None:
    running = [reading(f"ftjob-{nth}") for nth in range(JOBS)]
    await add_jobs(store, *running)
    await track(store, *(("C1", each.snapshot.id) for each in running))
    async with store.db.transaction() as tx:
        for each in running:
            await store.jobs.cards.get_or_create(tx, ACCOUNT, each.snapshot.id, "C1")
        await store.jobs.snapshots.save(tx, ACCOUNT, [JobDocument(each.snapshot, each.body) for each in running])

    reads = Counter[str]()
    for _ in range(SECONDS):
        taken = await store.jobs.snapshots.claim_running(ACCOUNT, interval=every, most=60)
        reads.update(each.job_id for each in taken)
        await time.advance(store, 1.0)

    assert sum(reads.values()) <= SECONDS + every, "one a second, and those of a first look at once"
    assert max(reads.values()) - min(reads[each.snapshot.id] for each in running) <= 1, "each has its turn"


async def test_snapshots_of_several_jobs_are_those_that_were_asked_for_and_are_there(store: Store) -> None:
    await save(store, ("ftjob-a", "ranker v7"), ("ftjob-b", "ranker v8"), ("ftjob-c", "other"))
    keys = [(ACCOUNT, "ftjob-a"), (ACCOUNT, "ftjob-b"), (ACCOUNT, "ftjob-d"), ("other", "ftjob-c")]

    found = await store.jobs.snapshots.of_jobs(keys)

    assert {key: job_name(each.job) for key, each in found.items()} == dict(
        zip(keys[:2], ["ranker v7", "ranker v8"], strict=True)
    )
    assert found[keys[0]] == await store.jobs.snapshots.find(*keys[0])
    assert await store.jobs.snapshots.of_jobs([]) == {}
    assert await store.jobs.snapshots.find(*keys[2]) is None
