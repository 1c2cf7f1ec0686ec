import asyncio
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy.exc import IntegrityError

from bot.jobs.changes import Change, ChangeKind, State, first_change
from bot.jobs.debounce import Absence, SoftState
from bot.store import Store
from bot.store.db import schema
from bot.store.jobs.jobs import FIRST_VERSION, KnownJob, is_unchanged
from tests.store.clocks import StoreClock
from tests.store.seeds import ACCOUNT, STARTED, add_jobs, known_job, reading, rows, several_stores


async def test_a_job_that_was_never_seen_is_not_known(store: Store) -> None:
    assert await store.jobs.states.find(ACCOUNT, "ftjob-a") is None


async def test_a_job_is_known_as_it_was_first_seen(store: Store, time: StoreClock) -> None:
    await add_jobs(store, reading("ftjob-a", "succeeded", "ft:m", created_at=1234))

    job = await known_job(store, "ftjob-a")

    state = State("succeeded", "ft:m")
    assert job == KnownJob(ACCOUNT, "ftjob-a", FIRST_VERSION, state, 1234.0, job.state_since, closed=False)
    assert time.now() - job.state_since == time.approx(0)


async def test_accounts_do_not_see_each_others_jobs(store: Store) -> None:
    await add_jobs(store, reading("ftjob-a"), account="other")

    assert await store.jobs.states.find(ACCOUNT, "ftjob-a") is None
    assert await store.jobs.states.newest(ACCOUNT, 10) == {}
    assert await store.jobs.states.find("other", "ftjob-a")


async def test_the_first_read_of_a_job_is_stored_once_and_says_what_was_new(store: Store) -> None:
    await add_jobs(store, reading("ftjob-a", "queued"))

    async with store.db.transaction() as tx:
        snapshots = [reading(job_id, "running").snapshot for job_id in ("ftjob-a", "ftjob-b")]
        added = await store.jobs.states.add(tx, ACCOUNT, snapshots)

    assert added == {"ftjob-b"}
    assert (await known_job(store, "ftjob-a")).state == State("queued")


async def test_two_who_see_a_job_first_at_once_are_one(store: Store, database_url: str, time: StoreClock) -> None:
    snapshots = [reading(f"ftjob-{n}").snapshot for n in range(20)]

    async def add(mine: Store) -> set[str]:
        async with mine.db.transaction() as tx:
            return await mine.jobs.states.add(tx, ACCOUNT, snapshots)

    async with several_stores(store, database_url, time) as stores:
        added = await asyncio.gather(*map(add, stores))

    assert sorted(job for each in added for job in each) == sorted(snapshot.id for snapshot in snapshots)


async def test_nothing_to_add_asks_nothing(store: Store) -> None:
    async with store.db.transaction() as tx:
        assert await store.jobs.states.add(tx, ACCOUNT, []) == set()


async def test_jobs_are_written_as_they_are_to_be_and_no_others(store: Store) -> None:
    await add_jobs(store, *(reading(f"ftjob-{letter}", "queued") for letter in "abc"))
    async with store.db.transaction() as tx:
        there, _ = await store.jobs.states.lock(tx, ACCOUNT, ["ftjob-a", "ftjob-b", "ftjob-none"])
        full = replace(
            there["ftjob-a"],
            version=7,
            state=State("failed", "ft:m"),
            state_since=1.0,
            closed=True,
            soft_state=SoftState("running", 2.0),
            absence=Absence(3, 4.0, 5.0),
            missing=True,
            stalled_since=6.0,
        )
        bare = replace(there["ftjob-b"], version=2)
        await store.jobs.states.write(tx, [full, bare])
        await store.jobs.states.write(tx, [])

    assert set(there) == {"ftjob-a", "ftjob-b"}
    assert [await known_job(store, "ftjob-a"), await known_job(store, "ftjob-b")] == [full, bare]
    assert (await known_job(store, "ftjob-c")).version == FIRST_VERSION


@pytest.mark.parametrize(
    ("written", "is_untouched_then"),
    [
        ({}, True),
        ({"closed": True}, True),
        ({"version": 2}, False),
        ({"soft_state": SoftState("running", 2.0)}, False),
        ({"absence": Absence(1, 2.0, 2.0)}, False),
    ],
    ids=["nothing", "settled", "another version", "a doubt", "a miss"],
)
async def test_a_job_is_untouched_until_somebody_writes_what_a_read_compares(
    store: Store, written: dict[str, Any], *, is_untouched_then: bool
) -> None:
    await add_jobs(store, reading("ftjob-a", "queued"))
    seen = await known_job(store, "ftjob-a")

    async with store.db.transaction() as tx:
        await store.jobs.states.write(tx, [replace(seen, **written)])

    assert is_unchanged(seen, await known_job(store, "ftjob-a")) is is_untouched_then


