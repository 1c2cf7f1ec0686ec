"""Batches: work that fits its time limit whatever there is of it, and one job that never stops the others."""

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from bot.jobs.changes import State
from bot.providers.http.wire import FetchedJob
from bot.runtime import failpoints
from bot.runtime.failpoints import arm
from bot.store import Store, open_store
from bot.store.channels.subscriptions import Subscription
from bot.store.channels.tracks import Track
from bot.store.db import schema
from bot.store.db.engine import Transaction
from bot.telemetry import metrics
from bot.tracking.batches import Batches
from bot.tracking.recorder import Recorder
from bot.tracking.transitions import ObservedJob, PollResult, observed_jobs
from tests.postgres import RestartablePostgres, restartable_postgres
from tests.store.clocks import StoreClock
from tests.store.seeds import ACCOUNT, add_jobs, deliveries, known_job, reading, rows, track
from tests.store.statements import statements

MANY = 600
"""Jobs that are more than one batch on either database."""
SURROGATE = "run\ud800ning"
NUL = "ft:m\0"


def _jobs(count: int, status: str = "queued", model: str | None = None) -> list[FetchedJob]:
    """Return jobs as a list of them names them: the newest first."""
    return [reading(f"ftjob-{n:04d}", status, model, created_at=1000 + n) for n in reversed(range(count))]


async def _seen(store: Store, readings: Sequence[FetchedJob], **more: Any) -> PollResult:
    return PollResult(ACCOUNT, readings, await store.jobs.states.newest(ACCOUNT, 1000), **more)


async def _enqueued(store: Store, channel: str = "C1") -> list[str]:
    """Return the jobs whose changes are enqueued for a channel, in order."""
    changes = {row.id: row for row in await rows(store, schema.change)}
    return [changes[row.change_id].job_id for row in await deliveries(store, channel) if row.message_kind == "change"]


def _unrecorded() -> float:
    return metrics.JOB_WRITE_FAILURES.labels(ACCOUNT)._value.get()  # type: ignore[no-any-return] # noqa: SLF001


async def _ends(store: Store, jobs: int, channels: int) -> PollResult:
    """Let jobs that channels follow, and whose cards are yet to be posted, be over."""
    await add_jobs(store, *_jobs(jobs))
    await track(store, *((f"C{nth}", each.snapshot.id) for each in _jobs(jobs) for nth in range(channels)))
    return await _seen(store, _jobs(jobs, "succeeded", "ft:m"))


async def _news(store: Store, jobs: int, channels: int) -> PollResult:
    """Let jobs be new to channels."""
    async with store.db.transaction() as tx:
        for nth in range(channels):
            await store.channels.subscriptions.add(tx, Subscription(ACCOUNT, f"C{nth}", "U1", 0))
    return await _seen(store, _jobs(jobs))


async def _absences(store: Store, jobs: int, channels: int) -> PollResult:
    """Let jobs that channels follow be absent for long enough to be missing."""
    seen = await _ends(store, jobs, channels)
    async with store.db.transaction() as tx:
        await tx.execute(text("UPDATE job SET misses = 9, missed_since = 1, missed_at = 2"))
    return PollResult(ACCOUNT, (), await store.jobs.states.newest(ACCOUNT, 1000), missing=list(seen.known))


@pytest.mark.parametrize("made", [_ends, _news, _absences], ids=["ends", "new jobs", "absences"])
async def test_a_batch_takes_as_many_statements_for_many_jobs_and_channels_as_for_few(
    store: Store, recorder: Recorder, made: Callable[[Store, int, int], Any]
) -> None:
    few = await made(store, 2, 1)
    with statements() as for_few:
        assert await recorder.record(few) == 2
    async with store.db.transaction() as tx:
        for table in reversed(schema.metadata.sorted_tables):
            if table.name not in ("audit", "identity"):
                await tx.execute(table.delete())

    many = await made(store, 20, 9)
    with statements() as for_many:
        assert await recorder.record(many) == 20

    assert len(for_many) == len(for_few)
    assert len({(row.channel, row.change_id) for row in await deliveries(store)}) == 20 * 9


async def test_what_is_more_than_a_batch_is_enqueued_once_and_oldest_first(store: Store, recorder: Recorder) -> None:
    seen = await _ends(store, MANY, 2)
    ended: list[int] = []

    async def end(tx: Transaction) -> None:
        ended.append(len(list(await tx.execute(schema.change.select()))))

    assert await recorder.record(seen, at_end=end) == MANY

    for channel in ("C0", "C1"):
        assert await _enqueued(store, channel) == [each.snapshot.id for each in reversed(_jobs(MANY))]
    assert ended == [MANY], "the end comes after the last batch"


