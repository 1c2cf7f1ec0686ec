import asyncio
from dataclasses import replace

from sqlalchemy import update

from bot.store import Store
from bot.store.db import schema
from bot.store.jobs.cards import Card, RateLimit
from bot.store.jobs.changes import RecordedChange
from bot.store.outbox.delivery import MessageKind, NewDelivery
from tests.store.clocks import StoreClock
from tests.store.seeds import ACCOUNT, STARTED, add_jobs, deliveries, enqueue, reading, several_stores, track


async def _card_of(store: Store, job_id: str, channel: str) -> tuple[Card, bool]:
    async with store.db.transaction() as tx:
        return await store.jobs.cards.get_or_create(tx, ACCOUNT, job_id, channel)


async def test_a_job_has_one_card_in_each_channel(store: Store) -> None:
    card, _ = await _card_of(store, "ftjob-a", "C1")
    assert card.ts is None

    assert (await _card_of(store, "ftjob-a", "C1"))[0] == card
    assert (await _card_of(store, "ftjob-a", "C2"))[0].id != card.id


async def test_a_card_has_yet_to_be_posted_until_it_is_enqueued_and_again_when_it_is_deleted(store: Store) -> None:
    assert (await _card_of(store, "ftjob-a", "C1"))[1]
    assert (await _card_of(store, "ftjob-a", "C1"))[1], "nobody owes it yet"

    await enqueue(store, "C1", kind=MessageKind.CARD, job="ftjob-a")
    card, is_lacking = await _card_of(store, "ftjob-a", "C1")
    assert not is_lacking, "it waits in the outbox"

    async with store.db.transaction() as tx:
        await tx.execute(update(schema.delivery).values(state="sent"))
        await store.jobs.cards.record_post(tx, card.id, "1.000100")
    assert not (await _card_of(store, "ftjob-a", "C1"))[1], "it stands in the channel"

    async with store.db.transaction() as tx:
        await store.jobs.cards.record_post(tx, card.id, None)
    assert (await _card_of(store, "ftjob-a", "C1"))[1], "it is gone from the channel"


async def test_a_card_is_enqueued_by_one_of_ten_who_want_it_at_once(
    store: Store, database_url: str, time: StoreClock
) -> None:
    async def want(mine: Store, change: RecordedChange) -> tuple[int, bool]:
        async with mine.db.transaction() as tx:
            card, is_lacking = await mine.jobs.cards.get_or_create(tx, ACCOUNT, "ftjob-a", "C1")
            if is_lacking:
                await mine.outbox.deliveries.enqueue(tx, change, NewDelivery("C1", MessageKind.CARD, card.id))
        return card.id, is_lacking

    async with store.db.transaction() as tx:
        changes = [
            await store.jobs.changes.write(tx, ACCOUNT, version, STARTED, reading("ftjob-a").body)
            for version in range(10)
        ]
    async with several_stores(store, database_url, time) as stores:
        wanted = await asyncio.gather(*(want(stores[n % len(stores)], change) for n, change in enumerate(changes)))

    assert len({card for card, _ in wanted}) == 1
    assert [is_lacking for _, is_lacking in wanted].count(True) == 1
    assert len(await deliveries(store, "C1")) == 1


async def test_a_card_keeps_its_position_until_it_is_missing(store: Store) -> None:
    card, _ = await _card_of(store, "ftjob-a", "C1")
    for ts in ("1.000100", None):
        async with store.db.transaction() as tx:
            await store.jobs.cards.record_post(tx, card.id, ts)
        assert await store.jobs.cards.find(card.id) == replace(card, ts=ts)

    assert await store.jobs.cards.find(card.id + 1) is None


RATE_LIMIT = RateLimit(card_interval=30.0, interval=1.5, lease=30.0)


async def _posted(store: Store, job_id: str, channel: str = "C1", *, status: str = "running") -> Card:
    """Give a job a card that is posted in a channel and shows the state of that time."""
    await add_jobs(store, reading(job_id, status))
    async with store.db.transaction() as tx:
        card, _ = await store.jobs.cards.get_or_create(tx, ACCOUNT, job_id, channel)
        await store.jobs.cards.record_post(tx, card.id, f"{card.id}.000100", rendered_generation=card.generation)
    return card


async def _want(store: Store, job_id: str) -> None:
    async with store.db.transaction() as tx:
        await store.jobs.cards.bump_generation(tx, ACCOUNT, job_id)


async def _claim(store: Store) -> str | None:
    edit = await store.jobs.cards.claim(RATE_LIMIT)
    if edit is None:
        return None
    await store.jobs.cards.complete(edit)
    return edit.card.job_id


async def test_a_card_is_edited_when_there_is_something_else_to_show_and_then_no_more(
    store: Store, time: StoreClock
) -> None:
    await _posted(store, "ftjob-a")
    assert await store.jobs.cards.claim(RATE_LIMIT) is None
    assert await store.jobs.cards.seconds_to_next(RATE_LIMIT) is None

    await _want(store, "ftjob-a")
    assert await store.jobs.cards.seconds_to_next(RATE_LIMIT) == 0
    assert await _claim(store) == "ftjob-a"

    await time.advance(store, 60)
    assert await store.jobs.cards.claim(RATE_LIMIT) is None


