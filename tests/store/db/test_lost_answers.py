"""The connection breaks after a claim was committed and before the answer came: it is found at once, not after a lease."""

import time as wall
from collections.abc import AsyncIterator

import pytest
from sqlalchemy.exc import SQLAlchemyError

from bot.store import Store, open_store
from bot.store.jobs.cards import Rhythm
from bot.store.jobs.snapshots import Sight
from tests.store.seeds import ACCOUNT, claimed, deliveries, follow, know, owe, settle
from tests.store.seeds import reading as a_reading
from tests.store.wire import Wire

LOST = (SQLAlchemyError, OSError)
RHYTHM = Rhythm(card=0.0, gap=0.0)


@pytest.fixture
def wire(postgres_url: str) -> Wire:
    return Wire(postgres_url)


@pytest.fixture
async def cut_off(wire: Wire) -> AsyncIterator[Store]:
    """A store whose answers the wire may lose."""
    async with wire.serving() as url, open_store(url, wall.time) as opened:
        yield opened


async def test_a_delivery_that_was_claimed_without_hearing_so_is_claimed_again_at_once(
    cut_off: Store, wire: Wire, postgres_url: str
) -> None:
    first, second = await owe(cut_off, "C1", "C2")
    wire.lose_next_answer()
    with pytest.raises(LOST):
        await cut_off.outbox.claim(30)
    [inflight] = [row for row in await deliveries(cut_off) if row.state == "inflight"]

    async with open_store(postgres_url, wall.time) as other:  # nobody else can have it
        assert (await claimed(other)).change_id == second
        assert await other.outbox.claim(30) is None
    again = await claimed(cut_off)

    assert (again.change_id, again.id, again.attempts) == (first, inflight.id, 1)
    assert again.token != inflight.token
    await settle(cut_off, again, "sent", ts="1.0")
    assert await cut_off.outbox.claim(30) is None


async def test_claims_that_were_lost_one_after_the_other_are_all_found(cut_off: Store, wire: Wire) -> None:
    changes = await owe(cut_off, "C1", "C2", "C3")
    for _ in changes:
        wire.lose_next_answer()
        with pytest.raises(LOST):
            await cut_off.outbox.claim(30)

    assert sorted([(await claimed(cut_off)).change_id or 0 for _ in changes]) == changes
    assert await cut_off.outbox.claim(30) is None


async def test_a_claim_that_did_not_reach_the_server_is_simply_made_again(
    cut_off: Store, wire: Wire, postgres_url: str
) -> None:
    (change,) = await owe(cut_off, "C1")
    wire.lead_to("postgresql://postgres@127.0.0.1:1/nowhere")
    with pytest.raises(LOST):
        await cut_off.outbox.claim(30)
    wire.lead_to(postgres_url)

    again = await claimed(cut_off)

    assert (again.change_id, again.attempts) == (change, 1)


async def test_a_delivery_that_was_abandoned_is_claimed_again_at_once(store: Store) -> None:
    (change,) = await owe(store, "C1")
    before = await claimed(store)
    assert await store.outbox.claim(30) is None

    store.outbox.abandon(before)

    again = await claimed(store)
    assert (again.change_id, again.attempts) == (change, 1)
    await settle(store, before, "sent", ts="1.0")  # whose lease it was has no say any more
    [row] = await deliveries(store)
    assert row.state == "inflight"


async def test_an_account_that_was_taken_without_hearing_so_is_free_for_who_took_it(
    cut_off: Store, wire: Wire, postgres_url: str
) -> None:
    for account in (ACCOUNT, "other"):
        wire.lose_next_answer()
        with pytest.raises(LOST):
            await cut_off.accounts.claim(account, lease=30, older_than=10)

    async with open_store(postgres_url, wall.time) as other:
        assert await other.accounts.claim(ACCOUNT, lease=30) is None
    lease = await cut_off.accounts.claim(ACCOUNT, lease=30, older_than=10)

    assert lease is not None
    assert await cut_off.accounts.claim(ACCOUNT, lease=30, older_than=10) is None
    assert await cut_off.accounts.claim("other", lease=30, older_than=10) is not None


async def _card_to_edit(store: Store) -> None:
    await know(store, a_reading("ftjob-a"))
    async with store.db.transaction() as tx:
        card, _ = await store.cards.of(tx, ACCOUNT, "ftjob-a", "C1")
        await store.cards.place(tx, card.id, "1.0")
        await store.cards.want(tx, ACCOUNT, "ftjob-a")


async def test_a_card_that_was_claimed_without_hearing_so_is_edited_at_once(cut_off: Store, wire: Wire) -> None:
    await _card_to_edit(cut_off)
    wire.lose_next_answer()
    with pytest.raises(LOST):
        await cut_off.cards.claim(RHYTHM)

    edit = await cut_off.cards.claim(RHYTHM)

    assert edit is not None
    assert await cut_off.cards.claim(RHYTHM) is None
    await cut_off.cards.edited(edit)
    assert await cut_off.cards.seconds_to_next(RHYTHM) is None


async def test_a_card_that_was_abandoned_is_edited_at_once(store: Store) -> None:
    await _card_to_edit(store)
    edit = await store.cards.claim(RHYTHM)
    assert edit is not None
    assert await store.cards.claim(RHYTHM) is None

    store.cards.abandon(edit)

    assert await store.cards.claim(RHYTHM) is not None


@pytest.mark.parametrize("status", ["running", "succeeded"])
async def test_what_was_claimed_to_be_read_or_drawn_without_hearing_so_is_taken_at_once(
    cut_off: Store, wire: Wire, status: str
) -> None:
    seen = a_reading("ftjob-a", status)
    await know(cut_off, seen)
    await follow(cut_off, ("C1", "ftjob-a"))
    async with cut_off.db.transaction() as tx:
        await cut_off.cards.of(tx, ACCOUNT, "ftjob-a", "C1")
        await cut_off.pictures.see(tx, ACCOUNT, [Sight(seen.snapshot, seen.body)])

    async def claim() -> list[str]:
        if status == "running":
            return [each.job_id for each in await cut_off.pictures.claim_running(ACCOUNT, every=60, most=10)]
        return [each.id for each in [await cut_off.pictures.claim_undrawn(ACCOUNT)] if each]

    wire.lose_next_answer()
    with pytest.raises(LOST):
        await claim()

    assert await claim() == ["ftjob-a"]
    assert await claim() == []
