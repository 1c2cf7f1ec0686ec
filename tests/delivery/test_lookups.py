"""An unconfirmed delivery: it is looked up before it is sent again, where it went, and only our own message counts."""

from pathlib import Path

import pytest

from bot.delivery.policy import AfterLookup, after_lookup
from bot.sandbox.faults import Fault
from bot.sandbox.slack.installed_app import from_manifest
from bot.sandbox.slack.messages import ChannelMessage
from bot.sandbox.slack.server import SCOPES, Slack
from bot.sandbox.slack.workspace import Channel
from bot.slack.messages import LookupResult
from bot.slack.timeouts import DELIVERY_TIMEOUTS
from bot.store.outbox.delivery import MessageKind, NewDelivery
from tests.delivery.harness import POST, Clock, DeliveryHarness, delivery_harness, metric, rate_limit, slack_error
from tests.store.seeds import deliveries

HISTORY = "conversations.history"
REPLIES = "conversations.replies"
ACCEPTED = {
    "dropped": Fault("drop", accepted=True),
    "500": Fault("answer", accepted=True, status=500, body="oops"),
    "internal_error": Fault("answer", accepted=True, status=200, body={"ok": False, "error": "internal_error"}),
    "garbage": Fault("answer", accepted=True, status=200, body="<html>"),
    "ok without a place": Fault("answer", accepted=True, status=200, body={"ok": True}),
    "another channel": Fault("answer", accepted=True, status=200, body={"ok": True, "ts": "1.0", "channel": "C999"}),
    "a word that nobody knows": Fault("answer", accepted=True, status=200, body={"ok": False, "error": "zzz"}),
}
LOST = {
    "dropped": Fault("drop"),
    "500": Fault("answer", status=500, body="oops"),
    "internal_error": slack_error("internal_error"),
    "garbage": Fault("answer", status=200, body="<html>"),
}


async def until_sent(harness: DeliveryHarness, channel: Channel, *, rows: int = 1) -> None:
    """Advance the clock until everything pending for a channel is sent."""
    async with harness.fast_clock():
        await harness.until_states(channel, *["sent"] * rows)


@pytest.mark.parametrize("fault", ACCEPTED.values(), ids=ACCEPTED.keys())
async def test_what_arrived_without_an_answer_is_found_and_not_sent_again(
    harness: DeliveryHarness, fault: Fault
) -> None:
    ml, doubled = harness.slack.add_channel("ml"), metric("ftjob_possible_duplicates_total")
    harness.slack.faults.add(POST, fault)

    await harness.enqueue(ml)
    await until_sent(harness, ml)

    (message,) = ml.messages
    (row,) = await deliveries(harness.store)
    assert (row.ts, row.unconfirmed) == (message.ts, False)
    assert len(harness.slack.request_log.for_endpoint(POST)) == 1
    assert metric("ftjob_possible_duplicates_total") == doubled


@pytest.mark.parametrize("fault", LOST.values(), ids=LOST.keys())
async def test_what_did_not_arrive_is_sent_again_once_without_a_word(harness: DeliveryHarness, fault: Fault) -> None:
    ml = harness.slack.add_channel("ml")
    harness.slack.faults.add(POST, fault)

    (job,) = await harness.enqueue(ml)
    await until_sent(harness, ml)

    (message,) = ml.messages
    assert job in message.text
    assert "Possible duplicate" not in message.plain_text
    first, second = harness.slack.request_log.for_endpoint(POST)
    assert second.at - first.at >= DELIVERY_TIMEOUTS.visibility_delay


async def test_a_card_that_is_found_keeps_its_place_so_that_its_changes_go_into_its_thread(
    harness: DeliveryHarness,
) -> None:
    ml = harness.slack.add_channel("ml")
    harness.slack.faults.add(POST, ACCEPTED["dropped"])
    (job,) = await harness.enqueue(ml, kind=MessageKind.CARD)
    await until_sent(harness, ml)

    await _enqueue_change(harness, job, ml)
    await until_sent(harness, ml, rows=2)

    card, reply = ml.messages
    assert reply.thread_ts == card.ts


async def test_a_reply_is_looked_up_in_its_thread(harness: DeliveryHarness) -> None:
    ml = harness.slack.add_channel("ml")
    (job,) = await harness.enqueue(ml, kind=MessageKind.CARD)
    await until_sent(harness, ml)

    harness.slack.faults.add(POST, ACCEPTED["dropped"])
    await _enqueue_change(harness, job, ml)
    await until_sent(harness, ml, rows=2)

    assert len(ml.messages) == 2
    assert len(harness.slack.request_log.for_endpoint(REPLIES)) == 1
    assert harness.slack.request_log.for_endpoint(HISTORY) == []


