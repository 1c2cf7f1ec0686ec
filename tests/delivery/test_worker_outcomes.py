"""What an answer of Slack's means beyond its delivery: for the channel, for the token, for who should know."""

import asyncio
import re
from itertools import pairwise

from structlog.testing import capture_logs

from bot.delivery.worker import MAX_CONCURRENT
from bot.sandbox.faults import Fault
from bot.sandbox.slack.workspace import BOT_USER, Channel
from bot.store.outbox.delivery import MessageKind
from tests.delivery.harness import (
    POST,
    DeliveryHarness,
    delivered_jobs,
    rate_limit,
    slack_error,
)
from tests.store.seeds import deliveries, track


async def test_a_closed_channel_costs_one_attempt_and_parks_all_that_is_pending_for_it(
    harness: DeliveryHarness,
) -> None:
    closed = harness.slack.add_channel("closed", bot_is_member=False)

    await harness.enqueue(*[closed] * 12)
    await harness.until_states(closed, *["parked"] * 12)

    assert len(harness.slack.request_log.for_endpoint(POST)) == 1


async def test_a_channel_that_takes_messages_again_gets_all_of_them_in_order(harness: DeliveryHarness) -> None:
    closed = harness.slack.add_channel("closed", bot_is_member=False)
    parked = await harness.enqueue(*[closed] * 3)
    await harness.until_states(closed, *["parked"] * 3)
    closed.members[BOT_USER] = None

    async with harness.fast_clock():
        later = await harness.enqueue(closed)
        await harness.until_delivered(closed, *parked, *later)


async def test_who_tracks_in_a_closed_channel_is_notified_once_a_day(harness: DeliveryHarness) -> None:
    olivia, milo = harness.slack.add_user("olivia"), harness.slack.add_user("milo")
    closed, ops = harness.slack.add_channel("closed", bot_is_member=False), harness.slack.add_channel("ops")
    await track(harness.store, (closed.id, "ftjob-a"), person=olivia.id)
    await track(harness.store, (ops.id, "ftjob-a"), person=milo.id)

    async with harness.fast_clock():
        for count in range(1, 4):
            await harness.enqueue(closed)
            await harness.until_states(closed, *["parked"] * count)
        notice = await _direct_message(harness, olivia.id)

    assert f"<#{closed.id}>" in notice.messages[0].text
    assert "/invite @ftjob" in notice.messages[0].text
    assert len(notice.messages) == 1
    assert {row.channel for row in await deliveries(harness.store) if row.message_kind == "notice"} == {olivia.id}

    async with harness.fast_clock():
        harness.advance(86400)
        await harness.enqueue(closed)
        await harness.slack.request_log.wait_until(lambda: len(notice.messages) == 2, why="the next day's notice")


async def test_a_notice_that_cannot_be_delivered_brings_no_notice(harness: DeliveryHarness) -> None:
    closed = harness.slack.add_channel("closed", bot_is_member=False)
    milo = harness.slack.add_user("milo")
    await track(harness.store, (closed.id, "ftjob-a"), person=milo.id)
    harness.slack.faults.add(POST, slack_error("not_in_channel"), slack_error("messages_tab_disabled"))

    async with harness.fast_clock():
        await harness.enqueue(closed)
        await harness.slack.request_log.wait_until(
            lambda: len(harness.slack.request_log.for_endpoint(POST)) == 2, why="the notice"
        )

    assert len(await deliveries(harness.store)) == 2


async def test_a_notice_to_somebody_who_is_not_there_any_more_is_not_sent_and_ends(harness: DeliveryHarness) -> None:
    closed = harness.slack.add_channel("closed", bot_is_member=False)
    await track(harness.store, (closed.id, "ftjob-a"), person="U0GONE")

    async with harness.fast_clock():
        await harness.enqueue(closed)
        await harness.slack.request_log.wait_until(
            lambda: harness.slack.request_log.for_endpoint("users.info"), why="it is asked who that is"
        )
        async with asyncio.timeout(300):
            while [row.state for row in await deliveries(harness.store, "U0GONE")] != ["dead"]:  # noqa: ASYNC110 - a row tells nobody
                await asyncio.sleep(0.005)

    assert len(harness.slack.request_log.for_endpoint(POST)) == 1
    assert (await harness.store.outbox.dead_letters.overview(20)).total == 1, "the channel's alert alone"


async def test_a_refused_token_is_tried_with_one_delivery_a_minute_whatever_waits(harness: DeliveryHarness) -> None:
    channels = [harness.slack.add_channel(f"c{n}") for n in range(12)]
    harness.slack.faults.always(POST, slack_error("token_revoked"))

    with capture_logs() as logs:
        async with harness.fast_clock(step=1.0):
            await harness.enqueue(*channels)
            await harness.slack.request_log.wait_until(lambda: _span(harness) > 400, seconds=300, why="some minutes")
            harness.slack.faults.clear()
            for channel in channels:
                await harness.until_states(channel, "sent")

    at = [entry.at for entry in harness.slack.request_log.for_endpoint(POST) if not entry.accepted]
    assert all(59 <= after - before <= 70 for before, after in pairwise(at[MAX_CONCURRENT:]))
    said = [log["event"] for log in logs if log["event"] in ("slack.auth_failed", "slack.auth_recovered")]
    assert said == ["slack.auth_failed", "slack.auth_recovered"]


