"""Reads that must not be believed: stale ones, and first ones that contradict a finished job."""

import asyncio
import itertools
from collections.abc import Iterator

import pytest

from bot.jobs.changes import ChangeKind, State
from bot.jobs.debounce import CONFIRM_INTERVALS
from bot.providers.http.wire import FetchedJob
from bot.runtime.failpoints import arm
from bot.store import Store
from bot.store.channels.subscriptions import Subscription
from bot.store.channels.tracks import Track
from bot.store.db import schema
from bot.store.jobs.jobs import KnownJob
from bot.tracking.recorder import Recorder
from bot.tracking.transitions import PollResult
from tests.store.clocks import StoreClock
from tests.store.seeds import ACCOUNT, add_jobs, contents, deliveries, known_job, reading, rows, several_stores, track

INTERVAL = 30.0
JOB = "ftjob-a"
MODEL = "ft:m"


@pytest.fixture
def recorder(store: Store) -> Recorder:
    return Recorder(store, interval=INTERVAL)


class Replica:
    """Somebody who knew the job before the request, and records what the answer was some time later."""

    def __init__(self, recorder: Recorder, store: Store) -> None:
        self._recorder = recorder
        self._store = store

    async def knows(self) -> "Replica":
        self._known = await known_job(self._store, JOB)
        return self

    async def records(self, *answers: FetchedJob) -> int:
        return await self._recorder.record(PollResult(ACCOUNT, answers, {JOB: self._known}))

    async def misses(self) -> int:
        return await self._recorder.record(PollResult(ACCOUNT, (), {JOB: self._known}, missing=[JOB]))


async def _finished(store: Store, status: str = "succeeded", model: str | None = MODEL) -> None:
    await add_jobs(store, reading(JOB, status, model))
    await track(store, ("C1", JOB))


async def _reads(recorder: Recorder, store: Store, status: str, model: str | None = None) -> int:
    """Let the job be known, read and recorded."""
    return await (await Replica(recorder, store).knows()).records(reading(JOB, status, model))


async def _recorded(store: Store) -> list[tuple[str, str | None]]:
    return [(row.new_status, row.new_model) for row in await rows(store, schema.change)]


async def test_one_read_that_shows_a_finished_job_unfinished_changes_nothing(
    store: Store, recorder: Recorder, time: StoreClock
) -> None:
    await _finished(store)
    for status in ("running", "succeeded", "running", "succeeded"):
        await time.advance(store, INTERVAL)
        assert await _reads(recorder, store, status, MODEL if status == "succeeded" else None) == 0

    job = await known_job(store, JOB)
    assert (job.state, job.version, job.soft_state) == (State("succeeded", MODEL), 1, None)
    assert await deliveries(store) == []


@pytest.mark.parametrize("after", ["running", "failed", "queued", "word_of_tomorrow"])
async def test_reads_that_say_the_same_for_some_intervals_are_believed(
    store: Store, recorder: Recorder, time: StoreClock, after: str
) -> None:
    await _finished(store)
    async with store.db.transaction() as tx:
        await store.jobs.states.close(tx, ACCOUNT, [JOB])

    assert await _reads(recorder, store, after) == 0
    job = await known_job(store, JOB)
    assert job.soft_state is not None
    assert (job.soft_state.status, job.closed) == (after, False), "it is looked at again"
    for _ in range(CONFIRM_INTERVALS - 1):
        await time.advance(store, INTERVAL)
        assert await _reads(recorder, store, after) == 0
    await time.advance(store, INTERVAL)
    assert await _reads(recorder, store, after) == 1

    job = await known_job(store, JOB)
    assert (job.state, job.version, job.soft_state) == (State(after), 2, None)
    assert await _recorded(store) == [(after, None)]