async def test_a_reply_is_looked_up_where_it_went_although_the_card_is_elsewhere_now(harness: DeliveryHarness) -> None:
    ml = harness.slack.add_channel("ml")
    (job,) = await harness.enqueue(ml, kind=MessageKind.CARD)
    await until_sent(harness, ml)
    harness.slack.faults.add(POST, ACCEPTED["dropped"])
    await _enqueue_change(harness, job, ml)
    _, row = await harness.until_states(ml, "sent", "unconfirmed")

    async with harness.store.db.transaction() as tx:
        await harness.store.jobs.cards.record_post(tx, row.card_id, None)
    await until_sent(harness, ml, rows=2)

    assert len(ml.messages) == 2


async def test_a_message_of_somebody_else_with_our_key_hides_no_alert(harness: DeliveryHarness) -> None:
    ml = harness.slack.add_channel("ml")
    harness.slack.faults.add(POST, Fault("drop"))
    (job,) = await harness.enqueue(ml)
    (row,) = await harness.until_states(ml, "unconfirmed")
    forged = {"event_type": "ftjob_alert", "event_payload": {"k": row.key}}
    ts = harness.slack.workspace.ts()
    harness.slack.workspace.add_message(
        ChannelMessage(ts, ml.id, "U0OTHER", "forged", bot_id="B0OTHER", metadata=forged)
    )

    await until_sent(harness, ml)

    assert [job in message.text for message in ml.messages] == [False, True]


async def test_a_look_up_that_cannot_see_is_tried_for_two_minutes_before_the_alert_is_sent_as_a_possible_repeat(
    harness: DeliveryHarness,
) -> None:
    ml, doubled = harness.slack.add_channel("ml"), metric("ftjob_possible_duplicates_total")
    harness.slack.faults.add(POST, ACCEPTED["dropped"])
    harness.slack.faults.always(HISTORY, Fault("answer", status=503, body="upstream"))

    await harness.enqueue(ml)
    await until_sent(harness, ml)

    first, second = harness.slack.request_log.for_endpoint(POST)
    assert DELIVERY_TIMEOUTS.lookup_limit <= second.at - first.at < 2 * DELIVERY_TIMEOUTS.lookup_limit
    assert len(harness.slack.request_log.for_endpoint(HISTORY)) == 12
    said, repeat = ml.messages
    assert "Possible duplicate" not in said.plain_text
    assert "Possible duplicate" in repeat.plain_text
    assert metric("ftjob_possible_duplicates_total") == doubled + 1


async def test_a_look_up_that_sees_again_in_time_finds_what_arrived(harness: DeliveryHarness) -> None:
    ml = harness.slack.add_channel("ml")
    harness.slack.faults.add(POST, ACCEPTED["dropped"])
    harness.slack.faults.add(HISTORY, *[Fault("answer", status=503, body="upstream"), rate_limit(3)] * 3)

    await harness.enqueue(ml)
    await until_sent(harness, ml)

    assert len(ml.messages) == 1
    assert len(harness.slack.request_log.for_endpoint(HISTORY)) == 7


async def test_time_without_a_lookup_is_no_blindness(harness: DeliveryHarness) -> None:
    ml = harness.slack.add_channel("ml")
    harness.slack.faults.add(POST, ACCEPTED["dropped"])
    harness.slack.faults.add(HISTORY, Fault("answer", status=503, body="upstream"))
    await harness.enqueue(ml)
    await harness.until_states(ml, "unconfirmed")

    harness.advance(8 * 3600)
    await until_sent(harness, ml)

    assert len(harness.slack.request_log.for_endpoint(POST)) == 1


async def test_without_the_history_scope_the_alert_is_sent_again_straight_away(tmp_path: Path, clock: Clock) -> None:
    app = from_manifest().with_overrides(scopes=(scope for scope in SCOPES if not scope.endswith(":history")))
    async with Slack(clock=clock, installed_app=app) as slack, delivery_harness(tmp_path, slack, clock) as harness:
        ml = slack.add_channel("ml")
        slack.faults.add(POST, ACCEPTED["dropped"])

        await harness.enqueue(ml)
        await until_sent(harness, ml)

        first, second = slack.request_log.for_endpoint(POST)
        assert DELIVERY_TIMEOUTS.visibility_delay <= second.at - first.at < DELIVERY_TIMEOUTS.lookup_limit
        assert len(slack.request_log.for_endpoint(HISTORY)) == 1
        assert "Possible duplicate" in ml.messages[1].plain_text


