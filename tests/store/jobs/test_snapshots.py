"""How many logs of running jobs are read, by what the store hands out."""

from collections import Counter

import pytest

from bot.store import Store
from bot.store.jobs.snapshots import JobDocument
from tests.store.clocks import StoreClock
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
