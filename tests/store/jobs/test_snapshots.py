"""How many logs of running jobs are read, by what the store hands out."""

from collections import Counter

import pytest

from bot.jobs.models import job_name
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


async def save(store: Store, *jobs: tuple[str, str]) -> None:
    """Save the snapshots of jobs, by ID and name."""
    read = [reading(job_id, metadata={"name": name}) for job_id, name in jobs]
    await add_jobs(store, *read)
    async with store.db.transaction() as tx:
        for each in read:
            await store.jobs.cards.get_or_create(tx, ACCOUNT, each.snapshot.id, "C1")
        await store.jobs.snapshots.save(tx, ACCOUNT, [JobDocument(each.snapshot, each.body) for each in read])


@pytest.mark.parametrize(
    ("text", "found"),
    [("ranker v7", ["ranker v7"]), ("RANKER", ["ranker v7", "Ranker v8"]), ("%", ["100%"]), ("r_nker", []), ("'", [])],
)
async def test_a_job_is_found_by_a_part_of_its_name_and_wildcards_are_letters(
    store: Store, text: str, found: list[str]
) -> None:
    await save(store, ("ftjob-a", "ranker v7"), ("ftjob-b", "Ranker v8"), ("ftjob-c", "100%"))

    assert [job_name(job) for _, job in await store.jobs.snapshots.with_name(text, 10)] == found
    assert len(await store.jobs.snapshots.with_name("ranker", 1)) == 1