async def test_an_unconfirmed_delivery_stays_so_through_a_refused_repeat_that_nobody_could_look_up(
    tmp_path: Path, clock: Clock
) -> None:
    app = from_manifest().with_overrides(scopes=(scope for scope in SCOPES if not scope.endswith(":history")))
    async with Slack(clock=clock, installed_app=app) as slack, delivery_harness(tmp_path, slack, clock) as harness:
        ml = slack.add_channel("ml")
        slack.faults.add(POST, ACCEPTED["dropped"], rate_limit(5))

        await harness.enqueue(ml)
        await until_sent(harness, ml)

        assert "Possible duplicate" in ml.messages[1].plain_text


async def test_a_refused_repeat_of_what_is_not_there_leaves_nothing_unconfirmed(harness: DeliveryHarness) -> None:
    ml = harness.slack.add_channel("ml")
    harness.slack.faults.add(POST, Fault("drop"), rate_limit(5))

    await harness.enqueue(ml)
    await until_sent(harness, ml)

    assert len(harness.slack.request_log.for_endpoint(HISTORY)) == 1
    assert len(ml.messages) == 1


async def test_a_message_that_somebody_deleted_before_it_was_found_is_sent_once_more_and_no_more(
    harness: DeliveryHarness,
) -> None:
    ml = harness.slack.add_channel("ml")
    harness.slack.faults.add(POST, ACCEPTED["dropped"])
    await harness.enqueue(ml)
    await harness.until_states(ml, "unconfirmed")
    ml.messages[0].deleted = True

    await until_sent(harness, ml)

    assert len(harness.slack.request_log.for_endpoint(POST)) == 2
    assert len(ml.messages) == 1


async def test_a_message_behind_hundreds_of_others_is_found(harness: DeliveryHarness) -> None:
    ml = harness.slack.add_channel("ml")
    harness.slack.faults.add(POST, ACCEPTED["dropped"])
    await harness.enqueue(ml)
    await harness.until_states(ml, "unconfirmed")
    harness.clock.now += 1
    for _ in range(450):
        harness.slack.workspace.add_message(ChannelMessage(harness.slack.workspace.ts(), ml.id, "U0OTHER", "chatter"))

    await until_sent(harness, ml)

    assert len(harness.slack.request_log.for_endpoint(POST)) == 1
    assert len(harness.slack.request_log.for_endpoint(HISTORY)) == 3


async def test_a_channel_whose_history_cannot_be_read_keeps_its_alerts_unconfirmed(harness: DeliveryHarness) -> None:
    ml = harness.slack.add_channel("ml")
    harness.slack.faults.add(POST, ACCEPTED["dropped"])
    harness.slack.faults.add(HISTORY, slack_error("not_in_channel"))

    async with harness.fast_clock():
        await harness.enqueue(ml)
        (row,) = await harness.until_states(ml, "parked")
        assert row.unconfirmed
        await harness.enqueue(ml)  # tries what is parked first
        await harness.until_states(ml, "sent", "sent")

    assert len(ml.messages) == 2


@pytest.mark.parametrize(
    ("result", "attempts", "expected"),
    [
        (LookupResult(ts="1.0"), 0, AfterLookup.SENT),
        (LookupResult(), 0, AfterLookup.SEND),
        (LookupResult(error="ratelimited"), 0, AfterLookup.LOOK_UP_AGAIN),
        (LookupResult(error="http_503"), 10, AfterLookup.LOOK_UP_AGAIN),
        (LookupResult(error="http_503"), 11, AfterLookup.SEND_UNCONFIRMED),
        (LookupResult(error="missing_scope"), 0, AfterLookup.SEND_UNCONFIRMED),
        (LookupResult(error="too_many_messages"), 2, AfterLookup.LOOK_UP_AGAIN),
        (LookupResult(error="not_in_channel"), 9999, AfterLookup.PARK),
        (LookupResult(error="channel_not_found"), 0, AfterLookup.PARK),
    ],
)
def test_what_follows_from_a_lookup(result: LookupResult, attempts: int, expected: AfterLookup) -> None:
    assert after_lookup(result, attempts, DELIVERY_TIMEOUTS) is expected


async def _enqueue_change(harness: DeliveryHarness, job: str, channel: Channel) -> None:
    async with harness.store.db.transaction() as tx:
        recorded = await harness.store.jobs.changes.last(tx, "default", job)
        assert recorded is not None
        card, _ = await harness.store.jobs.cards.get_or_create(tx, "default", job, channel.id)
        await harness.store.outbox.deliveries.enqueue(
            tx, recorded, NewDelivery(channel.id, MessageKind.CHANGE, card.id)
        )
    harness.advance(2)
