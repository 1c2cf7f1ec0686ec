"""The sender at work: order, pace, when it wakes, and how it stops."""

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

from bot.delivery.worker import LAST_SECONDS, MOST_AT_ONCE, Sender
from bot.sandbox.faults import Fault
from bot.sandbox.slack.server import Slack
from bot.store.outbox.delivery import Picture, Planned
from tests.delivery.post_office import POST, Clock, PostOffice, counted, drawing, post_office, told
from tests.pace import stopwatch, within
from tests.store.seeds import deliveries, owe


class WallClock(Clock):
    """The time as it is."""

    def __call__(self) -> float:
        return time.time()


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def slack(clock: Clock) -> AsyncIterator[Slack]:
    async with Slack(clock=clock) as made:
        yield made
    assert made.complaints == []


@pytest.fixture
async def office(tmp_path: Path, slack: Slack, clock: Clock) -> AsyncIterator[PostOffice]:
    """A post office whose time moves only when a test moves it."""
    async with post_office(tmp_path, slack, clock) as opened:
        yield opened


@pytest.fixture
async def live_office(database_url: str) -> AsyncIterator[PostOffice]:
    """A post office in real time, on each database in turn; its Slack is not patient beyond its word."""
    async with Slack(burst=1) as slack, post_office(database_url, slack, WallClock()) as opened:
        yield opened


