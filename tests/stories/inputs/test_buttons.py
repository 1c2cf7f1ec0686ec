"""Button presses: repeated, late, forged, and from the wrong user."""

import asyncio
import copy
import re
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import REGISTRY

from bot.sandbox.faults import Fault
from bot.sandbox.slack import payloads
from bot.sandbox.slack.interactions import UserInteraction
from bot.sandbox.slack.messages import EphemeralMessage
from bot.sandbox.slack.sockets import PayloadKind
from bot.sandbox.slack.workspace import BOT_USER
from tests.listeners.test_buttons import IGNORED
from tests.stories.inputs.harness import CANCEL, CONFIRM, RETRIEVE, WRITING, Captured, RunningBot
from tests.world import cancel_request

pytestmark = pytest.mark.asyncio(loop_scope="module")


IDLE = {name: body for name, body in IGNORED.items() if ": " in name}
"""What asks nothing over HTTP (tests/listeners/test_http.py) asks nothing over Socket Mode."""


async def asked(running_bot: RunningBot, **fields: Any) -> tuple[str, EphemeralMessage]:
    """Let Olivia ask for a cancel; return the job and the question as she sees it."""
    job = running_bot.world.api.add_job(**{"status": "running", **fields})
    captured = await running_bot.command(f"cancel {job}")
    assert isinstance(captured.reply.displayed, EphemeralMessage)
    return job, captured.reply.displayed


async def pressed(running_bot: RunningBot, question: EphemeralMessage) -> Captured:
    """Let Olivia press the red button of a question."""
    return await running_bot.capture(running_bot.world.olivia.click(question, CONFIRM))


def with_value(question: EphemeralMessage, value: str) -> EphemeralMessage:
    """Return a question whose red button carries something else."""
    forged = replace(question, blocks=copy.deepcopy(question.blocks))
    parts = [part for block in forged.blocks if block["type"] == "actions" for part in block["elements"]]
    next(part for part in parts if part["action_id"] == CONFIRM)["value"] = value
    return forged


def tampered() -> float:
    return REGISTRY.get_sample_value("ftjob_forged_confirmations_total") or 0.0


def repeated(kind: str) -> float:
    return REGISTRY.get_sample_value("ftjob_duplicate_requests_total", {"kind": kind}) or 0.0


# --- the red button ---


async def test_two_clicks_at_once_are_one_action(running_bot: RunningBot) -> None:
    job, question = await asked(running_bot)

    async def two_clicks() -> UserInteraction:
        clicks = await asyncio.gather(*(running_bot.world.olivia.click(question, CONFIRM) for _ in range(2)))
        for click in clicks:
            await click.reply()
        return clicks[0]

    captured = await running_bot.capture(two_clicks(), names=[running_bot.world.olivia.id])

    assert sorted(captured.decisions) == ["done", "duplicate", "ordered"]
    assert captured.requests.count(CANCEL) == 1
    assert running_bot.world.actions.count(cancel_request(job)) == 1


async def test_who_lost_the_right_after_the_confirmation_was_shown_may_not_confirm(running_bot: RunningBot) -> None:
    otto = running_bot.world.slack.add_user("otto", is_admin=True)
    job = running_bot.world.api.add_job(status="running")
    question = (await running_bot.command(f"cancel {job}", by=otto)).reply
    otto.is_admin = False
    captured = await running_bot.capture(otto.click(question, CONFIRM))

    assert "Only operators can do this. Ask a workspace admin or owner" in captured.reply.plain_text
    assert (captured.decisions, captured.requests) == (["denied"], [])


async def test_a_confirmation_of_more_than_ten_minutes_is_out_of_date(running_bot: RunningBot) -> None:
    _, question = await asked(running_bot)
    running_bot.world.skip(601)
    captured = await pressed(running_bot, question)

    assert "more than 10 minutes old" in captured.reply.plain_text
    assert captured.reply.replace_original
    assert (captured.decisions, captured.requests) == (["stale"], [])