async def test_two_reads_that_contradict_each_other_too_are_not(
    store: Store, recorder: Recorder, time: StoreClock
) -> None:
    await _finished(store)
    for status in ("running", "failed", "running", "queued"):
        assert await _reads(recorder, store, status) == 0
        await time.advance(store, INTERVAL)

    assert await _recorded(store) == []


async def test_a_model_that_comes_late_and_one_that_vanishes_are_recorded_once_each(
    store: Store, recorder: Recorder
) -> None:
    await _finished(store, model=None)
    for model in (None, MODEL, MODEL, None, None):
        await _reads(recorder, store, "succeeded", model)

    assert await _recorded(store) == [("succeeded", MODEL), ("succeeded", None)]
    assert {row.kind for row in await rows(store, schema.change)} == {ChangeKind.MODEL}


async def test_a_stale_read_neither_confirms_a_soft_state_nor_ends_one(
    store: Store, recorder: Recorder, time: StoreClock
) -> None:
    await _finished(store)
    stale = [await Replica(recorder, store).knows() for _ in range(3)]
    await _reads(recorder, store, "running")
    noted = (await known_job(store, JOB)).soft_state
    await time.advance(store, INTERVAL)

    assert await stale[0].records(reading(JOB, "running")) == 0
    assert await stale[1].records(reading(JOB, "succeeded", MODEL)) == 0
    assert await stale[2].misses() == 0

    job = await known_job(store, JOB)
    assert (job.state, job.absence) == (State("succeeded", MODEL), None)
    assert noted is not None
    assert job.soft_state is not None
    assert time.now() - job.soft_state.since >= INTERVAL - 1


async def test_reads_that_began_together_count_as_one_that_did_not_find_it(store: Store, recorder: Recorder) -> None:
    await _finished(store)
    readers = [await Replica(recorder, store).knows() for _ in range(4)]

    for reader in readers:
        assert await reader.misses() == 0

    absence = (await known_job(store, JOB)).absence
    assert absence is not None
    assert absence.reads == 1


async def test_a_soft_state_that_was_ended_meanwhile_confirms_nothing(
    store: Store, recorder: Recorder, time: StoreClock
) -> None:
    await _finished(store)
    await _reads(recorder, store, "running")
    await time.advance(store, INTERVAL)
    slow = await Replica(recorder, store).knows()
    await _reads(recorder, store, "succeeded", MODEL)

    assert await slow.records(reading(JOB, "running")) == 0

    assert await _recorded(store) == []


def _interleavings() -> set[tuple[str, ...]]:
    """Return every order in which two readers can each know, read and record a job while it goes on, twice."""
    return {
        order
        for places in itertools.combinations(range(8), 3)
        for others in itertools.combinations([place for place in range(8) if place not in places], 3)
        for order in [tuple("A" if n in places else "B" if n in others else "goes on" for n in range(8))]
    }


@pytest.mark.deep
async def test_in_no_order_do_two_readers_take_a_job_back(store: Store, recorder: Recorder) -> None:
    orders = sorted(_interleavings())
    assert len(orders) == 560
    await add_jobs(store, *(reading(f"ftjob-{n:03}", "queued") for n in range(len(orders))))
    for nth, order in enumerate(orders):
        await _play(store, recorder, f"ftjob-{nth:03}", order)

    rank = ["queued", "running", "succeeded"]
    changes = await rows(store, schema.change)
    assert len(changes) > 400
    assert [row for row in changes if rank.index(row.old_status) >= rank.index(row.new_status)] == []


async def _play(store: Store, recorder: Recorder, job: str, order: tuple[str, ...]) -> None:
    truth = iter(["running", "succeeded"])
    now, steps = "queued", {"A": iter("krc"), "B": iter("krc")}
    known_to: dict[str, KnownJob] = {}
    answers: dict[str, FetchedJob] = {}
    for who in order:
        match "t" if who == "goes on" else next(steps[who]):
            case "t":
                now = next(truth)
            case "k":
                known_to[who] = await known_job(store, job)
            case "r":
                answers[who] = reading(job, now)
            case _:
                await recorder.record(PollResult(ACCOUNT, [answers[who]], {job: known_to[who]}))


