"""A delivery in doubt: it is looked for before it is sent again, where it went, and only our own message counts."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.delivery.policy import Next, after_look
from bot.sandbox.faults import Fault
from bot.sandbox.slack.messages import Message
from bot.sandbox.slack.server import SCOPES, Slack
from bot.sandbox.slack.workspace import Channel
from bot.slack.messages import Sight
from bot.slack.timeouts import PATIENCE
from bot.store.outbox.delivery import Picture, Planned
from tests.delivery.post_office import POST, Clock, PostOffice, counted, post_office, rate_limit, refusal
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
    "internal_error": refusal("internal_error"),
    "garbage": Fault("answer", status=200, body="<html>"),
}


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
    async with post_office(tmp_path, slack, clock) as opened:
        yield opened


async def until_sent(office: PostOffice, channel: Channel, *, rows: int = 1) -> None:
    """Let time fly until everything that a channel is owed is sent."""
    async with office.flying_time():
        await office.until_settled(channel, *["sent"] * rows)


@pytest.mark.parametrize("fault", ACCEPTED.values(), ids=ACCEPTED.keys())
async def test_what_arrived_without_an_answer_is_found_and_not_sent_again(office: PostOffice, fault: Fault) -> None:
    ml, doubled = office.slack.add_channel("ml"), counted("ftjob_possible_duplicate_total")
    office.slack.faults.add(POST, fault)

    await office.owe(ml)
    await until_sent(office, ml)

    (message,) = ml.messages
    (row,) = await deliveries(office.store)
    assert (row.ts, row.in_doubt) == (message.ts, False)
    assert len(office.slack.ledger.of(POST)) == 1
    assert counted("ftjob_possible_duplicate_total") == doubled


@pytest.mark.parametrize("fault", LOST.values(), ids=LOST.keys())
async def test_what_did_not_arrive_is_sent_again_once_without_a_word(office: PostOffice, fault: Fault) -> None:
    ml = office.slack.add_channel("ml")
    office.slack.faults.add(POST, fault)

    (job,) = await office.owe(ml)
    await until_sent(office, ml)

    (message,) = ml.messages
    assert job in message.text
    assert "may be a repeat" not in message.plain
    first, second = office.slack.ledger.of(POST)
    assert second.at - first.at >= PATIENCE.settle


async def test_a_card_that_is_found_keeps_its_place_so_that_its_changes_go_into_its_thread(office: PostOffice) -> None:
    ml = office.slack.add_channel("ml")
    office.slack.faults.add(POST, ACCEPTED["dropped"])
    (job,) = await office.owe(ml, picture=Picture.CARD)
    await until_sent(office, ml)

    await _owe_change_of(office, job, ml)
    await until_sent(office, ml, rows=2)

    card, reply = ml.messages
    assert reply.thread_ts == card.ts


async def test_a_reply_is_looked_for_in_its_thread(office: PostOffice) -> None:
    ml = office.slack.add_channel("ml")
    (job,) = await office.owe(ml, picture=Picture.CARD)
    await until_sent(office, ml)

    office.slack.faults.add(POST, ACCEPTED["dropped"])
    await _owe_change_of(office, job, ml)
    await until_sent(office, ml, rows=2)

    assert len(ml.messages) == 2
    assert len(office.slack.ledger.of(REPLIES)) == 1
    assert office.slack.ledger.of(HISTORY) == []


async def test_a_reply_is_looked_for_where_it_went_although_the_card_is_elsewhere_now(office: PostOffice) -> None:
    ml = office.slack.add_channel("ml")
    (job,) = await office.owe(ml, picture=Picture.CARD)
    await until_sent(office, ml)
    office.slack.faults.add(POST, ACCEPTED["dropped"])
    await _owe_change_of(office, job, ml)
    _, row = await office.until_settled(ml, "sent", "ambiguous")

    async with office.store.db.transaction() as tx:
        await office.store.cards.place(tx, row.replies_to, None)
    await until_sent(office, ml, rows=2)

    assert len(ml.messages) == 2


async def test_a_message_of_somebody_else_with_our_key_hides_no_alert(office: PostOffice) -> None:
    ml = office.slack.add_channel("ml")
    office.slack.faults.add(POST, Fault("drop"))
    (job,) = await office.owe(ml)
    (row,) = await office.until_settled(ml, "ambiguous")
    forged = {"event_type": "ftjob_alert", "event_payload": {"k": row.key}}
    ts = office.slack.workspace.ts()
    office.slack.workspace.add_message(Message(ts, ml.id, "U0OTHER", "forged", bot_id="B0OTHER", metadata=forged))

    await until_sent(office, ml)

    assert [job in message.text for message in ml.messages] == [False, True]


async def test_a_look_up_that_cannot_see_is_tried_for_two_minutes_before_the_alert_is_sent_as_a_possible_repeat(
    office: PostOffice,
) -> None:
    ml, doubled = office.slack.add_channel("ml"), counted("ftjob_possible_duplicate_total")
    office.slack.faults.add(POST, ACCEPTED["dropped"])
    office.slack.faults.always(HISTORY, Fault("answer", status=503, body="upstream"))

    await office.owe(ml)
    await until_sent(office, ml)

    first, second = office.slack.ledger.of(POST)
    assert PATIENCE.blind <= second.at - first.at < 2 * PATIENCE.blind
    assert len(office.slack.ledger.of(HISTORY)) == 12
    said, repeat = ml.messages
    assert "may be a repeat" not in said.plain
    assert "may be a repeat" in repeat.plain
    assert counted("ftjob_possible_duplicate_total") == doubled + 1


async def test_a_look_up_that_sees_again_in_time_finds_what_arrived(office: PostOffice) -> None:
    ml = office.slack.add_channel("ml")
    office.slack.faults.add(POST, ACCEPTED["dropped"])
    office.slack.faults.add(HISTORY, *[Fault("answer", status=503, body="upstream"), rate_limit(3)] * 3)

    await office.owe(ml)
    await until_sent(office, ml)

    assert len(ml.messages) == 1
    assert len(office.slack.ledger.of(HISTORY)) == 7


async def test_time_in_which_nobody_looked_is_no_blindness(office: PostOffice) -> None:
    ml = office.slack.add_channel("ml")
    office.slack.faults.add(POST, ACCEPTED["dropped"])
    office.slack.faults.add(HISTORY, Fault("answer", status=503, body="upstream"))
    await office.owe(ml)
    await office.until_settled(ml, "ambiguous")

    office.later(8 * 3600)
    await until_sent(office, ml)

    assert len(office.slack.ledger.of(POST)) == 1


async def test_without_the_history_scope_the_alert_is_sent_again_straight_away(tmp_path: Path, clock: Clock) -> None:
    scopes = [scope for scope in SCOPES if not scope.endswith(":history")]
    async with Slack(clock=clock, scopes=scopes) as slack, post_office(tmp_path, slack, clock) as office:
        ml = slack.add_channel("ml")
        slack.faults.add(POST, ACCEPTED["dropped"])

        await office.owe(ml)
        await until_sent(office, ml)

        first, second = slack.ledger.of(POST)
        assert PATIENCE.settle <= second.at - first.at < PATIENCE.blind
        assert len(slack.ledger.of(HISTORY)) == 1
        assert "may be a repeat" in ml.messages[1].plain


async def test_doubt_outlives_a_refusal_of_the_repeat_that_nobody_could_look_up(tmp_path: Path, clock: Clock) -> None:
    scopes = [scope for scope in SCOPES if not scope.endswith(":history")]
    async with Slack(clock=clock, scopes=scopes) as slack, post_office(tmp_path, slack, clock) as office:
        ml = slack.add_channel("ml")
        slack.faults.add(POST, ACCEPTED["dropped"], rate_limit(5))

        await office.owe(ml)
        await until_sent(office, ml)

        assert "may be a repeat" in ml.messages[1].plain


async def test_a_refused_repeat_of_what_is_not_there_leaves_no_doubt(office: PostOffice) -> None:
    ml = office.slack.add_channel("ml")
    office.slack.faults.add(POST, Fault("drop"), rate_limit(5))

    await office.owe(ml)
    await until_sent(office, ml)

    assert len(office.slack.ledger.of(HISTORY)) == 1
    assert len(ml.messages) == 1


async def test_a_message_that_somebody_deleted_before_it_was_found_is_sent_once_more_and_no_more(
    office: PostOffice,
) -> None:
    ml = office.slack.add_channel("ml")
    office.slack.faults.add(POST, ACCEPTED["dropped"])
    await office.owe(ml)
    await office.until_settled(ml, "ambiguous")
    ml.messages[0].deleted = True

    await until_sent(office, ml)

    assert len(office.slack.ledger.of(POST)) == 2
    assert len(ml.messages) == 1


async def test_a_message_behind_hundreds_of_others_is_found(office: PostOffice) -> None:
    ml = office.slack.add_channel("ml")
    office.slack.faults.add(POST, ACCEPTED["dropped"])
    await office.owe(ml)
    await office.until_settled(ml, "ambiguous")
    office.clock.now += 1
    for _ in range(450):
        office.slack.workspace.add_message(Message(office.slack.workspace.ts(), ml.id, "U0OTHER", "chatter"))

    await until_sent(office, ml)

    assert len(office.slack.ledger.of(POST)) == 1
    assert len(office.slack.ledger.of(HISTORY)) == 3


async def test_a_channel_that_cannot_even_be_looked_into_keeps_its_alerts_in_doubt(office: PostOffice) -> None:
    ml = office.slack.add_channel("ml")
    office.slack.faults.add(POST, ACCEPTED["dropped"])
    office.slack.faults.add(HISTORY, refusal("not_in_channel"))

    async with office.flying_time():
        await office.owe(ml)
        (row,) = await office.until_settled(ml, "parked")
        assert row.in_doubt
        await office.owe(ml)  # tries what is parked first
        await office.until_settled(ml, "sent", "sent")

    assert len(ml.messages) == 2


@pytest.mark.parametrize(
    ("sight", "looks", "expected"),
    [
        (Sight(ts="1.0"), 0, Next.SENT),
        (Sight(), 0, Next.SEND),
        (Sight(blind="ratelimited"), 0, Next.LOOK_AGAIN),
        (Sight(blind="http_503"), 10, Next.LOOK_AGAIN),
        (Sight(blind="http_503"), 11, Next.SEND_BLIND),
        (Sight(blind="missing_scope"), 0, Next.SEND_BLIND),
        (Sight(blind="too_many_messages"), 2, Next.LOOK_AGAIN),
        (Sight(blind="not_in_channel"), 9999, Next.PARK),
        (Sight(blind="channel_not_found"), 0, Next.PARK),
    ],
)
def test_what_follows_from_a_look(sight: Sight, looks: int, expected: Next) -> None:
    assert after_look(sight, looks, PATIENCE) is expected


async def _owe_change_of(office: PostOffice, job: str, channel: Channel) -> None:
    async with office.store.db.transaction() as tx:
        recorded = await office.store.changes.last(tx, "default", job)
        assert recorded is not None
        card, _ = await office.store.cards.of(tx, "default", job, channel.id)
        await office.store.outbox.add(tx, recorded, Planned(channel.id, Picture.CHANGE, card.id))
    office.later(2)
