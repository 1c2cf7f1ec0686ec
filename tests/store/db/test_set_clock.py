"""A clock that somebody sets: what waits by it waits no longer than it was meant to, on both databases."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from sqlalchemy import func, select, update

from bot.jobs.changes import State
from bot.jobs.confirmation import REST, Absence
from bot.jobs.stalled import NEVER
from bot.store import Store
from bot.store.actions.confirmations import FORM_LIFETIME, LEASE, LIFETIME, Question
from bot.store.actions.idempotency import KEPT
from bot.store.db import schema
from bot.store.db.backup import put_back
from bot.store.jobs.cards import Rhythm
from bot.store.jobs.jobs import KnownJob
from bot.store.jobs.snapshots import Sight
from bot.tracking.transitions import Patience, step
from tests.store.seeds import ACCOUNT, attempted, claimed, follow, know, known, owe, reading, rows, settle
from tests.store.times import Time

BACK = [-3600.0, -2 * 86400.0, -365 * 86400.0]
"""Seconds by which clocks are set."""
CANCEL = Question("cancel", ACCOUNT, "ftjob-a", "U1", "C1", "T1", "running")
INTERVAL = 30.0
RHYTHM = Rhythm()

Wait = Callable[[Store], Awaitable[object]]


async def _miss(store: Store, job: KnownJob) -> Absence | None:
    """Let a read not find a job."""
    async with store.db.transaction() as tx:
        made = step(job, None, Patience(INTERVAL, NEVER), await store.jobs.now(tx))
        assert made
        await store.jobs.write(tx, [made.row])
    return made.row.absence


async def _channel_rests(store: Store) -> None:
    (change,) = await owe(store, "C1")
    async with store.db.transaction() as tx:
        await store.outbox.rest(tx, "C1", 1.0)
    assert change


async def _slack_asked_for_a_pause(store: Store) -> None:
    await owe(store, "C1")
    async with store.db.transaction() as tx:
        await store.outbox.rest(tx, "C1", 300.0, limited=True)


async def _tried_again_later(store: Store) -> None:
    await owe(store, "C1")
    await settle(store, await claimed(store), "pending", wait=60)


async def _looked_up_later(store: Store) -> None:
    await owe(store, "C1")
    await settle(store, await attempted(store), "ambiguous", wait=15)


async def _a_dead_process_has_it(store: Store) -> None:
    await owe(store, "C1")
    await claimed(store, lease=30)


@pytest.mark.parametrize("seconds", BACK)
@pytest.mark.parametrize(
    "begin", [_channel_rests, _slack_asked_for_a_pause, _tried_again_later, _looked_up_later, _a_dead_process_has_it]
)
async def test_a_delivery_that_waits_is_due_when_the_clock_is_set_back(
    store: Store, time: Time, begin: Wait, seconds: float
) -> None:
    await begin(store)
    assert await store.outbox.claim(30) is None
    assert (await store.outbox.seconds_to_next() or 0) > 0

    await time.passes(store, seconds)

    assert await store.outbox.seconds_to_next() == 0
    assert await store.outbox.claim(30)


@pytest.mark.parametrize("seconds", BACK)
async def test_a_channel_keeps_its_pace_after_the_clock_was_set_back(store: Store, time: Time, seconds: float) -> None:
    await owe(store, "C1", "C1")
    await settle(store, await claimed(store), "sent", ts="1.0", channel_wait=60)
    await time.passes(store, seconds)

    await settle(store, await claimed(store), "pending", channel_wait=20)

    assert await store.outbox.claim(30) is None, "an earlier rest, as it seems much later, does not take its place"
    await time.passes(store, 21)
    assert await store.outbox.claim(30)


@pytest.mark.parametrize("seconds", BACK)
@pytest.mark.parametrize("what", ["edited_at", "not_before", "lease_until", "turn"])
async def test_a_card_that_waits_is_due_when_the_clock_is_set_back(
    store: Store, time: Time, what: str, seconds: float
) -> None:
    await know(store, reading("ftjob-a"))
    async with store.db.transaction() as tx:
        card, _ = await store.cards.of(tx, ACCOUNT, "ftjob-a", "C1")
        await store.cards.place(tx, card.id, "1.000100")
        await store.cards.want(tx, ACCOUNT, "ftjob-a")
        now = await store.jobs.now(tx)
        if what == "turn":
            await tx.execute(store.db.insert(schema.channel).values(id="*", free_at=now + 60))
        else:
            await tx.execute(update(schema.card).values({what: now if what == "edited_at" else now + 30}))
    assert await store.cards.claim(RHYTHM) is None
    assert (await store.cards.seconds_to_next(RHYTHM) or 0) > 0

    await time.passes(store, seconds)

    assert await store.cards.seconds_to_next(RHYTHM) == 0
    assert await store.cards.claim(RHYTHM)


@pytest.mark.parametrize("seconds", BACK)
async def test_an_account_is_looked_at_when_the_clock_is_set_back(store: Store, time: Time, seconds: float) -> None:
    lease = await store.accounts.claim(ACCOUNT, lease=30)
    assert lease
    async with store.db.transaction() as tx:
        await store.accounts.leave_alone(tx, lease, 300.0)
    assert not await store.accounts.claim(ACCOUNT, lease=30, older_than=27, longest_pause=300.0)

    await time.passes(store, seconds)

    assert (await store.accounts.standing(ACCOUNT, interval=INTERVAL)).busy_for == 0
    assert await store.accounts.claim(ACCOUNT, lease=30, older_than=27, longest_pause=300.0)


async def test_an_account_is_left_alone_no_longer_than_whoever_looks_says(store: Store, time: Time) -> None:
    lease = await store.accounts.claim(ACCOUNT, lease=30)
    assert lease
    async with store.db.transaction() as tx:
        await store.accounts.leave_alone(tx, lease, 60.0)
    await time.passes(store, -1800)

    assert not await store.accounts.claim(ACCOUNT, lease=30), "an hour is its longest pause"
    assert await store.accounts.claim(ACCOUNT, lease=30, longest_pause=900.0)


@pytest.mark.parametrize("seconds", BACK)
async def test_moments_of_jobs_that_lie_ahead_are_put_right_by_the_next_look(
    store: Store, time: Time, seconds: float
) -> None:
    await know(store, reading("ftjob-a"), reading("ftjob-b"))
    await follow(store, ("C1", "ftjob-a"), ("C1", "ftjob-b"))
    a, b = await known(store, "ftjob-a"), await known(store, "ftjob-b")
    async with store.db.transaction() as tx:
        await store.jobs.write(tx, [replace(a, stuck_since=await store.jobs.now(tx))])
    await _miss(store, b)

    await time.passes(store, seconds)

    watched = await store.jobs.watched(ACCOUNT)
    assert watched
    async with store.db.transaction() as tx:
        now = await store.jobs.now(tx)
    stored = {job_id: await known(store, job_id) for job_id in watched.known}
    assert stored == watched.known
    a, b = stored["ftjob-a"], stored["ftjob-b"]
    assert a.stuck_since is not None
    assert b.absence is not None
    assert max(a.same_since, a.stuck_since, b.same_since, b.absence.since, b.absence.last) <= now


@pytest.mark.parametrize("seconds", BACK)
async def test_reads_that_did_not_find_a_job_are_counted_on_from_the_present(
    store: Store, time: Time, seconds: float
) -> None:
    await know(store, reading("ftjob-a"))
    job = await known(store, "ftjob-a")
    absence = await _miss(store, job)
    await time.passes(store, seconds)

    again = await _miss(store, replace(job, absence=absence))

    assert again
    assert again.reads == 2
    assert 0 <= again.last - again.since < INTERVAL


@pytest.mark.parametrize("seconds", BACK)
async def test_a_job_that_is_gone_is_looked_for_when_the_clock_is_set_back(
    store: Store, time: Time, seconds: float
) -> None:
    await know(store, reading("ftjob-a"))
    await follow(store, ("C1", "ftjob-a"))
    async with store.db.transaction() as tx:
        await tx.execute(update(schema.job).values(gone=True, missed_at=await store.jobs.now(tx)))
    assert not (await store.accounts.standing(ACCOUNT, interval=INTERVAL)).watched

    await time.passes(store, seconds)

    assert (await store.accounts.standing(ACCOUNT, interval=INTERVAL)).watched
    watched = await store.jobs.watched(ACCOUNT)
    assert watched
    assert list(watched.owed) == ["ftjob-a"]
    assert -seconds >= REST


@pytest.mark.parametrize("seconds", BACK)
async def test_logs_are_read_and_curves_drawn_when_the_clock_is_set_back(
    store: Store, time: Time, seconds: float
) -> None:
    await know(store, reading("ftjob-a"), reading("ftjob-b", "succeeded"))
    await follow(store, ("C1", "ftjob-a"), ("C1", "ftjob-b"))
    async with store.db.transaction() as tx:
        for job_id, status in (("ftjob-a", "running"), ("ftjob-b", "succeeded")):
            await store.cards.of(tx, ACCOUNT, job_id, "C1")
            seen = reading(job_id, status)
            await store.pictures.see(tx, ACCOUNT, [Sight(seen.snapshot, seen.body)])

    async def due() -> tuple[int, bool]:
        running = await store.pictures.claim_running(ACCOUNT, every=120, most=1)
        return len(running), bool(await store.pictures.claim_undrawn(ACCOUNT))

    assert await due() == (1, True)
    assert await due() == (0, False)
    await time.passes(store, seconds)
    assert await due() == (1, True)


@pytest.mark.parametrize(("verb", "lifetime"), [("cancel", LIFETIME), ("create", FORM_LIFETIME)])
@pytest.mark.parametrize("seconds", BACK)
async def test_a_question_cannot_be_answered_for_longer_than_its_lifetime(
    store: Store, time: Time, verb: str, lifetime: float, seconds: float
) -> None:
    key = await store.questions.ask(replace(CANCEL, verb=verb), lifetime=lifetime)
    await time.passes(store, seconds)

    asked = await store.questions.find(key)
    assert asked
    assert asked.expired
    async with store.db.transaction() as tx:
        assert not await store.questions.answer(tx, key, status="running")


@pytest.mark.parametrize("seconds", BACK)
async def test_an_order_is_found_out_about_and_forgotten_in_time_when_the_clock_is_set_back(
    store: Store, time: Time, seconds: float
) -> None:
    key = await store.questions.ask(CANCEL)
    async with store.db.transaction() as tx:
        assert await store.questions.answer(tx, key, status="running")
    assert await store.questions.abandoned() == []

    await time.passes(store, seconds)

    ((asked, age),) = await store.questions.abandoned()
    assert asked.key == key
    assert 0 <= age <= LEASE, "it is given the whole time to show"
    async with store.db.transaction() as tx:
        await store.questions.end(tx, key, done=True, said="Done.")
    await time.passes(store, seconds)
    async with store.db.transaction() as tx:
        assert await store.questions.rival(tx, CANCEL) is None


@pytest.mark.parametrize("seconds", BACK)
async def test_a_request_is_remembered_for_its_time_and_no_longer_when_the_clock_is_set_back(
    store: Store, time: Time, seconds: float
) -> None:
    assert await store.requests.claim("first")
    await time.passes(store, seconds)

    assert not await store.requests.claim("first"), "it was acted on"
    await time.passes(store, KEPT + 1)
    assert await store.requests.claim("another")
    assert len(await rows(store, schema.request)) == 1


@pytest.mark.parametrize("seconds", BACK)
async def test_an_outage_is_told_after_its_time_when_the_clock_is_set_back(
    store: Store, time: Time, seconds: float
) -> None:
    async def fails() -> bool:
        async with store.db.transaction() as tx:
            await store.outages.begin(tx, "slack", "gone")
            return await store.outages.tell(tx, "slack", after=300) is not None

    assert not await fails()
    await time.passes(store, seconds)
    assert not await fails()
    await time.passes(store, 301)
    assert await fails()
    assert not await fails(), "once"


@pytest.mark.parametrize("seconds", BACK)
async def test_what_comes_to_be_owed_is_in_no_doubt_for_ever_after_a_backup(
    store: Store, time: Time, seconds: float
) -> None:
    async with store.db.transaction() as tx:
        await store.keep_identity(tx)
        await put_back(store.db, tx)
    await owe(store, "C1")
    await time.passes(store, seconds)
    await owe(store, "C2")

    async with store.db.transaction() as tx:
        doubts = select(schema.delivery.c.channel, schema.delivery.c.in_doubt).order_by(schema.delivery.c.id)
        assert [tuple(row) for row in await tx.execute(doubts)] == [("C1", True), ("C2", False)]


@pytest.mark.parametrize("seconds", [*BACK, 3600.0, 365 * 86400.0])
async def test_a_set_clock_changes_no_state(store: Store, time: Time, seconds: float) -> None:
    await know(store, reading("ftjob-a"))
    await follow(store, ("C1", "ftjob-a"))
    await time.passes(store, seconds)
    await store.jobs.watched(ACCOUNT)

    assert (await known(store, "ftjob-a")).state == State("running")
    async with store.db.transaction() as tx:
        assert await tx.scalar(select(func.count()).select_from(schema.delivery)) == 0