async def test_an_alert_that_the_rate_limit_held_up_for_more_than_half_a_minute_says_so(
    harness: DeliveryHarness,
) -> None:
    ml, ops = harness.slack.add_channel("ml"), harness.slack.add_channel("ops")
    harness.slack.faults.add(POST, rate_limit(45))

    async with harness.fast_clock():
        first, second, other = await harness.enqueue(ml, ml, ops)
        await harness.until_delivered(ml, first, second)
        await harness.until_delivered(ops, other)

    assert ["by Slack rate limits" in message.plain_text for message in ml.messages] == [True, True]
    assert "rate limit" not in ops.messages[0].plain_text


async def test_a_short_pause_and_a_delay_of_another_kind_say_nothing(harness: DeliveryHarness) -> None:
    ml, ops = harness.slack.add_channel("ml"), harness.slack.add_channel("ops")
    harness.slack.faults.add(POST, rate_limit(5), slack_error("service_unavailable"))
    harness.slack.faults.add(POST, *[slack_error("request_timeout")] * 7)

    async with harness.fast_clock():
        await harness.enqueue(ml)
        await harness.until_states(ml, "sent")
        await harness.enqueue(ops)
        await harness.until_states(ops, "sent")

    assert not any("rate limit" in message.plain_text for message in [*ml.messages, *ops.messages])


async def test_four_rate_limits_delay_an_alert_by_what_slack_asked_and_nobody_else(harness: DeliveryHarness) -> None:
    ml, ops = harness.slack.add_channel("ml"), harness.slack.add_channel("ops")
    began = harness.clock.now
    harness.slack.faults.add(POST, *[rate_limit(3)] * 4)

    async with harness.fast_clock():
        (job,) = await harness.enqueue(ml)
        await harness.until_states(ml, "pending")
        (other,) = await harness.enqueue(ops)
        await harness.until_delivered(ml, job)
        await harness.until_delivered(ops, other)

    posts = harness.slack.request_log.for_endpoint(POST)
    to_ml = [entry.at - began for entry in posts if entry.request["channel"] == ml.id]
    assert all(after - before >= 3 for before, after in pairwise(to_ml))
    assert len(ml.messages) == 1
    assert sum(entry.status == 429 for entry in posts) == 4


async def test_a_burst_goes_out_as_digests_that_name_every_job(harness: DeliveryHarness) -> None:
    ml = harness.slack.add_channel("ml")

    async with harness.fast_clock():
        jobs = await harness.enqueue(*[ml] * 120)
        await harness.until_states(ml, *["sent"] * 125)

    assert [len(message.plain_text) > 0 for message in ml.messages] == [True] * 5
    named = [found for message in ml.messages for found in re.findall(r"\|(ftjob-\w+)>", message.plain_text)]
    assert named == jobs


async def test_a_digest_that_slack_took_without_saying_so_is_not_sent_twice(harness: DeliveryHarness) -> None:
    ml = harness.slack.add_channel("ml")
    harness.slack.faults.add(POST, Fault("drop", accepted=True))

    async with harness.fast_clock():
        await harness.enqueue(*[ml] * 30)
        await harness.until_states(ml, *["sent"] * 32)

    assert len(ml.messages) == 2


async def test_a_missing_thread_is_said(harness: DeliveryHarness) -> None:
    ml = harness.slack.add_channel("ml")
    (job,) = await harness.enqueue(ml, kind=MessageKind.CHANGE)
    await harness.until_states(ml, "sent")
    async with harness.store.db.transaction() as tx:
        card, _ = await harness.store.jobs.cards.get_or_create(tx, "default", job, ml.id)
        await harness.store.jobs.cards.record_post(tx, card.id, "1.000000")
        await tx.exec_driver_sql("UPDATE delivery SET state = 'pending'")

    async with harness.fast_clock():
        await harness.until_delivered(ml, job, job)

    assert "Posted here because the thread is gone" in ml.messages[1].plain_text


async def test_nobody_is_notified_of_a_channel_that_is_open(harness: DeliveryHarness) -> None:
    ml = harness.slack.add_channel("ml")
    await track(harness.store, (ml.id, "ftjob-a"))

    (job,) = await harness.enqueue(ml)
    await harness.until_states(ml, "sent")

    assert delivered_jobs(ml) == [job]
    assert len(await deliveries(harness.store)) == 1


def _span(harness: DeliveryHarness) -> float:
    at = [entry.at for entry in harness.slack.request_log.for_endpoint(POST)]
    return at[-1] - at[0] if at else 0.0


async def _direct_message(harness: DeliveryHarness, person: str) -> Channel:
    channel = harness.slack.workspace.direct_message(person)
    await harness.slack.request_log.wait_until(lambda: channel.messages, why="a notice")
    return channel