class ProcessKilled(BaseException):
    """The process, at a point."""


async def test_a_death_between_two_batches_loses_nothing_and_doubles_nothing(store: Store, recorder: Recorder) -> None:
    seen, ended = await _ends(store, MANY, 1), []

    async def end(_tx: Transaction) -> None:
        ended.append(True)

    def die(point: str) -> None:
        if point == "after_record":
            raise ProcessKilled

    arm(die)
    try:
        with pytest.raises(ProcessKilled):
            await recorder.record(seen, at_end=end)
    finally:
        arm(None)
    before = len(await rows(store, schema.change))
    assert 0 < before < MANY
    assert ended == []

    # Somebody who knows the jobs as they were, and somebody who knows them as they are.
    later = [await Recorder(store).record(each) for each in (seen, await _seen(store, seen.fetched))]

    assert later == [MANY - before, 0]
    assert await _enqueued(store, "C0") == [each.snapshot.id for each in reversed(_jobs(MANY))]


@pytest.mark.parametrize(
    "poison",
    [
        reading("ftjob-0007", "failed\0", created_at=1007),
        reading("ftjob-0007", "succeeded", NUL, created_at=1007),
        reading("ftjob-0007", SURROGATE, created_at=1007),
        reading("ftjob-0007", "failed", "\udfff", created_at=1007),
        reading("ftjob-0007", "failed", created_at=1007, seed=10**5000),
        reading("ftjob-\0", "failed", created_at=1007),
    ],
    ids=[
        "NUL in a status",
        "NUL in a model",
        "surrogate in a status",
        "in a model",
        "digits",
        "NUL in an id",
    ],
)
@pytest.mark.parametrize("is_new", [False, True], ids=["known", "new"])
async def test_a_job_that_cannot_be_stored_stops_no_other(
    store: Store, recorder: Recorder, poison: FetchedJob, *, is_new: bool
) -> None:
    jobs, ended = 20, []
    before = [] if is_new else _jobs(jobs)
    await add_jobs(store, *before)
    await track(store, *(("C1", f"ftjob-{n:04d}") for n in range(jobs)))
    async with store.db.transaction() as tx:
        await store.channels.subscriptions.add(tx, Subscription(ACCOUNT, "C2", "U1", 0))
    page = [poison if each.snapshot.created_at == 1007 else each for each in _jobs(jobs, "failed")]

    async def end(_tx: Transaction) -> None:
        ended.append(True)

    await recorder.record(await _seen(store, page), at_end=end)

    others = [f"ftjob-{n:04d}" for n in range(jobs) if n != 7]
    if is_new:
        announced = {each.track.job_id for each in await store.channels.tracks.in_channel("C2")}
        assert announced >= set(others)
    else:
        assert [job for job in await _enqueued(store) if job in others] == others
    assert ended == [True]


async def test_a_job_that_cannot_be_stored_is_named_once_counted_and_tried_ever_more_seldom(
    store: Store, recorder: Recorder
) -> None:
    await add_jobs(store, *_jobs(3))
    page = [*_jobs(3, "running")[:2], reading("ftjob-0000", SURROGATE, created_at=1000)]
    counted = _unrecorded()

    with capture_logs() as logs:
        for _ in range(20):
            await recorder.record(await _seen(store, page))

    named = [entry for entry in logs if entry["event"] == "job.record_failed"]
    assert [(entry["job"], entry["log_level"]) for entry in named] == [("ftjob-0000", "error")]
    assert named[0]["error"]
    # The first time, then after 1, 3 and 7 times of being passed over.
    assert _unrecorded() - counted == 4
    assert (await known_job(store, "ftjob-0000")).state == State("queued")


async def test_a_job_that_could_not_be_stored_is_enqueued_once_it_can_be(store: Store, recorder: Recorder) -> None:
    await add_jobs(store, *_jobs(3))
    await track(store, ("C1", "ftjob-0000"))
    await recorder.record(await _seen(store, [reading("ftjob-0000", SURROGATE, created_at=1000)]))

    counts = [
        await recorder.record(await _seen(store, [reading("ftjob-0000", "running", created_at=1000)])) for _ in range(3)
    ]

    assert counts == [0, 1, 0]
    assert await _enqueued(store) == ["ftjob-0000"]