async def test_a_confirmation_for_a_job_that_ended_shows_how_it_ended(running_bot: RunningBot) -> None:
    job, question = await asked(running_bot)
    running_bot.world.api.change(job, status="succeeded")
    captured = await pressed(running_bot, question)

    assert "it succeeded" in captured.reply.plain_text
    assert "This button is out of date." in captured.reply.plain_text
    assert captured.reply.replace_original
    assert captured.reply.buttons == {}
    assert (captured.decisions, captured.requests) == (["stale"], [RETRIEVE])


async def test_a_confirmation_for_a_job_that_went_on_counts_for_it_as_it_is_now(running_bot: RunningBot) -> None:
    job, question = await asked(running_bot, status="queued")
    running_bot.world.api.change(job, status="running")
    captured = await pressed(running_bot, question)

    assert "The job changed from queued to running before you confirmed." in captured.reply.plain_text
    assert captured.reply.replace_original
    assert captured.decisions == ["ordered", "done"]
    assert running_bot.world.actions.count(cancel_request(job)) == 1


async def test_a_key_works_once(running_bot: RunningBot) -> None:
    job, question = await asked(running_bot)
    still_seen = replace(question)
    first = await pressed(running_bot, question)
    captured = await pressed(running_bot, still_seen)

    assert captured.reply.plain_text == first.reply.plain_text, "the same words"
    assert not captured.reply.replace_original
    assert (captured.decisions, captured.requests) == (["duplicate"], [])
    assert running_bot.world.actions.count(cancel_request(job)) == 1


@pytest.mark.parametrize("value", ["made-up", "", "ftjob-abc123", "<!channel>", "A" * 2000, "{key}x", "\x00"])
async def test_a_key_that_was_never_handed_out_opens_nothing(running_bot: RunningBot, value: str) -> None:
    # Keys are opaque names of stored questions, so that a changed one is a made-up one.
    _, question = await asked(running_bot)
    before = tampered()
    captured = await pressed(running_bot, with_value(question, value.format(key=question.buttons[CONFIRM])))

    assert "This confirmation isn't yours" in captured.reply.plain_text
    assert "If you're an admin, owner, or operator" in captured.reply.plain_text
    assert (captured.decisions, captured.requests) == (["tampered"], [])
    assert tampered() == before + 1


async def test_a_key_is_for_one_person_in_one_channel_of_one_workspace(running_bot: RunningBot) -> None:
    job, question = await asked(running_bot)
    otto = running_bot.world.slack.add_user("otto", is_owner=True)
    captured = {
        "another person": await running_bot.capture(otto.click(question, CONFIRM)),
        "another channel": await pressed(running_bot, replace(question, channel=running_bot.world.ops.id)),
        "another workspace": await running_bot.capture(running_bot.world.sam.click(question, CONFIRM)),
    }
    decided = {name: each.decisions for name, each in captured.items()}

    assert decided == {
        "another person": ["tampered"],
        "another channel": ["tampered"],
        "another workspace": ["denied"],
    }
    assert [each.requests for each in captured.values()] == [[], [], []]
    assert captured["another workspace"].audit[0].team == "T0STRANGER"
    await pressed(running_bot, question)
    assert running_bot.world.actions.count(cancel_request(job)) == 1, "it still waited for the one who was asked"


# --- what is no button of ours ---


async def assert_ignored(running_bot: RunningBot, kind: PayloadKind, payload: dict[str, Any]) -> None:
    """Let something reach the bot that asks nothing: it is acknowledged, and that is all."""
    world = running_bot.world
    asked, written, rows = (
        len(world.api.request_log),
        len(world.slack.request_log),
        await running_bot.bot.store.actions.audit.newest(1),
    )
    ack = await world.slack.payload_sender.send(kind, payload)
    await running_bot.command("help")

    assert ack.acked
    assert len(world.api.request_log) == asked
    writing = [entry.endpoint for entry in list(world.slack.request_log)[written:] if entry.endpoint in WRITING]
    assert writing == ["response_url"] * 2, "two answers to help"
    assert await running_bot.bot.store.actions.audit.newest(1) == rows


