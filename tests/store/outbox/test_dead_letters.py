import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Row, event, insert, update

from bot.store import Store, open_store
from bot.store.db import schema
from bot.store.outbox import dead_letters
from bot.store.outbox.dead_letters import ChannelDeadLetters, DeadLetter
from bot.store.outbox.delivery import MessageKind, Outcome
from tests.store.clocks import StoreClock
from tests.store.seeds import claim, complete, contents, deliveries, enqueue, rows, several_stores

FRESH = ("pending", None, 0.0, 0.0, None, 0)


async def fail(
    store: Store, *channels: str, outcome: Outcome = "parked", error: str = "not_in_channel"
) -> list[Row[tuple[object, ...]]]:
    """Enqueue one alert per channel and let all of them fail; return the rows of the outbox."""
    await enqueue(store, *channels)
    for _ in channels:
        await complete(store, await claim(store), outcome, error=error, channel_wait=0)
    return await deliveries(store)


async def hold(store: Store, *ids: int, state: str = "parked", channel: str = "C1") -> int:
    """Let a new digest tell these rows, and share its state with them; return its id."""
    digest = {
        "key": f"digest of {ids}",
        "channel": channel,
        "kind": "post",
        "message_kind": "digest",
        "state": state,
        "attempts": 3,
        "unconfirmed": False,
        "not_before": 0.0,
        "lease_until": 0.0,
        "created_at": store.db.now(),
        "error": "is_archived",
        "position": min(ids),
    }
    async with store.db.transaction() as tx:
        made: int = (
            await tx.execute(insert(schema.delivery).values(digest).returning(schema.delivery.c.id))
        ).scalar_one()
        held = {"digest_id": made, "state": state, "error": "is_archived"}
        await tx.execute(update(schema.delivery).where(schema.delivery.c.id.in_(ids)).values(held))
    return made


def retried(row: Row[tuple[object, ...]]) -> tuple[object, ...]:
    return row.state, row.error, row.not_before, row.lease_until, row.token, row.attempts


def states(outbox: list[Row[tuple[object, ...]]]) -> list[str]:
    return [row.state for row in outbox]


async def test_where_nothing_is_pending_there_is_nothing_to_see(store: Store) -> None:
    seen = await store.outbox.dead_letters.overview(20)

    assert (seen.dead_letters, seen.total, seen.pending, seen.oldest_pending_seconds) == ([], 0, 0, None)


async def test_a_parked_row_is_shown_with_all_that_explains_it(store: Store, time: StoreClock) -> None:
    [row] = await fail(store, "C1")
    job = (await rows(store, schema.change))[0].job_id

    [dead_letter] = (await store.outbox.dead_letters.overview(20)).dead_letters

    assert replace(dead_letter, created_at=0.0) == DeadLetter(
        id=row.id,
        channel="C1",
        message_kind=MessageKind.CHANGE,
        state="parked",
        error="not_in_channel",
        attempts=1,
        created_at=0.0,
        job_id=job,
        change_kind="status",
        old_status="queued",
        new_status="running",
        digested=0,
    )
    assert time.now() - dead_letter.created_at == time.approx(0)


async def test_dead_rows_are_shown_and_rows_on_their_way_are_counted(store: Store, time: StoreClock) -> None:
    dead, *_ = await fail(store, "C1", outcome="dead", error="invalid_blocks")
    await enqueue(store, "C2")
    await time.advance(store, 90)
    await enqueue(store, "C3", "C3")
    await complete(store, await claim(store), "unconfirmed", error="timeout", wait=60)
    sent, *_ = await enqueue(store, "C4")
    await claim(store)
    await complete(store, await claim(store), "sent", ts="1.2")
    assert sent

    seen = await store.outbox.dead_letters.overview(20)

    assert [(each.id, each.state, each.error) for each in seen.dead_letters] == [(dead.id, "dead", "invalid_blocks")]
    assert (seen.total, seen.pending) == (1, 3)
    assert seen.oldest_pending_seconds == time.approx(90)


async def test_the_oldest_are_shown_and_all_are_counted(store: Store) -> None:
    outbox = await fail(store, "C2", "C1", "C2", "C1", "C3")

    seen = await store.outbox.dead_letters.overview(3)

    assert [each.id for each in seen.dead_letters] == [row.id for row in outbox[:3]]
    assert seen.total == 5


async def test_a_digest_replaces_what_it_holds_in_its_position(store: Store) -> None:
    outbox = await fail(store, "C1", "C2", "C1", "C1")
    digest = await hold(store, outbox[0].id, outbox[2].id)

    seen = await store.outbox.dead_letters.overview(20)

    assert [(each.id, each.message_kind, each.digested) for each in seen.dead_letters] == [
        (digest, MessageKind.DIGEST, 2),
        (outbox[1].id, MessageKind.CHANGE, 0),
        (outbox[3].id, MessageKind.CHANGE, 0),
    ]
    assert (seen.dead_letters[0].job_id, seen.dead_letters[0].new_status, seen.total) == (None, None, 3)


