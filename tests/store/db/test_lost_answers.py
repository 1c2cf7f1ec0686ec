"""The connection breaks after a claim was committed and before the answer came: it is found at once, not after a lease."""

import time as wall
from collections.abc import AsyncIterator

import pytest
from sqlalchemy.exc import SQLAlchemyError

from bot.store import Store, open_store
from bot.store.jobs.cards import RateLimit
from bot.store.jobs.documents import JobDocument
from tests.store.postgres_proxy import PostgresProxy
from tests.store.seeds import ACCOUNT, add_jobs, claim, complete, deliveries, enqueue, track
from tests.store.seeds import reading as a_reading

LOST = (SQLAlchemyError, OSError)
RATE_LIMIT = RateLimit(card_interval=0.0, interval=0.0)


@pytest.fixture
def wire(postgres_url: str) -> PostgresProxy:
    return PostgresProxy(postgres_url)


@pytest.fixture
async def cut_off(wire: PostgresProxy) -> AsyncIterator[Store]:
    """A store whose answers the wire may lose."""
    async with wire.serving() as url, open_store(url, wall.time) as opened:
        yield opened


async def test_a_delivery_that_was_claimed_without_hearing_so_is_claimed_again_at_once(
    cut_off: Store, wire: PostgresProxy, postgres_url: str
) -> None:
    first, second = await enqueue(cut_off, "C1", "C2")
    wire.drop_next_answer()
    with pytest.raises(LOST):
        await cut_off.outbox.deliveries.claim(30)
    [inflight] = [row for row in await deliveries(cut_off) if row.state == "inflight"]

    async with open_store(postgres_url, wall.time) as other:  # nobody else can have it
        assert (await claim(other)).change_id == second
        assert await other.outbox.deliveries.claim(30) is None
    again = await claim(cut_off)

    assert (again.change_id, again.id, again.attempts) == (first, inflight.id, 1)
    assert again.token != inflight.token
    await complete(cut_off, again, "sent", ts="1.0")
    assert await cut_off.outbox.deliveries.claim(30) is None


async def test_claims_that_were_lost_one_after_the_other_are_all_found(cut_off: Store, wire: PostgresProxy) -> None:
    changes = await enqueue(cut_off, "C1", "C2", "C3")
    for _ in changes:
        wire.drop_next_answer()
        with pytest.raises(LOST):
            await cut_off.outbox.deliveries.claim(30)

    assert sorted([(await claim(cut_off)).change_id or 0 for _ in changes]) == changes
    assert await cut_off.outbox.deliveries.claim(30) is None


async def test_a_claim_that_did_not_reach_the_server_is_simply_made_again(
    cut_off: Store, wire: PostgresProxy, postgres_url: str
) -> None:
    (change,) = await enqueue(cut_off, "C1")
    wire.redirect("postgresql://postgres@127.0.0.1:1/nowhere")
    with pytest.raises(LOST):
        await cut_off.outbox.deliveries.claim(30)
    wire.redirect(postgres_url)

    again = await claim(cut_off)

    assert (again.change_id, again.attempts) == (change, 1)


async def test_a_delivery_that_was_abandoned_is_claimed_again_at_once(store: Store) -> None:
    (change,) = await enqueue(store, "C1")
    before = await claim(store)
    assert await store.outbox.deliveries.claim(30) is None

    store.outbox.deliveries.abandon(before)

    again = await claim(store)
    assert (again.change_id, again.attempts) == (change, 1)
    await complete(store, before, "sent", ts="1.0")  # whose lease it was has no say any more
    [row] = await deliveries(store)
    assert row.state == "inflight"


async def test_an_account_that_was_taken_without_hearing_so_is_free_for_who_took_it(
    cut_off: Store, wire: PostgresProxy, postgres_url: str
) -> None:
    for account in (ACCOUNT, "other"):
        wire.drop_next_answer()
        with pytest.raises(LOST):
            await cut_off.accounts.leases.claim(account, lease=30, min_age=10)

    async with open_store(postgres_url, wall.time) as other:
        assert await other.accounts.leases.claim(ACCOUNT, lease=30) is None
    lease = await cut_off.accounts.leases.claim(ACCOUNT, lease=30, min_age=10)

    assert lease is not None
    assert await cut_off.accounts.leases.claim(ACCOUNT, lease=30, min_age=10) is None
    assert await cut_off.accounts.leases.claim("other", lease=30, min_age=10) is not None


async def _card_to_edit(store: Store) -> None:
    await add_jobs(store, a_reading("ftjob-a"))
    async with store.db.transaction() as tx:
        card, _ = await store.jobs.cards.get_or_create(tx, ACCOUNT, "ftjob-a", "C1")
        await store.jobs.cards.record_post(tx, card.id, "1.0")
        await store.jobs.cards.bump_generation(tx, ACCOUNT, "ftjob-a")


async def test_a_card_that_was_claimed_without_hearing_so_is_edited_at_once(
    cut_off: Store, wire: PostgresProxy
) -> None:
    await _card_to_edit(cut_off)
    wire.drop_next_answer()
    with pytest.raises(LOST):
        await cut_off.jobs.cards.claim(RATE_LIMIT)

    edit = await cut_off.jobs.cards.claim(RATE_LIMIT)

    assert edit is not None
    assert await cut_off.jobs.cards.claim(RATE_LIMIT) is None
    await cut_off.jobs.cards.complete(edit)
    assert await cut_off.jobs.cards.seconds_to_next(RATE_LIMIT) is None


async def test_a_card_that_was_abandoned_is_edited_at_once(store: Store) -> None:
    await _card_to_edit(store)
    edit = await store.jobs.cards.claim(RATE_LIMIT)
    assert edit is not None
    assert await store.jobs.cards.claim(RATE_LIMIT) is None

    store.jobs.cards.abandon(edit)

    assert await store.jobs.cards.claim(RATE_LIMIT) is not None


@pytest.mark.parametrize("status", ["running", "succeeded"])
async def test_what_was_claimed_to_be_read_or_drawn_without_hearing_so_is_taken_at_once(
    cut_off: Store, wire: PostgresProxy, status: str
) -> None:
    seen = a_reading("ftjob-a", status)
    await add_jobs(cut_off, seen)
    await track(cut_off, ("C1", "ftjob-a"))
    async with cut_off.db.transaction() as tx:
        await cut_off.jobs.cards.get_or_create(tx, ACCOUNT, "ftjob-a", "C1")
        await cut_off.jobs.snapshots.save(tx, ACCOUNT, [JobDocument(seen.snapshot, seen.body)])

    async def claim() -> list[str]:
        if status == "running":
            return [each.job_id for each in await cut_off.jobs.snapshots.claim_running(ACCOUNT, interval=60, most=10)]
        return [each.id for each in [await cut_off.jobs.snapshots.claim_without_chart(ACCOUNT)] if each]

    wire.drop_next_answer()
    with pytest.raises(LOST):
        await claim()

    assert await claim() == ["ftjob-a"]
    assert await claim() == []