@pytest.mark.parametrize("name", IDLE)
async def test_what_is_no_button_of_ours_is_acknowledged_and_nothing_else(running_bot: RunningBot, name: str) -> None:
    await assert_ignored(running_bot, "interactive", IDLE[name])


# --- what comes again, and what is not said by a person ---


async def test_what_slack_delivers_twice_is_done_once(running_bot: RunningBot) -> None:
    world, job = running_bot.world, running_bot.world.api.add_job(status="running")
    channel = world.slack.add_channel("b76")
    before = repeated("command")
    exchange = await world.olivia.command(f"track {job}", channel)
    await exchange.reply()
    again = payloads.slash_command(world.olivia, channel, "/ftjob", f"track {job}")
    again |= {"trigger_id": exchange.trigger_id, "response_url": exchange.response_url}
    await world.slack.payload_sender.send("slash_commands", again)
    await running_bot.command("help")

    assert repeated("command") == before + 1
    assert len(exchange.replies) == 1
    assert len(world.messages_about(job, channel)) == 1


async def test_an_action_that_slack_delivers_twice_is_submitted_once(running_bot: RunningBot) -> None:
    world = running_bot.world
    job, question = await asked(running_bot)
    key, before = question.buttons[CONFIRM], repeated("button")
    exchange = await world.olivia.click(question, CONFIRM)
    await exchange.reply()
    again = payloads.block_action(world.olivia, question, world.ml, {"action_id": CONFIRM, "value": key}, {})
    await world.slack.payload_sender.send("interactive", again | {"trigger_id": exchange.trigger_id})
    await running_bot.command("help")

    assert repeated("button") == before + 1
    assert world.actions.count(cancel_request(job)) == 1


async def test_an_event_that_slack_delivers_twice_counts_once(running_bot: RunningBot) -> None:
    before = repeated("event")
    exchange = await running_bot.world.slack.invite_bot(
        running_bot.world.slack.add_channel("b76b", bot_is_member=False)
    )
    again = await running_bot.world.slack.redeliver(exchange)
    await running_bot.command("help")

    assert again.acked
    assert repeated("event") == before + 1


@pytest.mark.parametrize("user", [BOT_USER, "U0OTHERBOT"], ids=["itself", "another-bot"])
async def test_what_a_bot_says_is_never_acted_on(running_bot: RunningBot, user: str) -> None:
    job = running_bot.world.api.add_job(status="running")
    said = {"type": "message", "user": user, "bot_id": "B0", "text": f"/ftjob cancel {job}", "channel_type": "channel"}
    event = said | {"channel": running_bot.world.ml.id, "ts": running_bot.world.slack.workspace.ts()}
    payload = payloads.event_callback(event, running_bot.world.slack.workspace.new_id("Ev"), running_bot.world.clock())
    await assert_ignored(running_bot, "events_api", payload)


# --- two people ---


async def test_two_people_who_confirm_the_same_moment_are_one_action(running_bot: RunningBot) -> None:
    world, otto = running_bot.world, running_bot.world.slack.add_user("otto", is_owner=True)
    job, question = await asked(running_bot)
    other = (await running_bot.command(f"cancel {job}", by=otto)).reply
    # Both looks see it running; the two meet where the order is stored.
    world.api.faults.add(RETRIEVE, Fault("late", seconds=0.3), Fault("late", seconds=0.3))

    async def both() -> UserInteraction:
        clicks = await asyncio.gather(world.olivia.click(question, CONFIRM), otto.click(other, CONFIRM))
        said = [(await click.reply()).plain_text for click in clicks]
        assert sorted("` was canceled." in each for each in said) == [False, True]
        [lost] = [each for each in said if "` was canceled." not in each]
        assert re.match(r"<@\w+> (canceled|is already canceling) ", lost)
        return clicks[0]

    captured = await running_bot.capture(both(), names=[world.olivia.id, otto.id])

    assert sorted(captured.decisions) == ["done", "duplicate", "ordered"]
    assert world.actions.count(cancel_request(job)) == 1