async def test_what_a_waiting_digest_holds_does_not_wait_too(store: Store) -> None:
    await enqueue(store, "C1", "C1", "C1")
    await hold(store, *(row.id for row in await deliveries(store)), state="pending")

    assert (await store.outbox.dead_letters.overview(20)).pending == 1


async def test_a_notice_is_shown_without_a_job(store: Store) -> None:
    async with store.db.transaction() as tx:
        await store.outbox.deliveries.enqueue_notice(tx, "U1", {"kind": "store_lost"}, "key")
        await tx.execute(update(schema.delivery).values(state="parked", error="user_not_found"))

    [dead_letter] = (await store.outbox.dead_letters.overview(20)).dead_letters

    assert (dead_letter.message_kind, dead_letter.channel, dead_letter.job_id, dead_letter.digested) == (
        MessageKind.NOTICE,
        "U1",
        None,
        0,
    )


@pytest.mark.parametrize("outcome", ["parked", "dead"])
async def test_a_row_that_is_retried_is_pending_as_if_never_tried(store: Store, outcome: Outcome) -> None:
    first, second = await fail(store, "C1", "C1", outcome=outcome)

    assert await store.outbox.dead_letters.retry([second.id]) == 1

    untouched, again = await deliveries(store)
    assert untouched == first
    assert retried(again) == FRESH
    assert (again.key, again.created_at) == (second.key, second.created_at)
    assert (await claim(store)).id == second.id


async def test_a_retried_row_goes_out_before_what_came_after_it(store: Store) -> None:
    first, _ = await fail(store, "C1", "C1")
    await enqueue(store, "C1")

    await store.outbox.dead_letters.retry([first.id])

    assert (await claim(store)).id == first.id


async def test_an_unconfirmed_row_stays_so_through_a_retry(store: Store) -> None:
    await enqueue(store, "C1")
    await complete(store, await claim(store), "unconfirmed", error="timeout", channel_wait=0)
    await complete(store, await claim(store), "parked", error="is_archived", unconfirmed=True)
    [row] = await deliveries(store)

    await store.outbox.dead_letters.retry([row.id])

    assert (await claim(store)).unconfirmed


async def test_all_are_retried_where_none_is_named_and_none_where_the_list_is_empty(store: Store) -> None:
    await fail(store, "C1", "C2")
    await fail(store, "C3", outcome="dead")
    assert await store.outbox.dead_letters.retry([]) == 0

    assert await store.outbox.dead_letters.retry() == 3

    assert states(await deliveries(store)) == ["pending"] * 3
    assert await store.outbox.dead_letters.retry() == 0


async def test_rows_that_are_sent_or_on_their_way_are_never_requeued(store: Store) -> None:
    await enqueue(store, "C1", "C2", "C3", "C4")
    outcomes: tuple[Outcome, ...] = ("sent", "unconfirmed", "pending")
    for outcome in outcomes:
        await complete(store, await claim(store), outcome, wait=60)
    await claim(store)
    before = await contents(store)

    assert await store.outbox.dead_letters.retry() == 0
    assert await store.outbox.dead_letters.retry([row.id for row in before["delivery"]]) == 0
    assert await store.outbox.dead_letters.retry([2**40]) == 0
    assert await store.outbox.dead_letters.unpark_channel("C1") == 0

    assert await contents(store) == before


async def test_what_a_digest_holds_is_requeued_with_it_and_counted_once(store: Store) -> None:
    outbox = await fail(store, "C1", "C1", "C1", "C1")
    digest = await hold(store, outbox[0].id, outbox[1].id)
    other = await hold(store, outbox[2].id)

    assert await store.outbox.dead_letters.retry([digest]) == 1

    by_id = {row.id: row for row in await deliveries(store)}
    for id_ in (outbox[0].id, outbox[1].id, digest):
        assert retried(by_id[id_]) == FRESH
    assert [by_id[id_].digest_id for id_ in (outbox[0].id, outbox[1].id)] == [digest, digest]
    assert [by_id[id_].state for id_ in (outbox[2].id, other, outbox[3].id)] == ["parked"] * 3


async def test_a_row_that_a_digest_holds_is_not_retried_alone(store: Store) -> None:
    outbox = await fail(store, "C1", "C1")
    await hold(store, outbox[0].id, outbox[1].id)
    before = await contents(store)

    assert await store.outbox.dead_letters.retry([outbox[0].id, outbox[1].id]) == 0

    assert await contents(store) == before


async def test_a_channel_that_is_open_again_gets_what_is_parked_for_it_and_no_other(store: Store) -> None:
    await fail(store, "C1", outcome="dead", error="msg_too_long")
    await fail(store, "C1", "C2", "C1")

    assert await store.outbox.dead_letters.unpark_channel("C1") == 2

    assert states(await deliveries(store)) == ["dead", "pending", "parked", "pending"]
    assert await store.outbox.dead_letters.unpark_channel("C1") == 0
    assert await store.outbox.dead_letters.unpark_channel("C9") == 0