async def test_a_subscription_is_stored_although_one_open_job_cannot_be(store: Store, recorder: Recorder) -> None:
    page = [*_jobs(5, "running"), reading("ftjob-broken", SURROGATE)]

    await recorder.subscribe(Subscription(ACCOUNT, "C1", "U1", 2000), await _seen(store, page))

    followed = {each.track.job_id for each in await store.channels.tracks.in_channel("C1")}
    assert followed == {each.snapshot.id for each in _jobs(5)}
    assert len(await store.channels.subscriptions.in_channel("C1")) == 1


@pytest.fixture
def server() -> Any:
    with restartable_postgres() as started:
        yield started


async def test_a_batch_that_outgrows_its_time_is_halved_until_it_fits(postgres_url: str) -> None:
    jobs = 40
    async with open_store(postgres_url, StoreClock(postgres_url).now, transaction_timeout=2.0) as store:
        seen = await _ends(store, jobs, 1)
        async with store.db.transaction(without_timeout=True) as tx:
            # A database that dawdles over each alert: too long for all of them, not for one.
            await tx.execute(
                text(
                    "CREATE FUNCTION dawdle() RETURNS trigger LANGUAGE plpgsql AS "
                    "$$ BEGIN PERFORM pg_sleep(0.03); RETURN NEW; END $$"
                )
            )
            await tx.execute(
                text("CREATE TRIGGER slow BEFORE INSERT ON delivery FOR EACH ROW EXECUTE FUNCTION dawdle()")
            )

        with statements() as sent:
            assert await Recorder(store).record(seen) == jobs

        assert sum("INSERT INTO delivery" in each for each in sent) > 2, "all at once does not fit"
        assert await _enqueued(store, "C0") == [each.snapshot.id for each in reversed(_jobs(jobs))]


async def test_a_slow_transaction_without_jobs_makes_no_batch_smaller(postgres_url: str) -> None:
    async with open_store(postgres_url, StoreClock(postgres_url).now, transaction_timeout=2.0) as store:
        batches, sizes = Batches(store.db), list[int]()

        async def work(batch: Sequence[ObservedJob]) -> None:
            sizes.append(len(batch))

        jobs = observed_jobs(PollResult(ACCOUNT, _jobs(MANY), {}))
        await batches.each(jobs, work)
        async with batches.transaction(()) as tx:
            await tx.execute(text("SELECT pg_sleep(0.5)"))
        before, sizes = sizes, []
        await batches.each(jobs, work)

    assert sizes == before


async def test_a_database_that_hangs_is_no_reason_to_halve(server: RestartablePostgres) -> None:
    async with open_store(server.url, StoreClock(server.url).now, transaction_timeout=1.0) as store:
        recorder, seen, counted = Recorder(store), await _ends(store, 40, 1), _unrecorded()

        with server.frozen(), statements() as sent, pytest.raises(TimeoutError):
            await asyncio.wait_for(recorder.record(seen), 60)
        assert len(sent) <= 2

        assert _unrecorded() == counted
        assert await recorder.record(seen) == 40
        assert len(await _enqueued(store, "C0")) == 40


async def test_a_database_that_goes_away_between_two_batches_costs_only_time(server: RestartablePostgres) -> None:
    async with open_store(server.url, StoreClock(server.url).now) as store:

        def stop(failpoint: str) -> None:
            if failpoint == "after_record":
                failpoints.arm(None)
                server.stop_at_once()

        recorder, seen, counted = Recorder(store), await _ends(store, MANY, 1), _unrecorded()
        failpoints.arm(stop)
        with pytest.raises(Exception, match=r"."):
            await recorder.record(seen)
        server.start()

        assert _unrecorded() == counted
        assert 0 < await recorder.record(seen) < MANY
        assert await _enqueued(store, "C0") == [each.snapshot.id for each in reversed(_jobs(MANY))]


async def test_what_a_track_shows_of_an_open_job_does_not_hold_up_a_subscription_to_many(
    store: Store, recorder: Recorder
) -> None:
    for count, channel in ((2, "C1"), (40, "C2")):
        page = await _seen(store, _jobs(count, "running"))
        await recorder.record(page)
        with statements() as sent:
            await recorder.subscribe(Subscription(ACCOUNT, channel, "U1", 5000), await _seen(store, page.fetched))
        if channel == "C1":
            few = len(sent)

    assert len(sent) == few
    assert len(await store.channels.tracks.in_channel("C2")) == 40
    assert Track(ACCOUNT, "ftjob-0039", "C2", None) in await store.channels.tracks.followers(ACCOUNT, "ftjob-0039")