@contextmanager
def _counting_sql() -> Iterator[list[str]]:
    statements: list[str] = []

    def count(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        statements.append(statement)

    event.listen(Engine, "before_cursor_execute", count)
    yield statements
    event.remove(Engine, "before_cursor_execute", count)


async def test_what_is_owed_is_posted_and_recorded_as_sent(office: PostOffice) -> None:
    ml = office.slack.add_channel("ml")

    (job,) = await office.owe(ml)
    await office.until_told(ml, job)

    (row,) = await office.until_settled(ml, "sent")
    (message,) = ml.messages
    assert row.ts == message.ts
    assert message.metadata == {"event_type": "ftjob_alert", "event_payload": {"k": row.key}}


async def test_a_card_goes_first_and_changes_are_told_in_its_thread(office: PostOffice) -> None:
    ml = office.slack.add_channel("ml")
    (job,) = await office.owe(ml, picture=Picture.CARD)
    await office.until_settled(ml, "sent")
    async with office.store.db.transaction() as tx:
        recorded = await office.store.changes.last(tx, "default", job)
        assert recorded is not None
        card, _ = await office.store.cards.of(tx, "default", job, ml.id)
        await office.store.outbox.add(tx, recorded, Planned(ml.id, Picture.CHANGE, card.id))
    office.later(2)

    await office.until_told(ml, job, job)

    card_message, reply = ml.messages
    assert reply.thread_ts == card_message.ts
    assert not reply.reply_broadcast


async def test_a_channel_gets_one_message_a_second_in_order_without_being_woken(live_office: PostOffice) -> None:
    ml = live_office.slack.add_channel("ml")

    async with stopwatch() as watch:
        jobs = await live_office.owe(ml, ml, ml)
        await live_office.until_told(ml, *jobs)

    entries = live_office.slack.ledger.of(POST)
    assert [entry.status for entry in entries] == [200, 200, 200]
    gaps = [later.at - earlier.at for earlier, later in pairwise(entries)]
    assert all(gap >= 0.98 for gap in gaps), gaps
    assert watch.seconds < 2 * 1.5


async def test_other_channels_need_not_wait_for_the_pace_of_one(office: PostOffice) -> None:
    ml, ops = office.slack.add_channel("ml"), office.slack.add_channel("ops")

    first, _, other = await office.owe(ml, ml, ops)

    await office.until_told(ml, first)
    await office.until_told(ops, other)
    await office.until_settled(ml, "sent", "pending")


async def test_an_idle_sender_asks_the_database_nothing_until_a_commit_wakes_it(live_office: PostOffice) -> None:
    ml = live_office.slack.add_channel("ml")
    await live_office.owe(ml)
    await live_office.until_settled(ml, "sent")
    await asyncio.sleep(0.3)

    with _counting_sql() as statements:
        await asyncio.sleep(1.5)
        assert statements == []

        async with stopwatch() as watch:
            await live_office.owe(ml)
            await live_office.until_asked(2)
        assert statements

    assert watch.seconds < 0.5


async def test_so_many_deliveries_are_under_way_at_once_and_no_more(office: PostOffice) -> None:
    channels = [office.slack.add_channel(f"c{n}") for n in range(MOST_AT_ONCE + 4)]
    office.slack.faults.always(POST, Fault("late", seconds=1.5))

    await office.owe(*channels)
    await office.slack.ledger.until(lambda: sum(len(each.messages) for each in channels) >= MOST_AT_ONCE)

    states = [row.state for row in await deliveries(office.store)]
    assert states == ["inflight"] * MOST_AT_ONCE + ["pending"] * 4
    for channel in channels:
        await office.until_settled(channel, "sent")


async def test_what_cannot_be_drawn_waits_and_holds_up_no_other_channel(office: PostOffice) -> None:
    ml, ops = office.slack.add_channel("ml"), office.slack.add_channel("ops")
    office.unpaged.add("ftjob-broken")

    with capture_logs() as logs:
        await owe(office.store, ml.id, job="ftjob-broken")
        (other,) = await office.owe(ops)
        await office.until_told(ops, other)
        (row,) = await office.until_settled(ml, "pending")

    assert "delivery.not_drawn" in [log["event"] for log in logs if log["log_level"] == "error"]
    assert (row.error, row.attempts) == ("not_drawn", 1)
    office.unpaged.clear()
    office.later(31)
    await office.until_told(ml, "ftjob-broken")
    assert "may be a repeat" not in ml.messages[0].plain


async def test_what_can_never_be_drawn_is_given_up_and_lets_its_channel_go_on(office: PostOffice) -> None:
    ml = office.slack.add_channel("ml")
    office.unpaged.add("ftjob-broken")

    async with office.flying_time():
        await owe(office.store, ml.id, job="ftjob-broken")
        (other,) = await office.owe(ml)
        await office.until_told(ml, other)

    await office.until_settled(ml, "dead", "sent")


async def test_a_stop_lets_what_is_under_way_end(office: PostOffice) -> None:
    ml = office.slack.add_channel("ml")
    office.slack.faults.add(POST, Fault("late", seconds=0.5))
    await office.owe(ml, ml)
    await office.slack.ledger.until(lambda: ml.messages)
    assert [row.state for row in await deliveries(office.store)] == ["inflight", "pending"]

    await office.sender.stop()

    assert [row.state for row in await deliveries(office.store)] == ["sent", "pending"]
    office.later(60)
    assert len(office.slack.ledger.of(POST)) == 1


async def test_a_stop_cuts_what_takes_too_long_and_remembers_the_doubt(office: PostOffice) -> None:
    ml = office.slack.add_channel("ml")
    office.slack.faults.add(POST, Fault("hang", accepted=True))
    await office.owe(ml)
    await office.slack.ledger.until(lambda: ml.messages)

    began = time.monotonic()
    async with stopwatch() as watch:
        await office.sender.stop()

    assert time.monotonic() - began >= LAST_SECONDS - 0.5
    assert watch.seconds < LAST_SECONDS + 1
    (row,) = await deliveries(office.store)
    assert (row.state, row.error, row.token) == ("ambiguous", "cut", None)


async def test_an_idle_sender_stops_at_once(office: PostOffice) -> None:
    sender = Sender(office.store, office.gateway, drawing(office.clock), clock=office.clock, ages=office.clock)
    running = asyncio.create_task(sender.run())
    await asyncio.sleep(0.1)

    async with within(1):
        await sender.stop()
        await running


async def test_a_sender_that_stops_while_it_claims_leaves_nothing_claimed(tmp_path: Path, slack: Slack) -> None:
    clock, ml = Clock(), slack.add_channel("ml")
    async with post_office(tmp_path, slack, clock) as office:
        await office.sender.stop()
        for nth in range(20):
            await office.owe(ml)
            sender = Sender(office.store, office.gateway, drawing(office.clock), clock=clock, ages=clock)
            running = asyncio.create_task(sender.run())
            await asyncio.sleep(0.0004 * nth)
            await sender.stop()
            running.cancel()
            await asyncio.gather(running, return_exceptions=True)

            assert "inflight" not in {row.state for row in await deliveries(office.store)}
            clock.now += 2


async def test_outcomes_and_delays_are_counted(office: PostOffice) -> None:
    ml = office.slack.add_channel("ml")
    sent = counted("ftjob_deliveries_total", outcome="sent")
    pending = counted("ftjob_deliveries_total", outcome="pending")
    ambiguous = counted("ftjob_deliveries_total", outcome="ambiguous")
    doubted = counted("ftjob_possible_duplicate_total")
    delays, total = counted("ftjob_delivery_delay_seconds_count"), counted("ftjob_delivery_delay_seconds_sum")
    office.slack.faults.add(POST, Fault("answer", status=429, headers={"Retry-After": "5"}), Fault("drop"))

    await office.owe(ml)
    await office.until_settled(ml, "pending")
    office.later(10)
    await office.until_settled(ml, "ambiguous")
    office.later(20)
    await office.until_settled(ml, "sent")

    assert counted("ftjob_deliveries_total", outcome="sent") == sent + 1
    assert counted("ftjob_deliveries_total", outcome="pending") == pending + 1
    assert counted("ftjob_deliveries_total", outcome="ambiguous") == ambiguous + 1
    assert counted("ftjob_possible_duplicate_total") == doubted + 1
    assert counted("ftjob_delivery_delay_seconds_count") == delays + 1
    assert counted("ftjob_delivery_delay_seconds_sum") == pytest.approx(total + 30)
    assert told(ml)


async def test_a_store_that_does_not_work_is_logged_once_each_way_and_what_is_owed_is_sent_afterwards(
    office: PostOffice,
) -> None:
    ml = office.slack.add_channel("ml")
    with capture_logs() as logs, _counting_sql() as statements:
        async with office.store.db.transaction() as tx:
            await tx.exec_driver_sql("ALTER TABLE delivery RENAME TO away")
        office.sender.wake()
        before = len(statements)
        async with asyncio.timeout(60):
            while sum("delivery" in said for said in statements[before:]) < 3:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert office.sender.is_broken
        async with office.store.db.transaction() as tx:
            await tx.exec_driver_sql("ALTER TABLE away RENAME TO delivery")
        (job,) = await office.owe(ml)
        await office.until_told(ml, job)
        await office.until_settled(ml, "sent")
        async with asyncio.timeout(60):
            while office.sender.is_broken:  # noqa: ASYNC110 - a flag tells nobody
                await asyncio.sleep(0.01)

    said = [log["event"] for log in logs if log["event"].startswith("store.")]
    assert said == ["store.failing", "store.recovered"]
