"""The names of jobs, and jobs by name."""

import pytest

from bot.jobs.models import job_name
from bot.store import Store
from bot.store.jobs.documents import JobDocument
from tests.store.seeds import ACCOUNT, add_jobs, reading
from tests.store.statements import statements


async def save(store: Store, *jobs: tuple[str, str], account: str = ACCOUNT) -> None:
    """Save the snapshots of jobs, by ID and name."""
    read = [reading(job_id, metadata={"name": name}) for job_id, name in jobs]
    await add_jobs(store, *read, account=account)
    async with store.db.transaction() as tx:
        for each in read:
            await store.jobs.cards.get_or_create(tx, account, each.snapshot.id, "C1")
        await store.jobs.snapshots.save(tx, account, [JobDocument(each.snapshot, each.body) for each in read])


async def test_names_are_found_in_every_account_with_one_query(store: Store) -> None:
    await save(store, ("ftjob-a", "ranker v7"), ("ftjob-b", ""), ("ftjob-c", "intent-2"))
    await save(store, ("ftjob-d", "<!channel>"), account="research")

    with statements() as sent:
        names = await store.jobs.names.of(["ftjob-a", "ftjob-b", "ftjob-d", "ftjob-a", "ftjob-nosuch", "'"])

    assert names == {"ftjob-a": "ranker v7", "ftjob-d": "<!channel>"}
    assert sum("job_snapshot" in each for each in sent) == 1
    assert await store.jobs.names.find("ftjob-c") == "intent-2"
    assert await store.jobs.names.find("ftjob-b") is None


async def test_no_job_asks_nothing(store: Store) -> None:
    with statements() as sent:
        assert await store.jobs.names.of([]) == {}

    assert sent == []


async def test_a_job_that_two_accounts_know_has_its_name_unless_they_mean_two(store: Store) -> None:
    await save(store, ("ftjob-a", "ranker v7"), ("ftjob-b", "intent-2"))
    await save(store, ("ftjob-a", "ranker v7"), ("ftjob-b", "ads v3"), account="research")

    assert await store.jobs.names.of(["ftjob-a", "ftjob-b"]) == {"ftjob-a": "ranker v7"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("ranker v7", ["ranker v7"]),
        ("RANKER", ["ranker v7", "Ranker v8"]),
        ("größe", ["GRÖSSE Größe"]),
        ("GRÖ", ["GRÖSSE Größe"]),
        ("%", ["100%"]),
        ("r_nker", []),
        ("'", []),
    ],
)
async def test_a_job_is_found_by_a_part_of_its_name_and_wildcards_are_letters(
    store: Store, text: str, found: list[str]
) -> None:
    names = ("ranker v7", "Ranker v8", "100%", "GRÖSSE Größe")
    await save(store, *((f"ftjob-{letter}", name) for letter, name in zip("abcd", names, strict=True)))

    assert [job_name(job) for _, job in await store.jobs.names.jobs_with(text, 10)] == found
    assert len(await store.jobs.names.jobs_with("ranker", 1)) == 1
