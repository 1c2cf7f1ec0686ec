"""An answer that Slack does not take is tried again, and one that may have arrived is not said twice."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace

import pytest
from structlog.testing import capture_logs

from bot.app.clients import open_slack
from bot.blocks.replies import UNCONFIRMED, note_message
from bot.blocks.view import LOADING
from bot.commands.command import Reply
from bot.listeners.replies.responder import LIFETIME, MAX_PENDING, ReplyTarget, Responder, responding
from bot.sandbox.faults import Fault
from bot.sandbox.slack.interactions import UserInteraction
from bot.slack.messages import PostResult
from bot.slack.reply_outcomes import ReplyOutcome, outcome_of_result, outcome_of_status
from bot.telemetry import metrics
from tests.stopwatch import within
from tests.world import World

OURS = Reply(note_message("Only for you."))
FOR_ALL = Reply(note_message("For all."), public=True)
WAYS = ("response_url", "chat.postEphemeral", "chat.postMessage")
HTML = "<html><title>502 Bad Gateway</title></html>"
BUSY = Fault("answer", status=429, headers={"Retry-After": "1"}, body={"ok": False, "error": "ratelimited"})
DOWN = {
    "server errors": Fault("answer", status=500),
    "unavailable": Fault("answer", status=503, body={"ok": False, "error": "service_unavailable"}),
    "a gateway's page": Fault("answer", status=502, body=HTML),
    "too many requests": BUSY,
}


@asynccontextmanager
async def speaking(world: World) -> AsyncIterator[Responder]:
    world.ml.members.setdefault(world.olivia.id)
    async with (
        open_slack(world.settings(), monotonic=world.age) as client,
        responding(client, clock=world.age) as responder,
    ):
        yield responder


def lost(outcome: str = "lost") -> float:
    [family] = metrics.DELAYED_REPLIES.collect()
    values = [each.value for each in family.samples if each.labels.get("outcome") == outcome]
    return values[0] if values else 0.0


async def asked(world: World) -> tuple[UserInteraction, ReplyTarget]:
    """Return what nobody has answered yet, and where its answer belongs."""
    exchange = await world.olivia.command("help", world.ml)
    return exchange, ReplyTarget(world.ml.id, world.olivia.id, exchange.response_url)


async def tries(world: World, most: int, what: str = "response_url") -> None:
    await world.slack.request_log.wait_until(
        lambda: len(world.slack.request_log.for_endpoint(what)) >= most, why=f"{most} tries of {what}"
    )


def break_down(world: World, fault: Fault, *ways: str) -> None:
    for way in ways:
        world.slack.faults.always(way, fault)


@pytest.mark.parametrize("reply", [OURS, FOR_ALL], ids=["private", "for the channel"])
@pytest.mark.parametrize("down", DOWN.values(), ids=DOWN.keys())
async def test_a_reply_that_slack_certainly_rejected_arrives_once_after_the_outage(
    world: World, down: Fault, reply: Reply
) -> None:
    async with speaking(world) as responder:
        exchange, target = await asked(world)
        break_down(world, down, *WAYS)
        await responder.send(target, reply)
        assert exchange.replies == []
        world.slack.faults.clear()
        answer = await exchange.reply()

    assert answer.plain_text.splitlines()[0] == reply.message.text
    assert answer.ephemeral is not reply.public
    assert len(exchange.replies) == 1
    assert world.slack.violations == []


async def test_while_slack_does_not_respond_no_unverifiable_reply_is_tried(world: World) -> None:
    async with speaking(world) as responder:
        exchange, target = await asked(world)
        break_down(world, DOWN["server errors"], *WAYS)
        break_down(world, Fault("drop"), "auth.test")
        await responder.send(target, OURS)
        await tries(world, 2, "auth.test")
        assert len(world.slack.request_log.for_endpoint("response_url")) == 1
        world.slack.faults.clear()
        await exchange.reply()

    assert [each.text for each in exchange.replies] == ["Only for you."]


async def test_replies_arrive_in_the_order_of_their_requests(world: World) -> None:
    async with speaking(world) as responder:
        break_down(world, DOWN["server errors"], *WAYS)
        exchanges = [await asked(world) for _ in range(3)]
        for nth, (_, target) in enumerate(exchanges):
            await responder.send(target, Reply(note_message(f"Number {nth}.")))
        world.slack.faults.clear()
        for exchange, _ in exchanges:
            await exchange.reply()

    assert [each.text for each in world.slack.ephemerals] == ["Number 0.", "Number 1.", "Number 2."]


UNSEEN = {"nothing": Fault("drop"), "a gateway that waited in vain": Fault("answer", status=504, body=HTML)}


@pytest.mark.parametrize("fault", UNSEEN.values(), ids=UNSEEN.keys())
@pytest.mark.parametrize("taken", [True, False], ids=["taken", "not taken"])
@pytest.mark.parametrize("reply", [OURS, FOR_ALL], ids=["private", "for the channel"])
async def test_a_reply_that_may_have_arrived_is_not_repeated_and_the_requester_is_notified(
    world: World, reply: Reply, *, taken: bool, fault: Fault
) -> None:
    before = lost("unconfirmed")
    async with speaking(world) as responder:
        exchange, target = await asked(world)
        world.slack.faults.add("response_url", replace(fault, accepted=taken))
        await responder.send(target, reply)
        await world.slack.request_log.wait_until(lambda: len(exchange.replies) == 1 + taken, why="the line about it")

    texts = [each.text for each in exchange.replies]
    assert texts == [*([reply.message.text] if taken else []), f":warning: {UNCONFIRMED}"]
    assert exchange.replies[-1].ephemeral
    assert lost("unconfirmed") == before + 1
    assert (
        world.slack.request_log.for_endpoint("chat.postEphemeral")
        == world.slack.request_log.for_endpoint("chat.postMessage")
        == []
    )


async def test_the_notice_of_a_possibly_lost_reply_is_not_repeated(world: World) -> None:
    async with speaking(world) as responder:
        exchange, target = await asked(world)
        world.slack.faults.add("response_url", *[Fault("drop", accepted=True)] * 2)
        await responder.send(target, OURS)
        await world.slack.request_log.wait_until(lambda: len(exchange.replies) == 2, why="both")
        # Whatever came after it would come before this.
        await responder.send(target, Reply(note_message("The last word.")))

    assert len(exchange.replies) == 3
    assert exchange.replies[-1].text == "The last word."


@pytest.mark.parametrize("fault", UNSEEN.values(), ids=UNSEEN.keys())
async def test_a_replacement_of_a_message_is_sent_again_after_an_unknown_result(world: World, fault: Fault) -> None:
    job = world.api.add_job(status="running")
    async with world.bot():
        shown = await world.say(f"status {job}")
        world.slack.faults.add("response_url", replace(fault, accepted=True))
        exchange = await world.olivia.click(shown, "ftjob_refresh")
        await world.slack.request_log.wait_until(lambda: len(exchange.replies) == 2, why="the same once more")

    assert [each.replace_original for each in exchange.replies] == [True, True]
    assert len(world.slack.ephemerals) == 1, "it stands there once"


async def test_a_modal_is_filled_after_the_outage(world: World) -> None:
    async with speaking(world) as responder:
        exchange, target = await asked(world)
        view_id = await responder.slack.open_view(exchange.trigger_id, LOADING)
        break_down(world, Fault("drop", accepted=False), "views.update")
        await responder.send(ReplyTarget(target.channel, target.person, target.response_url, view_id), OURS)
        await tries(world, 2, "views.update")
        world.slack.faults.clear()
        window = await exchange.modal()
        await world.slack.request_log.wait_until(lambda: "Only for you." in window.plain_text, why="the window")

    assert exchange.replies == [], "nothing besides the window"


async def test_a_reply_to_a_closed_modal_is_a_message(world: World) -> None:
    async with speaking(world) as responder:
        exchange, target = await asked(world)
        view_id = await responder.slack.open_view(exchange.trigger_id, LOADING)
        break_down(world, DOWN["server errors"], "views.update")
        await responder.send(ReplyTarget(target.channel, target.person, target.response_url, view_id), OURS)
        await tries(world, 1, "views.update")
        await world.olivia.close(await exchange.modal())
        world.slack.faults.clear()
        answer = await exchange.reply()

    assert answer.text == "Only for you."


@pytest.mark.parametrize(("seconds", "is_late"), [(20, False), (90, True), (1200, True)])
async def test_a_late_reply_says_when_it_was_requested(world: World, seconds: float, *, is_late: bool) -> None:
    async with speaking(world) as responder:
        exchange, target = await asked(world)
        break_down(world, DOWN["server errors"], *WAYS)
        await responder.send(target, OURS)
        world.skip(seconds)
        world.slack.faults.clear()
        answer = await exchange.reply()

    assert answer.text == "Only for you."
    assert ("Slack didn't accept my reply until now" in answer.plain_text) is is_late


async def test_after_the_response_url_expired_nothing_is_tried(world: World) -> None:
    before = lost()
    async with speaking(world) as responder:
        exchange, target = await asked(world)
        break_down(world, DOWN["server errors"], *WAYS)
        await responder.send(target, OURS)
        await tries(world, 2)
        world.skip(LIFETIME)
        async with asyncio.timeout(300):
            while lost() == before:  # noqa: ASYNC110 - a counter tells nobody
                await asyncio.sleep(0.05)
        world.slack.faults.clear()

    assert lost() == before + 1
    assert exchange.replies == []


async def test_the_oldest_reply_is_dropped_where_too_many_are_pending(world: World) -> None:
    before = lost()
    async with speaking(world) as responder:
        exchange, target = await asked(world)
        break_down(world, Fault("answer", status=500), "*")
        await asyncio.gather(*(responder.send(target, OURS) for _ in range(MAX_PENDING + 2)))
        assert lost() == before + 2

    assert lost() == before + 2 + MAX_PENDING, "at the end the rest is lost, too"
    assert exchange.replies == []


async def test_the_oldest_reply_can_be_dropped_while_it_is_tried(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("bot.listeners.replies.responder.MAX_PENDING", 2)
    async with speaking(world) as responder:
        (oldest, target), (newer, other) = await asked(world), await asked(world)
        break_down(world, DOWN["server errors"], *WAYS, "auth.test")
        await responder.send(target, OURS)
        await responder.send(other, OURS)
        world.slack.faults.clear()
        # So there is a third answer to give, which says that this one may be missing.
        world.slack.faults.add("response_url", Fault("drop"))
        await newer.reply()
        warning = await oldest.reply()

    assert UNCONFIRMED in warning.plain_text
    assert len(oldest.replies) == len(newer.replies) == 1


@pytest.mark.parametrize("way", ["response_url", "views.update"])
async def test_until_retry_after_has_passed_nothing_else_is_tried(world: World, way: str) -> None:
    async with speaking(world) as responder:
        (first, target), (second, other) = await asked(world), await asked(world)
        view_id = await responder.slack.open_view(first.trigger_id, LOADING) if way == "views.update" else None
        break_down(world, DOWN["server errors"], *WAYS, "views.update", "auth.test")
        await responder.send(ReplyTarget(target.channel, target.person, target.response_url, view_id), OURS)
        await responder.send(other, OURS)
        count = len(world.slack.request_log)
        world.slack.faults.clear()
        break_down(world, BUSY, *WAYS, "views.update")
        await second_round(world, count, way)
        world.slack.faults.clear()
        await second.reply()
        if view_id:
            window = await first.modal()
            await world.slack.request_log.wait_until(lambda: "Only for you." in window.plain_text, why="the window")
        else:
            await first.reply()


async def second_round(world: World, count: int, way: str) -> None:
    """Wait until both answers were tried; each round begins with a harmless question, and a limit ends it."""

    def tried() -> list[str]:
        requests = [
            each.endpoint for each in world.slack.request_log.after(count) if each.endpoint != "chat.postEphemeral"
        ]
        return requests[requests.index(way) :] if way in requests else []

    await world.slack.request_log.wait_until(lambda: len(tried()) >= 3, why="the second is tried")
    assert tried()[:3] == [way, "auth.test", "response_url"]


async def test_a_stop_does_not_wait_for_undeliverable_replies_and_logs_them(world: World) -> None:
    with capture_logs() as logs:
        async with AsyncExitStack() as stack:
            responder = await stack.enter_async_context(speaking(world))
            _, target = await asked(world)
            break_down(world, Fault("answer", status=429, headers={"Retry-After": "300"}), *WAYS)
            await responder.send(target, OURS)
            async with within(10):  # Slack asked for five minutes
                await stack.aclose()

    assert [each["replies"] for each in logs if each["event"] == "replies.lost"] == [1]


@pytest.mark.parametrize(
    ("status", "sent"),
    [
        (200, ReplyOutcome.ACCEPTED),
        (429, ReplyOutcome.RETRYABLE),
        (500, ReplyOutcome.RETRYABLE),
        (503, ReplyOutcome.RETRYABLE),
        (504, ReplyOutcome.UNCONFIRMED),
        (599, ReplyOutcome.RETRYABLE),
        (404, ReplyOutcome.FAILED),
        (400, ReplyOutcome.FAILED),
        (403, ReplyOutcome.FAILED),
        (302, ReplyOutcome.FAILED),
    ],
)
def test_an_http_status_says_whether_a_reply_may_have_arrived(status: int, sent: ReplyOutcome) -> None:
    assert outcome_of_status(status) is sent


@pytest.mark.parametrize(
    ("answer", "sent"),
    [
        (PostResult(error="ratelimited"), ReplyOutcome.RETRYABLE),
        (PostResult(error="service_unavailable"), ReplyOutcome.RETRYABLE),
        (PostResult(error="http_502", maybe_posted=True), ReplyOutcome.RETRYABLE),
        (PostResult(error="http_504", maybe_posted=True), ReplyOutcome.UNCONFIRMED),
        (PostResult(error="http_200", maybe_posted=True), ReplyOutcome.UNCONFIRMED),
        (PostResult(error="internal_error"), ReplyOutcome.UNCONFIRMED),
        (PostResult(error="fatal_error"), ReplyOutcome.UNCONFIRMED),
        (PostResult(error="user_not_in_channel"), ReplyOutcome.FAILED),
        (PostResult(error="invalid_auth"), ReplyOutcome.FAILED),
    ],
)
def test_an_error_of_the_web_api_says_whether_a_reply_may_have_arrived(answer: PostResult, sent: ReplyOutcome) -> None:
    assert outcome_of_result(answer) is sent