async def test_a_channel_that_is_open_again_gets_its_digest_with_what_it_holds(store: Store) -> None:
    outbox = await fail(store, "C1", "C1")
    digest = await hold(store, outbox[0].id, outbox[1].id)

    assert await store.outbox.dead_letters.unpark_channel("C1") == 1

    assert [retried(row) for row in await deliveries(store)] == [FRESH] * 3
    assert await store.outbox.dead_letters.state_of(digest) == "pending"


async def test_more_rows_than_one_statement_takes_are_retried_all(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    outbox = await fail(store, *["C1"] * 7)
    await hold(store, outbox[0].id, outbox[1].id)
    monkeypatch.setattr(dead_letters, "_BATCH", 2)

    assert await store.outbox.dead_letters.retry() == 6

    assert states(await deliveries(store)) == ["pending"] * 8


async def test_the_state_of_a_row_is_told_and_of_none_nothing(store: Store) -> None:
    [row] = await fail(store, "C1")

    assert await store.outbox.dead_letters.state_of(row.id) == "parked"
    assert await store.outbox.dead_letters.state_of(row.id + 1) is None


async def test_many_who_retry_at_once_count_each_row_once(store: Store, database_url: str, time: StoreClock) -> None:
    outbox = await fail(store, *["C1", "C2"] * 15)
    await hold(store, *(row.id for row in outbox[:5]))

    async with several_stores(store, database_url, time) as stores:
        one, two, three, four = (each.outbox.dead_letters for each in stores)
        backwards = [row.id for row in reversed(outbox)]
        counts = await asyncio.gather(
            one.retry(), two.unpark_channel("C2"), three.retry(backwards), four.unpark_channel("C1")
        )

    assert sum(counts) == 26
    assert set(states(await deliveries(store))) == {"pending"}


async def test_dead_letters_are_counted_by_channel_and_error_oldest_first(store: Store) -> None:
    await fail(store, "C2", "C1", "C2", outcome="dead", error="no_permission")
    await fail(store, "C2", outcome="dead", error="msg_too_long")
    await fail(store, "C3", outcome="dead", error=dead_letters.LOST_ACCESS)
    await enqueue(store, "C1")

    assert await store.outbox.dead_letters.by_channel() == [
        ChannelDeadLetters("C2", "no_permission", 2),
        ChannelDeadLetters("C1", "no_permission", 1),
        ChannelDeadLetters("C2", "msg_too_long", 1),
    ]


async def test_dead_letters_of_some_channels_are_counted(store: Store) -> None:
    await fail(store, "C1", "C2", "C3")

    async def counted(*channels: str) -> list[str]:
        return [each.channel for each in await store.outbox.dead_letters.by_channel(channels)]

    assert await counted("C3", "C1", "C4") == ["C1", "C3"]
    assert await counted("C4") == []
    assert await counted() == []


async def test_a_digest_counts_once_by_channel(store: Store) -> None:
    first, second = await fail(store, "C1", "C1", error="is_archived")
    await hold(store, first.id, second.id)

    assert await store.outbox.dead_letters.by_channel() == [ChannelDeadLetters("C1", "is_archived", 1)]


async def test_no_query_reads_what_was_sent(tmp_path: Path) -> None:
    """What was sent is long. PostgreSQL decides by the size of a table, so that a small one tells nothing of it."""
    time = StoreClock("sqlite")
    async with open_store(f"sqlite:///{tmp_path / 'ftjob.db'}", time.now) as store:
        _, row, _ = await fail(store, "C1", "C2", "C3")
        asked = overheard(store)
        await store.outbox.dead_letters.overview(20)
        await store.outbox.dead_letters.by_channel()
        await store.outbox.dead_letters.by_channel(["C1", "C2"])
        assert await store.outbox.dead_letters.unpark_channel("C1") == 1
        assert await store.outbox.dead_letters.retry([row.id]) == 1
        assert await store.outbox.dead_letters.retry() == 1
        plans = [line for each in list(asked) for line in await plan(store, *each)]

    assert any("ix_delivery_dead_letters" in line for line in plans)
    assert any("ix_delivery_unfinished" in line for line in plans)
    assert [line for line in plans if "SCAN" in line] == []
    assert [statement for statement, _ in asked if "digest_id IS NULL" in statement] == [], (
        "an index of all that was sent"
    )


def overheard(store: Store) -> list[tuple[str, Any]]:
    """Return a list that grows with every statement about deliveries that is executed from now on."""
    asked: list[tuple[str, Any]] = []

    def note(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        if "EXPLAIN" not in statement and ("FROM delivery" in statement or "UPDATE delivery" in statement):
            asked.append((statement, values))

    event.listen(store.db._engine.sync_engine, "before_cursor_execute", note)  # noqa: SLF001
    return asked


async def plan(store: Store, statement: str, values: Any) -> list[str]:
    async with store.db.transaction() as tx:
        return [row.detail for row in await tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", values)]
