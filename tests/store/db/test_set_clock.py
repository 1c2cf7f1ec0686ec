"""A clock that somebody sets: what waits by it waits no longer than it was meant to, on both databases."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import pytest
from sqlalchemy import func, select, update

from bot.jobs.changes import State
from bot.jobs.debounce import MISSING_POLL_INTERVAL, Absence
from bot.jobs.stalled import NO_STALL_TIMEOUTS
from bot.store import Store
from bot.store.actions.confirmations import FORM_LIFETIME, LEASE, LIFETIME, Confirmation
from bot.store.actions.idempotency import RETENTION
from bot.store.db import schema
from bot.store.jobs.cards import RateLimit
from bot.store.jobs.documents import JobDocument
from bot.store.jobs.jobs import KnownJob
from bot.store.sqlite.backup import mark_restored
from bot.tracking.transitions import Thresholds, transition
from tests.store.clocks import StoreClock
from tests.store.seeds import (
    ACCOUNT,
    add_jobs,
    claim,
    claim_and_attempt,
    complete,
    enqueue,
    known_job,
    reading,
    rows,
    track,
)

BACK = [-3600.0, -2 * 86400.0, -365 * 86400.0]
"""Seconds by which clocks are set."""
CANCEL = Confirmation("cancel", ACCOUNT, "ftjob-a", "U1", "C1", "T1", "running")
INTERVAL = 30.0
RATE_LIMIT = RateLimit()

Begin = Callable[[Store], Awaitable[object]]


async def _miss(store: Store, job: KnownJob) -> Absence | None:
    """Let a read not find a job."""
    async with store.db.transaction() as tx:
        made = transition(job, None, Thresholds(INTERVAL, NO_STALL_TIMEOUTS), await store.jobs.states.now(tx))
        assert made
        await store.jobs.states.write(tx, [made.row])
    return made.row.absence


async def _channel_rests(store: Store) -> None:
    (change,) = await enqueue(store, "C1")
    async with store.db.transaction() as tx:
        await store.outbox.deliveries.pause_channel(tx, "C1", 1.0)
    assert change


async def _slack_asked_for_a_pause(store: Store) -> None:
    await enqueue(store, "C1")
    async with store.db.transaction() as tx:
        await store.outbox.deliveries.pause_channel(tx, "C1", 300.0, rate_limited=True)


async def _tried_again_later(store: Store) -> None:
    await enqueue(store, "C1")
    await complete(store, await claim(store), "pending", wait=60)


async def _looked_up_later(store: Store) -> None:
    await enqueue(store, "C1")
    await complete(store, await claim_and_attempt(store), "unconfirmed", wait=15)


async def _a_dead_process_has_it(store: Store) -> None:
    await enqueue(store, "C1")
    await claim(store, lease=30)


@pytest.mark.parametrize("seconds", BACK)
@pytest.mark.parametrize(
    "begin", [_channel_rests, _slack_asked_for_a_pause, _tried_again_later, _looked_up_later, _a_dead_process_has_it]
)
async def test_a_delivery_that_waits_is_due_when_the_clock_is_set_back(
    store: Store, time: StoreClock, begin: Begin, seconds: float
) -> None:
    await begin(store)
    assert await store.outbox.deliveries.claim(30) is None
    assert (await store.outbox.deliveries.seconds_to_next() or 0) > 0

    await time.advance(store, seconds)

    assert await store.outbox.deliveries.seconds_to_next() == 0
    assert await store.outbox.deliveries.claim(30)


@pytest.mark.parametrize("seconds", BACK)
async def test_a_channel_keeps_its_rate_limit_after_the_clock_was_set_back(
    store: Store, time: StoreClock, seconds: float
) -> None:
    await enqueue(store, "C1", "C1")
    await complete(store, await claim(store), "sent", ts="1.0", channel_wait=60)
    await time.advance(store, seconds)

    await complete(store, await claim(store), "pending", channel_wait=20)

    assert await store.outbox.deliveries.claim(30) is None, (
        "an earlier rest, as it seems much later, does not take its place"
    )
    await time.advance(store, 21)
    assert await store.outbox.deliveries.claim(30)


@pytest.mark.parametrize("seconds", BACK)
@pytest.mark.parametrize("what", ["edited_at", "not_before", "lease_until", "turn"])
async def test_a_card_that_waits_is_due_when_the_clock_is_set_back(
    store: Store, time: StoreClock, what: str, seconds: float
) -> None:
    await add_jobs(store, reading("ftjob-a"))
    async with store.db.transaction() as tx:
        card, _ = await store.jobs.cards.get_or_create(tx, ACCOUNT, "ftjob-a", "C1")
        await store.jobs.cards.record_post(tx, card.id, "1.000100")
        await store.jobs.cards.bump_generation(tx, ACCOUNT, "ftjob-a")
        now = await store.jobs.states.now(tx)
        if what == "turn":
            await tx.execute(store.db.insert(schema.channel).values(id="*", free_at=now + 60))
        else:
            await tx.execute(update(schema.card).values({what: now if what == "edited_at" else now + 30}))
    assert await store.jobs.cards.claim(RATE_LIMIT) is None
    assert (await store.jobs.cards.seconds_to_next(RATE_LIMIT) or 0) > 0

    await time.advance(store, seconds)

    assert await store.jobs.cards.seconds_to_next(RATE_LIMIT) == 0
    assert await store.jobs.cards.claim(RATE_LIMIT)


@pytest.mark.parametrize("seconds", BACK)
async def test_an_account_is_polled_when_the_clock_is_set_back(store: Store, time: StoreClock, seconds: float) -> None:
    lease = await store.accounts.leases.claim(ACCOUNT, lease=30)
    assert lease
    async with store.db.transaction() as tx:
        await store.accounts.leases.back_off(tx, lease, 300.0)
    assert not await store.accounts.leases.claim(ACCOUNT, lease=30, min_age=27, longest_pause=300.0)

    await time.advance(store, seconds)

    assert (await store.accounts.leases.status(ACCOUNT, interval=INTERVAL)).next_poll_in == 0
    assert await store.accounts.leases.claim(ACCOUNT, lease=30, min_age=27, longest_pause=300.0)


async def test_an_account_backs_off_no_longer_than_its_poller_says(store: Store, time: StoreClock) -> None:
    lease = await store.accounts.leases.claim(ACCOUNT, lease=30)
    assert lease
    async with store.db.transaction() as tx:
        await store.accounts.leases.back_off(tx, lease, 60.0)
    await time.advance(store, -1800)

    assert not await store.accounts.leases.claim(ACCOUNT, lease=30), "an hour is its longest pause"
    assert await store.accounts.leases.claim(ACCOUNT, lease=30, longest_pause=900.0)


@pytest.mark.parametrize("seconds", BACK)
async def test_moments_of_jobs_that_lie_ahead_are_corrected_by_the_next_poll(
    store: Store, time: StoreClock, seconds: float
) -> None:
    await add_jobs(store, reading("ftjob-a"), reading("ftjob-b"))
    await track(store, ("C1", "ftjob-a"), ("C1", "ftjob-b"))
    a, b = await known_job(store, "ftjob-a"), await known_job(store, "ftjob-b")
    async with store.db.transaction() as tx:
        await store.jobs.states.write(tx, [replace(a, stalled_since=await store.jobs.states.now(tx))])
    await _miss(store, b)

    await time.advance(store, seconds)

    watched = await store.jobs.states.poll_targets(ACCOUNT)
    assert watched
    async with store.db.transaction() as tx:
        now = await store.jobs.states.now(tx)
    stored = {job_id: await known_job(store, job_id) for job_id in watched.known}
    assert stored == watched.known
    a, b = stored["ftjob-a"], stored["ftjob-b"]
    assert a.stalled_since is not None
    assert b.absence is not None
    assert max(a.state_since, a.stalled_since, b.state_since, b.absence.since, b.absence.last) <= now


@pytest.mark.parametrize("seconds", BACK)
async def test_reads_that_did_not_find_a_job_are_counted_on_from_the_present(
    store: Store, time: StoreClock, seconds: float
) -> None:
    await add_jobs(store, reading("ftjob-a"))
    job = await known_job(store, "ftjob-a")
    absence = await _miss(store, job)
    await time.advance(store, seconds)

    again = await _miss(store, replace(job, absence=absence))

    assert again
    assert again.reads == 2
    assert 0 <= again.last - again.since < INTERVAL


@pytest.mark.parametrize("seconds", BACK)
async def test_a_missing_job_is_polled_when_the_clock_is_set_back(
    store: Store, time: StoreClock, seconds: float
) -> None:
    await add_jobs(store, reading("ftjob-a"))
    await track(store, ("C1", "ftjob-a"))
    async with store.db.transaction() as tx:
        await tx.execute(update(schema.job).values(missing=True, missed_at=await store.jobs.states.now(tx)))
    assert not (await store.accounts.leases.status(ACCOUNT, interval=INTERVAL)).needs_polling

    await time.advance(store, seconds)

    assert (await store.accounts.leases.status(ACCOUNT, interval=INTERVAL)).needs_polling
    watched = await store.jobs.states.poll_targets(ACCOUNT)
    assert watched
    assert list(watched.due) == ["ftjob-a"]
    assert -seconds >= MISSING_POLL_INTERVAL


@pytest.mark.parametrize("seconds", BACK)
async def test_logs_are_read_and_curves_drawn_when_the_clock_is_set_back(
    store: Store, time: StoreClock, seconds: float
) -> None:
    await add_jobs(store, reading("ftjob-a"), reading("ftjob-b", "succeeded"))
    await track(store, ("C1", "ftjob-a"), ("C1", "ftjob-b"))
    async with store.db.transaction() as tx:
        for job_id, status in (("ftjob-a", "running"), ("ftjob-b", "succeeded")):
            await store.jobs.cards.get_or_create(tx, ACCOUNT, job_id, "C1")
            seen = reading(job_id, status)
            await store.jobs.snapshots.save(tx, ACCOUNT, [JobDocument(seen.snapshot, seen.body)])

    async def due() -> tuple[int, bool]:
        running = await store.jobs.snapshots.claim_running(ACCOUNT, interval=120, most=1)
        return len(running), bool(await store.jobs.snapshots.claim_without_chart(ACCOUNT))

    assert await due() == (1, True)
    assert await due() == (0, False)
    await time.advance(store, seconds)
    assert await due() == (1, True)


@pytest.mark.parametrize(("verb", "lifetime"), [("cancel", LIFETIME), ("create", FORM_LIFETIME)])
@pytest.mark.parametrize("seconds", BACK)
async def test_a_confirmation_cannot_be_answered_for_longer_than_its_lifetime(
    store: Store, time: StoreClock, verb: str, lifetime: float, seconds: float
) -> None:
    key = await store.actions.confirmations.create(replace(CANCEL, verb=verb), lifetime=lifetime)
    await time.advance(store, seconds)

    asked = await store.actions.confirmations.find(key)
    assert asked
    assert asked.expired
    async with store.db.transaction() as tx:
        assert not await store.actions.confirmations.confirm(tx, key, status="running")


@pytest.mark.parametrize("seconds", BACK)
async def test_an_action_is_found_out_about_and_forgotten_in_time_when_the_clock_is_set_back(
    store: Store, time: StoreClock, seconds: float
) -> None:
    key = await store.actions.confirmations.create(CANCEL)
    async with store.db.transaction() as tx:
        assert await store.actions.confirmations.confirm(tx, key, status="running")
    assert await store.actions.confirmations.abandoned() == []

    await time.advance(store, seconds)

    ((asked, age),) = await store.actions.confirmations.abandoned()
    assert asked.key == key
    assert 0 <= age <= LEASE, "it is given the whole time to show"
    async with store.db.transaction() as tx:
        await store.actions.confirmations.complete(tx, key, accepted=True, result_text="Done.")
    await time.advance(store, seconds)
    async with store.db.transaction() as tx:
        assert await store.actions.confirmations.conflicting(tx, CANCEL) is None


@pytest.mark.parametrize("seconds", BACK)
async def test_a_request_is_remembered_for_its_time_and_no_longer_when_the_clock_is_set_back(
    store: Store, time: StoreClock, seconds: float
) -> None:
    assert await store.actions.idempotency_keys.claim("first")
    await time.advance(store, seconds)

    assert not await store.actions.idempotency_keys.claim("first"), "it was acted on"
    await time.advance(store, RETENTION + 1)
    assert await store.actions.idempotency_keys.claim("another")
    assert len(await rows(store, schema.idempotency_key)) == 1


@pytest.mark.parametrize("seconds", BACK)
async def test_an_outage_is_notified_after_its_time_when_the_clock_is_set_back(
    store: Store, time: StoreClock, seconds: float
) -> None:
    async def fails() -> bool:
        async with store.db.transaction() as tx:
            await store.accounts.outages.begin(tx, "slack", "gone")
            return await store.accounts.outages.claim_notification(tx, "slack", after=300) is not None

    assert not await fails()
    await time.advance(store, seconds)
    assert not await fails()
    await time.advance(store, 301)
    assert await fails()
    assert not await fails(), "once"


@pytest.mark.parametrize("seconds", BACK)
async def test_what_is_enqueued_later_is_not_unconfirmed_forever_after_a_backup(
    store: Store, time: StoreClock, seconds: float
) -> None:
    async with store.db.transaction() as tx:
        await store.save_identity(tx)
        await mark_restored(store.db, tx)
    await enqueue(store, "C1")
    await time.advance(store, seconds)
    await enqueue(store, "C2")

    async with store.db.transaction() as tx:
        unconfirmed = select(schema.delivery.c.channel, schema.delivery.c.unconfirmed).order_by(schema.delivery.c.id)
        assert [tuple(row) for row in await tx.execute(unconfirmed)] == [("C1", True), ("C2", False)]


@pytest.mark.parametrize("seconds", [*BACK, 3600.0, 365 * 86400.0])
async def test_a_set_clock_changes_no_state(store: Store, time: StoreClock, seconds: float) -> None:
    await add_jobs(store, reading("ftjob-a"))
    await track(store, ("C1", "ftjob-a"))
    await time.advance(store, seconds)
    await store.jobs.states.poll_targets(ACCOUNT)

    assert (await known_job(store, "ftjob-a")).state == State("running")
    async with store.db.transaction() as tx:
        assert await tx.scalar(select(func.count()).select_from(schema.delivery)) == 0