async def test_what_changes_between_two_edits_is_one_edit_half_a_minute_later(store: Store, time: StoreClock) -> None:
    await _posted(store, "ftjob-a")
    await _want(store, "ftjob-a")
    assert await _claim(store) == "ftjob-a"
    for _ in range(5):
        await _want(store, "ftjob-a")

    await time.advance(store, 28)
    assert await store.jobs.cards.claim(RATE_LIMIT) is None
    assert 0 < (await store.jobs.cards.seconds_to_next(RATE_LIMIT) or 0) <= 2
    await time.advance(store, 3)
    assert await _claim(store) == "ftjob-a"
    await time.advance(store, 60)
    assert await store.jobs.cards.claim(RATE_LIMIT) is None


async def test_what_changes_during_an_edit_is_shown_by_the_next_one(store: Store, time: StoreClock) -> None:
    await _posted(store, "ftjob-a")
    await _want(store, "ftjob-a")
    edit = await store.jobs.cards.claim(RATE_LIMIT)
    assert edit
    await _want(store, "ftjob-a")
    await store.jobs.cards.complete(edit)

    await time.advance(store, 31)
    assert await _claim(store) == "ftjob-a"


async def test_jobs_that_are_over_go_first_and_all_cards_share_one_rate_limit(store: Store, time: StoreClock) -> None:
    for job_id, status in (("ftjob-a", "running"), ("ftjob-b", "succeeded"), ("ftjob-c", "running")):
        await _posted(store, job_id, status=status)
        await _want(store, job_id)

    assert await _claim(store) == "ftjob-b"
    assert await store.jobs.cards.claim(RATE_LIMIT) is None, "forty a minute, whatever their cards"
    edits = []
    for _ in range(2):
        await time.advance(store, 1.6)
        edits.append(await _claim(store))
    assert sorted(edits, key=str) == ["ftjob-a", "ftjob-c"]


async def test_ten_processes_make_one_edit(store: Store, database_url: str, time: StoreClock) -> None:
    await _posted(store, "ftjob-a")
    await _want(store, "ftjob-a")

    async with several_stores(store, database_url, time) as stores:
        edits = await asyncio.gather(*(stores[n % len(stores)].jobs.cards.claim(RATE_LIMIT) for n in range(10)))

    assert len([edit for edit in edits if edit]) == 1


async def test_an_edit_whose_process_died_is_taken_over_and_its_late_word_counts_for_nothing(
    store: Store, time: StoreClock
) -> None:
    await _posted(store, "ftjob-a")
    await _want(store, "ftjob-a")
    dead = await store.jobs.cards.claim(RATE_LIMIT)
    assert dead

    await time.advance(store, 31)
    mine = await store.jobs.cards.claim(RATE_LIMIT)
    assert mine
    await store.jobs.cards.complete(dead)
    async with store.db.transaction() as tx:
        assert not await store.jobs.cards.mark_deleted(tx, dead)
    await store.jobs.cards.fail(mine, wait=5)

    assert await store.jobs.cards.claim(RATE_LIMIT) is None
    await time.advance(store, 31)
    assert await _claim(store) == "ftjob-a"


async def test_a_rate_limit_holds_every_card_up(store: Store, time: StoreClock) -> None:
    for job_id in ("ftjob-a", "ftjob-b"):
        await _posted(store, job_id)
        await _want(store, job_id)
    edit = await store.jobs.cards.claim(RATE_LIMIT)
    assert edit
    await store.jobs.cards.fail(edit, wait=40, pause_all=True)

    await time.advance(store, 39)
    assert await store.jobs.cards.claim(RATE_LIMIT) is None
    await time.advance(store, 2)
    assert await _claim(store)


async def test_cards_of_what_a_channel_tracks_come_before_those_that_it_untracked(
    store: Store, time: StoreClock
) -> None:
    await _posted(store, "ftjob-over", status="succeeded")
    await _posted(store, "ftjob-a")
    await track(store, ("C1", "ftjob-over"), ("C1", "ftjob-a"))
    await _want(store, "ftjob-a")
    assert await store.channels.tracks.remove("C1", "ftjob-over") == [(ACCOUNT, "ftjob-over")]

    assert await _claim(store) == "ftjob-a"
    await time.advance(store, 2)
    assert await _claim(store) == "ftjob-over"
    await time.advance(store, 2)
    assert await _claim(store) is None


async def test_untracking_renders_only_the_cards_of_that_channel_again(store: Store, time: StoreClock) -> None:
    there, elsewhere = await _posted(store, "ftjob-a"), await _posted(store, "ftjob-a", "C2")
    await _posted(store, "ftjob-b")
    await track(store, ("C1", "ftjob-a"), ("C2", "ftjob-a"))
    await store.channels.tracks.remove("C1", "ftjob-b")
    await store.channels.tracks.remove("C1")

    edit = await store.jobs.cards.claim(RATE_LIMIT)
    assert edit is not None
    assert edit.card.id == there.id
    await store.jobs.cards.complete(edit)
    await time.advance(store, 2)
    assert await _claim(store) is None, f"nothing changed for {elsewhere}"
