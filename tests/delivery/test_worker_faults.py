"""The sender when Slack does not take it: what is tried again, when, where, and what is given up."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from itertools import pairwise

import pytest
from multidict import CIMultiDict
from structlog.testing import capture_logs

from bot.delivery.policy import MAX_UNKNOWN_ERRORS
from bot.sandbox.faults import Fault
from bot.slack.timeouts import DELIVERY_TIMEOUTS
from bot.store.outbox.delivery import MessageKind
from tests.delivery.harness import POST, DeliveryHarness, metric, rate_limit, slack_error
from tests.store.seeds import complete, enqueue


async def test_a_channels_order_is_kept_whatever_slack_does(harness: DeliveryHarness) -> None:
    ml, ops = harness.slack.add_channel("ml"), harness.slack.add_channel("ops")
    harness.slack.faults.add(
        POST,
        Fault("drop"),
        rate_limit(3),
        Fault("answer", status=500, body="oops"),
        slack_error("internal_error"),
        Fault("answer", status=200, body="<html>"),
        slack_error("service_unavailable"),
        slack_error("something_new"),
        Fault("answer", status=200, body={"ok": True}),
        slack_error("invalid_blocks"),
        Fault("answer", status=503, body="upstream"),
        slack_error("request_timeout"),
    )

    async with harness.fast_clock():
        jobs = await harness.enqueue(*[ml, ops] * 6)
        await harness.until_delivered(ml, *jobs[::2])
        await harness.until_delivered(ops, *jobs[1::2])

    assert len(harness.slack.request_log.for_endpoint(POST)) == len(jobs) + 11


async def test_a_message_that_slack_took_without_saying_so_is_not_hurried(harness: DeliveryHarness) -> None:
    ml = harness.slack.add_channel("ml")
    harness.slack.faults.add(POST, Fault("drop", accepted=True))

    await harness.enqueue(ml)
    (row,) = await harness.until_states(ml, "unconfirmed")

    assert row.not_before - harness.clock.now == DELIVERY_TIMEOUTS.visibility_delay
    assert await harness.store.outbox.deliveries.seconds_to_next() == pytest.approx(DELIVERY_TIMEOUTS.visibility_delay)


async def test_a_rate_limit_is_honoured_and_delays_no_other_channel(harness: DeliveryHarness) -> None:
    ml, ops = harness.slack.add_channel("ml"), harness.slack.add_channel("ops")
    began = harness.clock.now
    harness.slack.faults.add(POST, rate_limit(30))

    first, other, second = await harness.enqueue(ml, ops, ml)
    await harness.until_delivered(ops, other)
    await harness.until_states(ml, "pending", "pending")
    assert ml.messages == []
    assert 30 <= (await harness.store.outbox.deliveries.seconds_to_next() or 0) <= 33

    async with harness.fast_clock():
        await harness.until_delivered(ml, first, second)

    at = [float(message.ts) - began for message in ml.messages]
    assert at[0] >= 30
    assert at[1] >= at[0] + 1


@pytest.mark.parametrize(("asked", "waited"), [(0, 1), (100_000, 300)])
async def test_a_rate_limit_waits_between_a_second_and_five_minutes(
    harness: DeliveryHarness, asked: int, waited: float
) -> None:
    ml = harness.slack.add_channel("ml")
    harness.slack.faults.add(POST, rate_limit(asked))

    await harness.enqueue(ml)
    (row,) = await harness.until_states(ml, "pending")

    assert waited <= row.not_before - harness.clock.now <= waited * 1.1


async def test_a_channel_without_the_bot_parks_its_alerts_and_holds_up_no_other(harness: DeliveryHarness) -> None:
    closed, ops = harness.slack.add_channel("closed", bot_is_member=False), harness.slack.add_channel("ops")

    _, other = await harness.enqueue(closed, ops)
    await harness.until_delivered(ops, other)

    (row,) = await harness.until_states(closed, "parked")
    assert (row.error, row.attempts, row.ts) == ("not_in_channel", 1, None)
    harness.advance(3600)
    assert await harness.store.outbox.deliveries.seconds_to_next() is None


UNREADABLE_PAUSES = {
    "no-ascii-digit": {"Retry-After": "²"},
    "full-width": {"Retry-After": "\uff11\uff12"},
    "exponent": {"Retry-After": "1e3"},
    "negative": {"Retry-After": "-5"},
    "endless": {"Retry-After": "inf"},
    "empty": {"Retry-After": ""},
    "date-of-no-calendar": {"Retry-After": "Mon, 99 Foo 2026 99:99:99 GMT"},
    "two": CIMultiDict([("Retry-After", "7"), ("Retry-After", "70")]),
}


@pytest.mark.parametrize("headers", UNREADABLE_PAUSES.values(), ids=UNREADABLE_PAUSES)
async def test_a_pause_that_cannot_be_read_leaves_no_alert_in_flight(
    harness: DeliveryHarness, headers: Mapping[str, str]
) -> None:
    ml = harness.slack.add_channel("ml")
    harness.slack.faults.add(POST, Fault("answer", status=429, headers=headers, body={"ok": False}))

    jobs = await harness.enqueue(ml)
    (row,) = await harness.until_states(ml, "pending")
    assert row.error == "ratelimited"
    assert 1 <= row.not_before - harness.clock.now <= 1.1
    harness.advance(1.2)
    await harness.until_delivered(ml, *jobs)


async def test_a_pause_may_be_asked_for_until_a_date(harness: DeliveryHarness) -> None:
    ml = harness.slack.add_channel("ml")
    date = format_datetime(datetime.now(UTC) + timedelta(days=1), usegmt=True)
    harness.slack.faults.add(POST, Fault("answer", status=429, headers={"Retry-After": date}, body={"ok": False}))

    await harness.enqueue(ml)
    (row,) = await harness.until_states(ml, "pending")
    assert row.not_before - harness.clock.now == 300


async def test_what_is_pending_for_an_id_that_a_channel_has_no_more_goes_to_the_one_that_it_has(
    harness: DeliveryHarness,
) -> None:
    ml = harness.slack.add_channel("ml")
    await harness.store.channels.moves.move("G0OLD", ml.id)

    (change,) = await enqueue(harness.store, "G0OLD")
    harness.worker.wake()
    await harness.until_delivered(ml, (await harness.store.jobs.changes.find(change)).job_id)
    (row,) = await harness.until_states(ml, "sent")
    assert (row.channel, row.error) == (ml.id, None)


NO_SLACK_ANSWERS = {
    "packed": ({"Content-Type": "application/gzip"}, b"\x1f\x8b"),
    "a-list": ({}, [1]),
    "text": ({"Content-Type": "text/plain"}, "ok"),
    "metadata-that-is-a-list": ({}, {"ok": False, "error": "invalid_blocks", "response_metadata": ["x"]}),
}


@pytest.mark.parametrize(("headers", "body"), NO_SLACK_ANSWERS.values(), ids=NO_SLACK_ANSWERS)
async def test_an_answer_of_another_shape_leaves_no_alert_in_flight(
    harness: DeliveryHarness, headers: Mapping[str, str], body: object
) -> None:
    ml = harness.slack.add_channel("ml")
    harness.slack.faults.add(POST, Fault("answer", status=200, headers=headers, body=body))

    async with harness.fast_clock():
        jobs = await harness.enqueue(ml)
        await harness.until_delivered(ml, *jobs)
    (row,) = await harness.until_states(ml, "sent")
    assert row.attempts == 2


@pytest.mark.parametrize("error", ["channel_not_found", "is_archived", "restricted_action", "user_not_found"])
async def test_a_closed_channel_parks_what_is_pending_for_it(harness: DeliveryHarness, error: str) -> None:
    ml = harness.slack.add_channel("ml")
    harness.slack.faults.add(POST, slack_error(error))

    await harness.enqueue(ml)

    (row,) = await harness.until_states(ml, "parked")
    assert row.error == error


async def test_a_workspace_that_is_closed_is_asked_once_a_minute_and_loses_nothing(harness: DeliveryHarness) -> None:
    ml = harness.slack.add_channel("ml")
    harness.slack.faults.add(POST, slack_error("token_revoked"), slack_error("invalid_auth"))

    async with harness.fast_clock():
        (job,) = await harness.enqueue(ml)
        await harness.until_delivered(ml, job)

    first, second, third = (entry.at for entry in harness.slack.request_log.for_endpoint(POST))
    assert 60 <= second - first < 75
    assert 60 <= third - second < 75


async def test_what_slack_finds_badly_drawn_goes_out_as_plain_text(harness: DeliveryHarness) -> None:
    ml = harness.slack.add_channel("ml")
    harness.slack.faults.add(POST, slack_error("invalid_blocks"))

    async with harness.fast_clock():
        (job,) = await harness.enqueue(ml)
        await harness.until_delivered(ml, job)

    drawn, plain = harness.slack.request_log.for_endpoint(POST)
    assert drawn.request["blocks"]
    assert "blocks" not in plain.request
    assert plain.request["text"] == drawn.request["text"]
    assert plain.request["metadata"] == drawn.request["metadata"]


async def test_what_is_refused_as_plain_text_too_is_dead_and_holds_up_nothing(harness: DeliveryHarness) -> None:
    ml = harness.slack.add_channel("ml")
    harness.slack.faults.add(POST, slack_error("invalid_blocks"), slack_error("msg_too_long"))

    async with harness.fast_clock():
        _, second = await harness.enqueue(ml, ml)
        await harness.until_delivered(ml, second)

    dead, _ = await harness.until_states(ml, "dead", "sent")
    assert (dead.error, dead.attempts) == ("msg_too_long", 2)


async def test_an_error_that_nobody_knows_is_tried_five_times_more_and_then_given_up(harness: DeliveryHarness) -> None:
    ml = harness.slack.add_channel("ml")
    began = harness.clock.now
    harness.slack.faults.add(POST, *[slack_error("something_new")] * (MAX_UNKNOWN_ERRORS + 1))

    async with harness.fast_clock():
        _, second = await harness.enqueue(ml, ml)
        await harness.until_delivered(ml, second)

    dead, _ = await harness.until_states(ml, "dead", "sent")
    assert (dead.error, dead.attempts) == ("something_new", MAX_UNKNOWN_ERRORS + 1)
    at = [entry.at - began for entry in harness.slack.request_log.for_endpoint(POST)]
    gaps = [later - earlier for earlier, later in pairwise(at)][:MAX_UNKNOWN_ERRORS]
    assert gaps[0] >= DELIVERY_TIMEOUTS.visibility_delay, "it may mean that the message is there"
    assert all(gap >= least for least, gap in zip((1, 2, 4, 8), gaps[1:], strict=True)), gaps


async def test_a_slack_that_cannot_be_reached_is_tried_until_it_is_back(harness: DeliveryHarness) -> None:
    ml = harness.slack.add_channel("ml")
    doubted = metric("ftjob_possible_duplicates_total")
    await harness.slack.__aexit__(None, None, None)

    async with harness.fast_clock():
        (job,) = await harness.enqueue(ml)
        (row,) = await harness.until_states(ml, "pending")
        while row.attempts < 3:
            (row,) = await harness.until_states(ml, "pending")
        assert (row.error, row.unconfirmed) == ("unreachable", False)
        await harness.slack.__aenter__()
        await harness.until_delivered(ml, job)

    assert metric("ftjob_possible_duplicates_total") == doubted


async def test_a_change_whose_thread_is_missing_is_posted_to_the_channel(harness: DeliveryHarness) -> None:
    ml = harness.slack.add_channel("ml")
    (job,) = await harness.enqueue(ml)
    await harness.until_states(ml, "sent")
    async with harness.store.db.transaction() as tx:
        card, _ = await harness.store.jobs.cards.get_or_create(tx, "default", job, ml.id)
        await harness.store.jobs.cards.record_post(tx, card.id, "1.000000")
        await tx.exec_driver_sql("UPDATE delivery SET state = 'pending'")

    async with harness.fast_clock():
        await harness.until_delivered(ml, job, job)

    _, refused, told_openly = harness.slack.request_log.for_endpoint(POST)
    assert (refused.request["thread_ts"], refused.accepted) == ("1.000000", False)
    assert "thread_ts" not in told_openly.request
    gone = await harness.store.jobs.cards.find(card.id)
    assert gone is not None
    assert gone.ts is None


async def test_a_sender_that_lost_its_lease_changes_nothing_and_says_so(harness: DeliveryHarness) -> None:
    ml = harness.slack.add_channel("ml")
    lost, doubted = metric("ftjob_deliveries_total", outcome="lost_lease"), metric("ftjob_possible_duplicates_total")
    harness.slack.faults.add(POST, Fault("late", seconds=0.6))
    await harness.enqueue(ml, kind=MessageKind.CARD)
    await harness.slack.request_log.wait_until(lambda: ml.messages)

    with capture_logs() as logs:
        harness.clock.now += 31
        again = await harness.store.outbox.deliveries.claim(30)
        assert again is not None
        assert again.unconfirmed
        await harness.until_attempted(1)
        await complete(harness.store, again, "sent", ts="2.000200")
        await harness.worker.stop()

    (row,) = await harness.until_states(ml, "sent")
    assert row.ts == "2.000200"
    card = await harness.store.jobs.cards.find(row.card_id)
    assert card is not None
    assert card.ts is None, "where the card stands is for the sender that holds the lease"
    assert metric("ftjob_deliveries_total", outcome="lost_lease") == lost + 1
    assert metric("ftjob_possible_duplicates_total") == doubted
    assert [log["outcome"] for log in logs] == ["lost_lease"]
