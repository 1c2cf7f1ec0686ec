"""Rows B57 to B77: what people press, and what claims that they did."""

import asyncio
import copy
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import REGISTRY

from bot.sandbox.faults import Fault
from bot.sandbox.slack import payloads
from bot.sandbox.slack.delivery import PayloadKind
from bot.sandbox.slack.exchange import UserInteraction
from bot.sandbox.slack.messages import EphemeralMessage
from bot.sandbox.slack.workspace import BOT_USER
from tests.listeners.test_buttons import IGNORED
from tests.stories.inputs.harness import CANCEL, CONFIRM, MOST_ACK_SECONDS, RETRIEVE, WRITING, Captured, RunningBot
from tests.world import cancel_request

pytestmark = pytest.mark.asyncio(loop_scope="module")


IDLE = {name: body for name, body in IGNORED.items() if name.startswith("B")}
"""What asks nothing over HTTP (tests/listeners/test_http.py) asks nothing over Socket Mode."""


async def asked(town: RunningBot, **fields: Any) -> tuple[str, EphemeralMessage]:
    """Let Olivia ask for a cancel; return the job and the question as she sees it."""
    job = town.world.api.add_job(**{"status": "running", **fields})
    heard = await town.command(f"cancel {job}")
    assert isinstance(heard.reply.displayed, EphemeralMessage)
    return job, heard.reply.displayed


async def pressed(town: RunningBot, question: EphemeralMessage) -> Captured:
    """Let Olivia press the red button of a question."""
    return await town.capture(town.world.olivia.click(question, CONFIRM))


def with_value(question: EphemeralMessage, value: str) -> EphemeralMessage:
    """Return a question whose red button carries something else."""
    forged = replace(question, blocks=copy.deepcopy(question.blocks))
    [button] = [part for block in forged.blocks if block["type"] == "actions" for part in block["elements"]]
    button["value"] = value
    return forged


def tampered() -> float:
    return REGISTRY.get_sample_value("ftjob_tampered_total") or 0.0


def repeated(kind: str) -> float:
    return REGISTRY.get_sample_value("ftjob_repeated_requests_total", {"kind": kind}) or 0.0


# --- the red button ---


async def test_b57_two_clicks_at_once_are_one_order(town: RunningBot) -> None:
    job, question = await asked(town)

    async def two_clicks() -> UserInteraction:
        clicks = await asyncio.gather(*(town.world.olivia.click(question, CONFIRM) for _ in range(2)))
        for click in clicks:
            await click.reply()
        return clicks[0]

    heard = await town.capture(two_clicks(), names=[town.world.olivia.id])

    assert sorted(heard.decisions) == ["done", "duplicate", "ordered"]
    assert heard.requests.count(CANCEL) == 1
    assert town.world.actions.count(cancel_request(job)) == 1


async def test_b60_who_lost_the_right_after_the_question_may_not_confirm(town: RunningBot) -> None:
    otto = town.world.slack.add_user("otto", is_admin=True)
    job = town.world.api.add_job(status="running")
    question = (await town.command(f"cancel {job}", by=otto)).reply
    otto.is_admin = False
    heard = await town.capture(otto.click(question, CONFIRM))

    assert "You may not do this. Admins and owners of this workspace may" in heard.reply.plain_text
    assert (heard.decisions, heard.requests) == (["denied"], [])


async def test_b61_a_question_of_more_than_ten_minutes_is_out_of_date(town: RunningBot) -> None:
    _, question = await asked(town)
    town.world.skip(601)
    heard = await pressed(town, question)

    assert "older than 10 minutes" in heard.reply.plain_text
    assert heard.reply.replace_original
    assert (heard.decisions, heard.requests) == (["stale"], [])


async def test_b62_a_question_about_a_job_that_ended_shows_how_it_ended(town: RunningBot) -> None:
    job, question = await asked(town)
    town.world.api.change(job, status="succeeded")
    heard = await pressed(town, question)

    assert "It succeeded" in heard.reply.plain_text
    assert "This button is out of date." in heard.reply.plain_text
    assert heard.reply.replace_original
    assert heard.reply.buttons == {}
    assert (heard.decisions, heard.requests) == (["stale"], [RETRIEVE])


async def test_b63_a_question_about_a_job_that_went_on_is_answered_as_it_is_now(town: RunningBot) -> None:
    job, question = await asked(town, status="queued")
    town.world.api.change(job, status="running")
    heard = await pressed(town, question)

    assert "It was queued when I asked and running when you confirmed." in heard.reply.plain_text
    assert heard.reply.replace_original
    assert heard.decisions == ["ordered", "done"]
    assert town.world.actions.count(cancel_request(job)) == 1


async def test_b64_a_key_works_once(town: RunningBot) -> None:
    job, question = await asked(town)
    still_seen = replace(question)
    first = await pressed(town, question)
    heard = await pressed(town, still_seen)

    assert heard.reply.plain_text == first.reply.plain_text, "the same words"
    assert not heard.reply.replace_original
    assert (heard.decisions, heard.requests) == (["duplicate"], [])
    assert town.world.actions.count(cancel_request(job)) == 1


@pytest.mark.parametrize("value", ["made-up", "", "ftjob-abc123", "<!channel>", "A" * 2000, "{key}x", "\x00"])
async def test_b65_a_key_that_was_never_handed_out_opens_nothing(town: RunningBot, value: str) -> None:
    # Keys are opaque names of stored questions, so that a changed one is a made-up one.
    _, question = await asked(town)
    before = tampered()
    heard = await pressed(town, with_value(question, value.format(key=question.buttons[CONFIRM])))

    assert "You may not press this button" in heard.reply.plain_text
    assert "admins, owners and the operators of this bot may" in heard.reply.plain_text
    assert (heard.decisions, heard.requests) == (["tampered"], [])
    assert tampered() == before + 1