async def test_of_ten_who_swap_at_once_one_wins(store: Store, database_url: str, time: StoreClock) -> None:
    await add_jobs(store, reading("ftjob-a", "queued"))
    seen = await known_job(store, "ftjob-a")

    async def swap(mine: Store, status: str) -> str | None:
        async with mine.db.transaction() as tx:
            there = (await mine.jobs.states.lock(tx, ACCOUNT, ["ftjob-a"]))[0]["ftjob-a"]
            if not is_unchanged(seen, there):
                return None
            await mine.jobs.states.write(tx, [replace(there, version=there.version + 1, state=State(status))])
            return status

    async with several_stores(store, database_url, time) as stores:
        results = await asyncio.gather(*(swap(stores[n % len(stores)], f"status-{n}") for n in range(10)))

    (winner,) = [status for status in results if status]
    job = await known_job(store, "ftjob-a")
    assert (job.version, job.state.status) == (FIRST_VERSION + 1, winner)


async def test_a_change_is_read_as_it_was_written(store: Store, time: StoreClock) -> None:
    change = Change(ChangeKind.STATUS, State("running", "ft:old"), State("failed", "ft:new"))
    body = reading("ftjob-a", "failed", "ft:new", metadata={"naïve": "日本 😀"}).body

    async with store.db.transaction() as tx:
        written = await store.jobs.changes.write(tx, ACCOUNT, 7, change, body, reason="out of memory", late=True)

    read = await store.jobs.changes.find(written.id)
    assert read == written
    assert (read.account, read.job_id, read.version, read.change) == (ACCOUNT, "ftjob-a", 7, change)
    assert (read.body, read.reason, read.late) == (body, "out of memory", True)
    assert read.job.metadata == body["metadata"]
    assert time.now() - read.seen_at == time.approx(0)


async def test_the_last_change_of_a_job_is_the_one_with_the_highest_version(store: Store) -> None:
    async with store.db.transaction() as tx:
        for version in (2, 4, 3):
            await store.jobs.changes.write(tx, ACCOUNT, version, STARTED, reading("ftjob-a").body)
        await store.jobs.changes.write(tx, ACCOUNT, 9, STARTED, reading("ftjob-b").body)

        last = await store.jobs.changes.last(tx, ACCOUNT, "ftjob-a")
        never = await store.jobs.changes.last(tx, ACCOUNT, "ftjob-c")

    assert last is not None
    assert last.version == 4
    assert never is None


async def test_a_version_of_a_job_has_one_change(store: Store) -> None:
    async def write() -> None:
        async with store.db.transaction() as tx:
            await store.jobs.changes.write(tx, ACCOUNT, 2, STARTED, reading("ftjob-a").body)

    await write()
    with pytest.raises(IntegrityError):
        await write()

    assert len(await rows(store, schema.change)) == 1


async def test_the_first_change_of_a_job_goes_from_its_status_to_the_same_and_brings_its_model() -> None:
    state, ready = State("queued"), State("succeeded", "ft:gpt-4o:acme::abc")

    assert first_change(reading("ftjob-a", "queued").snapshot) == Change(ChangeKind.NEW, state, state)
    first = first_change(reading("ftjob-b", ready.status, ready.fine_tuned_model).snapshot)
    assert first == Change(ChangeKind.NEW, State("succeeded"), ready)
    assert first.ends_job, "no alert said so before"


async def test_closed_jobs_are_closed_and_no_others(store: Store) -> None:
    await add_jobs(store, *(reading(f"ftjob-{letter}", "failed") for letter in "abc"))

    async with store.db.transaction() as tx:
        await store.jobs.states.close(tx, ACCOUNT, ["ftjob-a", "ftjob-c"])
        await store.jobs.states.close(tx, ACCOUNT, [])

    assert [(await known_job(store, f"ftjob-{letter}")).closed for letter in "abc"] == [True, False, True]


async def test_stalled_jobs_are_the_open_ones_that_were_reported_last_first(store: Store) -> None:
    await add_jobs(store, *(reading(f"ftjob-{name}", "queued") for name in "abcd"))
    async with store.db.transaction() as tx:
        locked, _ = await store.jobs.states.lock(tx, ACCOUNT, ["ftjob-a", "ftjob-b", "ftjob-c"])
        await store.jobs.states.write(
            tx, [replace(job, stalled_since=float(nth)) for nth, job in enumerate(locked.values(), start=1)]
        )
        await store.jobs.states.close(tx, ACCOUNT, ["ftjob-b"])

    assert [each.id for each in await store.jobs.states.stalled(10)] == ["ftjob-c", "ftjob-a"]
    assert [each.id for each in await store.jobs.states.stalled(1)] == ["ftjob-c"]
