"""The delivery worker: order, rate limit, when it wakes, and how it stops."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, event
from structlog.testing import capture_logs
from typing_extensions import override

from bot.delivery.worker import MAX_CONCURRENT, SHUTDOWN_SECONDS, DeliveryWorker
from bot.sandbox.faults import Fault
from bot.sandbox.slack.server import Slack
from bot.store.outbox.delivery import MessageKind, NewDelivery
from tests.delivery.harness import (
    POST,
    Clock,
    DeliveryHarness,
    delivered_jobs,
    delivery_harness,
    metric,
    render_context,
)
from tests.stopwatch import stopwatch, within
from tests.store.seeds import deliveries, enqueue


class WallClock(Clock):
    """The time as it is."""

    @override
    def __call__(self) -> float:
        return time.time()


@pytest.fixture
async def live_harness(database_url: str) -> AsyncIterator[DeliveryHarness]:
    """A delivery harness in real time, on each database in turn; its Slack is not patient beyond its word."""
    async with Slack(burst=1) as slack, delivery_harness(database_url, slack, WallClock()) as opened:
        yield opened


@contextmanager
def _counting_sql() -> Iterator[list[str]]:
    statements: list[str] = []

    def count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", count)
    yield statements
    event.remove(Engine, "before_cursor_execute", count)


async def test_what_is_pending_is_posted_and_recorded_as_sent(harness: DeliveryHarness) -> None:
    ml = harness.slack.add_channel("ml")

    (job,) = await harness.enqueue(ml)
    await harness.until_delivered(ml, job)

    (row,) = await harness.until_states(ml, "sent")
    (message,) = ml.messages
    assert row.ts == message.ts
    assert message.metadata == {"event_type": "ftjob_alert", "event_payload": {"k": row.key}}


async def test_a_card_goes_first_and_changes_are_posted_to_its_thread(harness: DeliveryHarness) -> None:
    ml = harness.slack.add_channel("ml")
    (job,) = await harness.enqueue(ml, kind=MessageKind.CARD)
    await harness.until_states(ml, "sent")
    async with harness.store.db.transaction() as tx:
        recorded = await harness.store.jobs.changes.last(tx, "default", job)
        assert recorded is not None
        card, _ = await harness.store.jobs.cards.get_or_create(tx, "default", job, ml.id)
        await harness.store.outbox.deliveries.enqueue(tx, recorded, NewDelivery(ml.id, MessageKind.CHANGE, card.id))
    harness.advance(2)

    await harness.until_delivered(ml, job, job)

    card_message, reply = ml.messages
    assert reply.thread_ts == card_message.ts
    assert not reply.reply_broadcast


async def test_a_channel_gets_one_message_a_second_in_order_without_being_woken(live_harness: DeliveryHarness) -> None:
    ml = live_harness.slack.add_channel("ml")

    async with within(10):
        jobs = await live_harness.enqueue(ml, ml, ml)
        await live_harness.until_delivered(ml, *jobs)

    entries = live_harness.slack.request_log.for_endpoint(POST)
    assert [entry.status for entry in entries] == [200, 200, 200]
    gaps = [later.at - earlier.at for earlier, later in pairwise(entries)]
    assert all(gap >= 0.98 for gap in gaps), gaps


async def test_other_channels_need_not_wait_for_the_rate_limit_of_one(harness: DeliveryHarness) -> None:
    ml, ops = harness.slack.add_channel("ml"), harness.slack.add_channel("ops")

    first, _, other = await harness.enqueue(ml, ml, ops)

    await harness.until_delivered(ml, first)
    await harness.until_delivered(ops, other)
    await harness.until_states(ml, "sent", "pending")


async def test_an_idle_sender_asks_the_database_nothing_until_a_commit_wakes_it(live_harness: DeliveryHarness) -> None:
    ml = live_harness.slack.add_channel("ml")
    await live_harness.enqueue(ml)
    await live_harness.until_states(ml, "sent")
    await asyncio.sleep(0.3)

    with _counting_sql() as statements:
        await asyncio.sleep(1.5)
        assert statements == []

        # PostgreSQL may wait for its turn, too: only a poll would take longer.
        async with within(10):
            await live_harness.enqueue(ml)
            await live_harness.until_attempted(2)
        assert statements


async def test_so_many_deliveries_are_under_way_at_once_and_no_more(harness: DeliveryHarness) -> None:
    channels = [harness.slack.add_channel(f"c{n}") for n in range(MAX_CONCURRENT + 4)]
    harness.slack.faults.always(POST, Fault("late", seconds=1.5))

    await harness.enqueue(*channels)
    await harness.slack.request_log.wait_until(lambda: sum(len(each.messages) for each in channels) >= MAX_CONCURRENT)

    states = [row.state for row in await deliveries(harness.store)]
    assert states == ["inflight"] * MAX_CONCURRENT + ["pending"] * 4
    for channel in channels:
        await harness.until_states(channel, "sent")


async def test_what_cannot_be_drawn_waits_and_holds_up_no_other_channel(harness: DeliveryHarness) -> None:
    ml, ops = harness.slack.add_channel("ml"), harness.slack.add_channel("ops")
    harness.unrenderable.add("ftjob-broken")

    with capture_logs() as logs:
        await enqueue(harness.store, ml.id, job="ftjob-broken")
        (other,) = await harness.enqueue(ops)
        await harness.until_delivered(ops, other)
        (row,) = await harness.until_states(ml, "pending")

    assert "delivery.render_failed" in [log["event"] for log in logs if log["log_level"] == "error"]
    assert (row.error, row.attempts) == ("not_drawn", 1)
    harness.unrenderable.clear()
    harness.advance(31)
    await harness.until_delivered(ml, "ftjob-broken")
    assert "Possible duplicate" not in ml.messages[0].plain_text


async def test_what_can_never_be_drawn_is_given_up_and_lets_its_channel_go_on(harness: DeliveryHarness) -> None:
    ml = harness.slack.add_channel("ml")
    harness.unrenderable.add("ftjob-broken")

    async with harness.fast_clock():
        await enqueue(harness.store, ml.id, job="ftjob-broken")
        (other,) = await harness.enqueue(ml)
        await harness.until_delivered(ml, other)

    await harness.until_states(ml, "dead", "sent")


async def test_a_stop_lets_what_is_under_way_end(harness: DeliveryHarness) -> None:
    ml = harness.slack.add_channel("ml")
    harness.slack.faults.add(POST, Fault("late", seconds=0.5))
    await harness.enqueue(ml, ml)
    await harness.slack.request_log.wait_until(lambda: ml.messages)
    assert [row.state for row in await deliveries(harness.store)] == ["inflight", "pending"]

    await harness.worker.stop()

    assert [row.state for row in await deliveries(harness.store)] == ["sent", "pending"]
    harness.advance(60)
    assert len(harness.slack.request_log.for_endpoint(POST)) == 1


async def test_a_stop_cuts_what_takes_too_long_and_leaves_it_unconfirmed(harness: DeliveryHarness) -> None:
    ml = harness.slack.add_channel("ml")
    harness.slack.faults.add(POST, Fault("hang", accepted=True))
    await harness.enqueue(ml)
    await harness.slack.request_log.wait_until(lambda: ml.messages)

    began = time.monotonic()
    async with stopwatch() as watch:
        await harness.worker.stop()

    assert time.monotonic() - began >= SHUTDOWN_SECONDS - 0.5
    assert watch.seconds < SHUTDOWN_SECONDS + 1
    (row,) = await deliveries(harness.store)
    assert (row.state, row.error, row.token) == ("unconfirmed", "cut", None)


async def test_an_idle_sender_stops_at_once(harness: DeliveryHarness) -> None:
    sender = DeliveryWorker(
        harness.store, harness.client, render_context(harness.clock), clock=harness.clock, monotonic=harness.clock
    )
    running = asyncio.create_task(sender.run())
    await asyncio.sleep(0.1)

    async with within(1):
        await sender.stop()
        await running


async def test_a_sender_that_stops_while_it_claims_leaves_nothing_claimed(tmp_path: Path, slack: Slack) -> None:
    clock, ml = Clock(), slack.add_channel("ml")
    async with delivery_harness(tmp_path, slack, clock) as harness:
        await harness.worker.stop()
        for nth in range(20):
            await harness.enqueue(ml)
            sender = DeliveryWorker(
                harness.store, harness.client, render_context(harness.clock), clock=clock, monotonic=clock
            )
            running = asyncio.create_task(sender.run())
            await asyncio.sleep(0.0004 * nth)
            await sender.stop()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

            assert "inflight" not in {row.state for row in await deliveries(harness.store)}
            clock.now += 2


async def test_outcomes_and_delays_are_counted(harness: DeliveryHarness) -> None:
    ml = harness.slack.add_channel("ml")
    sent = metric("ftjob_deliveries_total", outcome="sent")
    pending = metric("ftjob_deliveries_total", outcome="pending")
    unconfirmed = metric("ftjob_deliveries_total", outcome="unconfirmed")
    doubted = metric("ftjob_possible_duplicates_total")
    delays, total = metric("ftjob_delivery_delay_seconds_count"), metric("ftjob_delivery_delay_seconds_sum")
    harness.slack.faults.add(POST, Fault("answer", status=429, headers={"Retry-After": "5"}), Fault("drop"))

    await harness.enqueue(ml)
    await harness.until_states(ml, "pending")
    harness.advance(10)
    await harness.until_states(ml, "unconfirmed")
    harness.advance(20)
    await harness.until_states(ml, "sent")

    assert metric("ftjob_deliveries_total", outcome="sent") == sent + 1
    assert metric("ftjob_deliveries_total", outcome="pending") == pending + 1
    assert metric("ftjob_deliveries_total", outcome="unconfirmed") == unconfirmed + 1
    assert metric("ftjob_possible_duplicates_total") == doubted + 1
    assert metric("ftjob_delivery_delay_seconds_count") == delays + 1
    assert metric("ftjob_delivery_delay_seconds_sum") == pytest.approx(total + 30)
    assert delivered_jobs(ml)


async def test_a_store_that_does_not_work_is_logged_once_each_way_and_what_is_pending_is_sent_afterwards(
    harness: DeliveryHarness,
) -> None:
    ml = harness.slack.add_channel("ml")
    with capture_logs() as logs, _counting_sql() as statements:
        async with harness.store.db.transaction() as tx:
            await tx.exec_driver_sql("ALTER TABLE delivery RENAME TO away")
        harness.worker.wake()
        before = len(statements)
        async with asyncio.timeout(300):
            while sum("delivery" in said for said in statements[before:]) < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert harness.worker.is_store_failing
        async with harness.store.db.transaction() as tx:
            await tx.exec_driver_sql("ALTER TABLE away RENAME TO delivery")
        (job,) = await harness.enqueue(ml)
        await harness.until_delivered(ml, job)
        await harness.until_states(ml, "sent")
        async with asyncio.timeout(300):
            while harness.worker.is_store_failing:  # noqa: ASYNC110 - a flag tells nobody
                await asyncio.sleep(0.01)

    said = [log["event"] for log in logs if log["event"].startswith(("delivery.failing", "delivery.recovered"))]
    assert said == ["delivery.failing", "delivery.recovered"]