async def test_many_readers_at_once_never_take_a_job_back(store: Store, database_url: str, time: StoreClock) -> None:
    jobs = [f"ftjob-{n:03}" for n in range(100)]
    await add_jobs(store, *(reading(job, "queued") for job in jobs))
    rank = ["queued", "running", "succeeded"]
    turn = [0]
    async with several_stores(store, database_url, time) as stores:

        async def poll(each: Store) -> None:
            recorder = Recorder(each, interval=INTERVAL)
            for _ in range(6):
                before = await each.jobs.states.newest(ACCOUNT, 200)
                answers = [reading(job, rank[min(2, turn[0] // 4)]) for job in jobs]
                turn[0] += 1
                await recorder.record(PollResult(ACCOUNT, answers, before))

        await asyncio.gather(*map(poll, stores))

    changes = await rows(store, schema.change)
    assert [row for row in changes if rank.index(row.old_status) >= rank.index(row.new_status)] == []
    assert {(await known_job(store, job)).state.status for job in jobs} == {"succeeded"}


async def test_a_card_that_shows_a_soft_state_is_corrected_in_its_channel_alone(
    store: Store, recorder: Recorder
) -> None:
    await _finished(store)
    job = await known_job(store, JOB)

    await recorder.add_track(Track(ACCOUNT, JOB, "C2", "U1"), reading(JOB, "running"), job, card_ts="1.1")

    assert (await known_job(store, JOB)).state == State("succeeded", MODEL)
    assert await deliveries(store, "C1") == []
    (delivery,) = await deliveries(store, "C2")
    found = await store.jobs.changes.find(delivery.change_id)
    assert (found.change.before.status, found.change.after) == ("running", State("succeeded", MODEL))
    assert found.job.status == "succeeded"


async def test_a_soft_state_does_not_outlive_a_model_that_came_with_the_stored_state(
    store: Store, recorder: Recorder
) -> None:
    await _finished(store, model=None)
    await _reads(recorder, store, "running")
    await _reads(recorder, store, "succeeded", MODEL)

    job = await known_job(store, JOB)
    assert (job.state, job.soft_state) == (State("succeeded", MODEL), None)


@pytest.fixture
def passed() -> Iterator[list[str]]:
    """The crash points that were passed."""
    names: list[str] = []
    arm(names.append)
    yield names
    arm(None)


async def test_the_ends_of_a_record_are_points_at_which_a_test_can_kill(
    store: Store, recorder: Recorder, passed: list[str]
) -> None:
    await _finished(store)
    subscription = Subscription(ACCOUNT, "C3", "U1", 0)
    await _reads(recorder, store, "running")
    await recorder.subscribe(subscription, PollResult(ACCOUNT, (), {}))
    await recorder.add_track(Track(ACCOUNT, "ftjob-b", "C2", "U1"), reading("ftjob-b"), None, card_ts="1.1")

    assert passed == ["before_record", "after_record"] * 3


class ProcessKilled(BaseException):
    """The process, at a point."""


@pytest.mark.parametrize(("point", "kept"), [("before_record", False), ("after_record", True)])
async def test_a_death_at_the_end_of_a_record_keeps_all_of_it_or_nothing(
    store: Store, recorder: Recorder, point: str, *, kept: bool
) -> None:
    await add_jobs(store, reading(JOB, "queued"))
    await track(store, ("C1", JOB))
    before = await contents(store)

    def die(name: str) -> None:
        if name == point:
            raise ProcessKilled

    arm(die)
    try:
        with pytest.raises(ProcessKilled):
            await _reads(recorder, store, "running")
    finally:
        arm(None)

    assert (await contents(store) != before) is kept
    assert len(await _recorded(store)) == len(await rows(store, schema.card)) == int(kept)