async def test_b66_a_key_is_for_one_person_in_one_channel_of_one_workspace(town: RunningBot) -> None:
    job, question = await asked(town)
    otto = town.world.slack.add_user("otto", is_owner=True)
    heard = {
        "another person": await town.capture(otto.click(question, CONFIRM)),
        "another channel": await pressed(town, replace(question, channel=town.world.ops.id)),
        "another workspace": await town.capture(town.world.sam.click(question, CONFIRM)),
    }
    decided = {name: each.decisions for name, each in heard.items()}

    assert decided == {
        "another person": ["tampered"],
        "another channel": ["tampered"],
        "another workspace": ["denied"],
    }
    assert [each.requests for each in heard.values()] == [[], [], []]
    assert heard["another workspace"].audit[0].team == "T0STRANGER"
    await pressed(town, question)
    assert town.world.actions.count(cancel_request(job)) == 1, "it still waited for the one who was asked"


# --- what is no button of ours ---


async def assert_ignored(town: RunningBot, kind: PayloadKind, payload: dict[str, Any]) -> None:
    """Let something reach the bot that asks nothing: it is acknowledged, and that is all."""
    world = town.world
    asked, written, rows = (
        len(world.api.request_log),
        len(world.slack.request_log),
        await town.bot.store.actions.audit.newest(1),
    )
    ack = await world.slack.payload_sender.send(kind, payload)
    await town.command("help")

    assert ack.acked
    assert ack.seconds < MOST_ACK_SECONDS
    assert len(world.api.request_log) == asked
    writing = [entry.endpoint for entry in list(world.slack.request_log)[written:] if entry.endpoint in WRITING]
    assert writing == ["response_url"] * 2, "two answers to help"
    assert await town.bot.store.actions.audit.newest(1) == rows


@pytest.mark.parametrize("name", IDLE)
async def test_what_is_no_button_of_ours_is_acknowledged_and_nothing_else(town: RunningBot, name: str) -> None:
    await assert_ignored(town, "interactive", IDLE[name])


# --- what comes again, and what is not said by a person ---


async def test_b76_what_slack_delivers_twice_is_done_once(town: RunningBot) -> None:
    world, job = town.world, town.world.api.add_job(status="running")
    channel = world.slack.add_channel("b76")
    before = repeated("command")
    exchange = await world.olivia.command(f"track {job}", channel)
    await exchange.reply()
    again = payloads.slash_command(world.olivia, channel, "/ftjob", f"track {job}")
    again |= {"trigger_id": exchange.trigger_id, "response_url": exchange.response_url}
    await world.slack.payload_sender.send("slash_commands", again)
    await town.command("help")

    assert repeated("command") == before + 1
    assert len(exchange.replies) == 1
    assert len(world.messages_about(job, channel)) == 1


async def test_b76_an_order_that_slack_delivers_twice_is_given_once(town: RunningBot) -> None:
    world = town.world
    job, question = await asked(town)
    key, before = question.buttons[CONFIRM], repeated("button")
    exchange = await world.olivia.click(question, CONFIRM)
    await exchange.reply()
    again = payloads.block_action(world.olivia, question, world.ml, {"action_id": CONFIRM, "value": key}, {})
    await world.slack.payload_sender.send("interactive", again | {"trigger_id": exchange.trigger_id})
    await town.command("help")

    assert repeated("button") == before + 1
    assert world.actions.count(cancel_request(job)) == 1


async def test_b76_an_event_that_slack_delivers_twice_counts_once(town: RunningBot) -> None:
    before = repeated("event")
    exchange = await town.world.slack.invite_bot(town.world.slack.add_channel("b76b", bot_is_member=False))
    again = await town.world.slack.redeliver(exchange)
    await town.command("help")

    assert again.acked
    assert repeated("event") == before + 1


@pytest.mark.parametrize("user", [BOT_USER, "U0OTHERBOT"], ids=["B77-itself", "B77-another-bot"])
async def test_what_a_bot_says_is_never_acted_on(town: RunningBot, user: str) -> None:
    job = town.world.api.add_job(status="running")
    said = {"type": "message", "user": user, "bot_id": "B0", "text": f"/ftjob cancel {job}", "channel_type": "channel"}
    event = said | {"channel": town.world.ml.id, "ts": town.world.slack.workspace.ts()}
    payload = payloads.event_callback(event, town.world.slack.workspace.new_id("Ev"), town.world.clock())
    await assert_ignored(town, "events_api", payload)


# --- two people ---


async def test_b58_two_people_who_confirm_the_same_moment_are_one_order(town: RunningBot) -> None:
    world, otto = town.world, town.world.slack.add_user("otto", is_owner=True)
    job, question = await asked(town)
    other = (await town.command(f"cancel {job}", by=otto)).reply
    # Both looks see it running; the two meet where the order is stored.
    world.api.faults.add(RETRIEVE, Fault("late", seconds=0.3), Fault("late", seconds=0.3))

    async def both() -> UserInteraction:
        clicks = await asyncio.gather(world.olivia.click(question, CONFIRM), otto.click(other, CONFIRM))
        said = [(await click.reply()).plain_text for click in clicks]
        assert sorted("Cancel sent" in each for each in said) == [False, True]
        [lost] = [each for each in said if "Cancel sent" not in each]
        assert "cancelled by <@" in lost
        return clicks[0]

    heard = await town.capture(both(), names=[world.olivia.id, otto.id])

    assert sorted(heard.decisions) == ["done", "duplicate", "ordered"]
    assert world.actions.count(cancel_request(job)) == 1
