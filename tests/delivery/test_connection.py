"""Whether Slack answers: noticed, said once, kept over restarts, and its end posted to whom it concerns."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from bot.delivery.connection import NOTIFY_AFTER, SlackConnection
from bot.sandbox.faults import Fault
from bot.sandbox.slack.server import Slack
from bot.tracking.notices import Notices
from tests.delivery.harness import Clock, DeliveryHarness, delivery_harness
from tests.stopwatch import within
from tests.store.seeds import claim, deliveries, enqueue, rename_table, track

DOWN = Fault("answer", status=503, body="upstream")


@pytest.fixture
async def harness(tmp_path: Path, clock: Clock) -> AsyncIterator[DeliveryHarness]:
    async with Slack(clock=clock) as slack, delivery_harness(tmp_path, slack, clock) as opened:
        await opened.worker.stop()  # pending rows stay to be seen
        yield opened


@asynccontextmanager
async def connected(harness: DeliveryHarness, ops: str | None = None) -> AsyncIterator[SlackConnection]:
    notices = Notices(harness.store, ops)
    connection = SlackConnection(
        harness.client,
        harness.store,
        notices,
        clock=harness.clock,
        interval=0.01,
        retry_interval=0.01,
    )
    task = asyncio.create_task(connection.run())
    yield connection
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task


async def until(connection: SlackConnection, *, up: bool) -> None:
    async with within(10):
        while connection.is_up is not up:  # noqa: ASYNC110 - a flag tells nobody
            await asyncio.sleep(0.005)


async def outage(harness: DeliveryHarness, connection: SlackConnection, seconds: float) -> None:
    """Let Slack not answer for so long."""
    await until(connection, up=True)
    harness.slack.faults.always("auth.test", DOWN)
    await until(connection, up=False)
    async with within(10):
        while not await harness.store.accounts.outages.current():  # noqa: ASYNC110 - a database tells nobody
            await asyncio.sleep(0.005)
    harness.clock.now += seconds
    harness.slack.faults.clear()
    await until(connection, up=True)


async def test_who_we_are_is_known_as_soon_as_slack_says_so(harness: DeliveryHarness) -> None:
    async with connected(harness) as connection:
        assert not connection.is_up
        await until(connection, up=True)

        assert connection.identity is not None
        assert connection.identity.team_id == "T0SANDBOX"


async def test_an_outage_is_logged_once_and_so_is_its_end_with_how_long_it_lasted(harness: DeliveryHarness) -> None:
    with capture_logs() as logs:
        async with connected(harness) as connection:
            await outage(harness, connection, 300)

    said = [log["event"] for log in logs if log["event"].startswith("slack.")]
    assert said == ["slack.connected", "slack.unreachable", "slack.recovered", "slack.connected"]
    assert next(log for log in logs if log["event"] == "slack.recovered")["lasted"] == 300


async def test_the_end_of_an_outage_is_posted_to_the_ops_channel_with_what_comes_late(harness: DeliveryHarness) -> None:
    async with connected(harness, ops="C0OPS") as connection:
        await until(connection, up=True)
        await enqueue(harness.store, "C1", "C1")
        await outage(harness, connection, 300)

    (notice,) = [row for row in await deliveries(harness.store) if row.message_kind == "notice"]
    assert notice.channel == "C0OPS"
    assert '"late": 2.0' in notice.notice


async def test_what_a_digest_holds_comes_late_too_and_the_bots_own_notices_are_no_alerts(
    harness: DeliveryHarness,
) -> None:
    async with connected(harness, ops="C0OPS") as connection:
        await until(connection, up=True)
        await enqueue(harness.store, *["C1"] * 30)
        await claim(harness.store)  # more than twenty wait: they become digests
        assert any(row.digest_id for row in await deliveries(harness.store))
        async with harness.store.db.transaction() as tx:
            await harness.store.outbox.deliveries.enqueue_notice(
                tx, "C0OPS", {"kind": "store_lost", "about": "store"}, "key"
            )
        await outage(harness, connection, 300)

    (notice,) = [row.notice for row in await deliveries(harness.store) if "slack_back" in (row.notice or "")]
    assert '"late": 30.0' in notice


async def test_without_an_ops_channel_whoever_tracks_is_notified(harness: DeliveryHarness) -> None:
    await track(harness.store, ("C1", "ftjob-a"), person="U1")
    await track(harness.store, ("C2", "ftjob-a"), person="U2")

    async with connected(harness) as connection:
        await outage(harness, connection, 300)

    assert {row.channel for row in await deliveries(harness.store)} == {"U1", "U2"}


async def test_nobody_is_notified_of_a_short_outage(harness: DeliveryHarness) -> None:
    async with connected(harness, ops="C0OPS") as connection:
        await outage(harness, connection, NOTIFY_AFTER - 1)

    assert await deliveries(harness.store) == []
    assert await harness.store.accounts.outages.current() == []


async def test_an_outage_that_a_restart_lies_in_is_notified_once_from_its_beginning(harness: DeliveryHarness) -> None:
    async with connected(harness, ops="C0OPS") as connection:
        await until(connection, up=True)
        began = harness.clock.now
        harness.slack.faults.always("auth.test", DOWN)
        await until(connection, up=False)
        async with within(10):
            while not await harness.store.accounts.outages.current():  # noqa: ASYNC110 - a database tells nobody
                await asyncio.sleep(0.005)
    harness.clock.now += 500
    harness.slack.faults.clear()

    async with connected(harness, ops="C0OPS") as one, connected(harness, ops="C0OPS") as other:
        await until(one, up=True)
        await until(other, up=True)

    (notice,) = await deliveries(harness.store)
    assert f'"since": {began}' in notice.notice


async def test_a_store_that_cannot_note_an_outage_ends_nothing_and_repeats_no_line(harness: DeliveryHarness) -> None:
    with capture_logs() as logs:
        async with connected(harness, ops="C0OPS") as connection:
            await until(connection, up=True)
            await rename_table(harness.store, "outage", "away")
            harness.slack.faults.always("auth.test", DOWN)
            asked = len(harness.slack.request_log.for_endpoint("auth.test"))
            await harness.slack.request_log.wait_until(
                lambda: len(harness.slack.request_log.for_endpoint("auth.test")) > asked + 5
            )
            await rename_table(harness.store, "away", "outage")
            async with within(10):
                while not await harness.store.accounts.outages.current():  # noqa: ASYNC110 - a database tells nobody
                    await asyncio.sleep(0.005)
            harness.clock.now += 300
            harness.slack.faults.clear()
            await until(connection, up=True)

    said = [log["event"] for log in logs if log["event"].startswith(("slack.", "connection."))]
    assert said == [
        "slack.connected",
        "slack.unreachable",
        "connection.failing",
        "connection.recovered",
        "slack.recovered",
        "slack.connected",
    ]
    assert [row.channel for row in await deliveries(harness.store)] == ["C0OPS"]


@pytest.mark.parametrize("ahead", [3600.0, -3600.0, -365 * 86400.0])
async def test_a_clock_that_is_off_is_said_once_each_way(tmp_path: Path, clock: Clock, ahead: float) -> None:
    async with Slack(clock=lambda: clock.now - ahead) as slack, delivery_harness(tmp_path, slack, clock) as harness:
        with capture_logs() as logs:
            async with connected(harness) as connection:
                await until_off(connection, off=True)
                await slack.request_log.wait_until(lambda: len(slack.request_log.for_endpoint("auth.test")) > 3)
                off_by, ahead = ahead, 0.0
                await until_off(connection, off=False)

    said = [(log["event"], log.get("seconds_ahead")) for log in logs if log["event"].startswith("slack.clock")]
    assert [event for event, _ in said] == ["slack.clock_skewed", "slack.clock_recovered"]
    assert abs((said[0][1] or 0.0) - off_by) <= 2  # HTTP's dates are whole seconds


async def test_a_clock_that_is_off_by_less_than_slack_allows_is_not_said(tmp_path: Path, clock: Clock) -> None:
    async with (
        Slack(clock=lambda: clock.now - 250.0) as slack,
        delivery_harness(tmp_path, slack, clock) as harness,
        connected(harness) as connection,
    ):
        await until(connection, up=True)
        asked = len(slack.request_log.for_endpoint("auth.test"))
        await slack.request_log.wait_until(lambda: len(slack.request_log.for_endpoint("auth.test")) > asked + 2)
        assert not connection.is_clock_skewed


async def until_off(connection: SlackConnection, *, off: bool) -> None:
    async with asyncio.timeout(300):
        while connection.is_clock_skewed is not off:  # noqa: ASYNC110 - a flag tells nobody
            await asyncio.sleep(0.005)
