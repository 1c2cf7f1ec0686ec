"""Rows B57 to B77: what people press, and what claims that they did."""

import asyncio
import copy
from dataclasses import replace
from typing import Any

import pytest
from prometheus_client import REGISTRY

from bot.sandbox.faults import Fault
from bot.sandbox.slack import payloads
from bot.sandbox.slack.delivery import Kind
from bot.sandbox.slack.exchange import Exchange
from bot.sandbox.slack.messages import Ephemeral
from bot.sandbox.slack.workspace import BOT_USER
from tests.listeners.test_buttons import IGNORED
from tests.stories.inputs.hearing import LOOK, MOST_ACK_SECONDS, ORDER, RED, WRITING, Heard, Town
from tests.world import cancelling

pytestmark = pytest.mark.asyncio(loop_scope="module")


IDLE = {name: body for name, body in IGNORED.items() if name.startswith("B")}
"""What asks nothing over HTTP (tests/listeners/test_http.py) asks nothing over Socket Mode."""


async def asked(town: Town, **fields: Any) -> tuple[str, Ephemeral]:
    """Let Olivia ask for a cancel; return the job and the question as she sees it."""
    job = town.world.api.add_job(**{"status": "running", **fields})
    heard = await town.hears(f"cancel {job}")
    assert isinstance(heard.reply.shown, Ephemeral)
    return job, heard.reply.shown


async def pressed(town: Town, question: Ephemeral) -> Heard:
    """Let Olivia press the red button of a question."""
    return await town.of(town.world.olivia.click(question, RED))


def with_value(question: Ephemeral, value: str) -> Ephemeral:
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


async def test_b57_two_clicks_at_once_are_one_order(town: Town) -> None:
    job, question = await asked(town)

    async def two_clicks() -> Exchange:
        clicks = await asyncio.gather(*(town.world.olivia.click(question, RED) for _ in range(2)))
        for click in clicks:
            await click.reply()
        return clicks[0]

    heard = await town.of(two_clicks(), names=[town.world.olivia.id])

    assert sorted(heard.decisions) == ["done", "duplicate", "ordered"]
    assert heard.requests.count(ORDER) == 1
    assert town.world.orders.count(cancelling(job)) == 1


async def test_b60_who_lost_the_right_after_the_question_may_not_confirm(town: Town) -> None:
    otto = town.world.slack.add_person("otto", is_admin=True)
    job = town.world.api.add_job(status="running")
    question = (await town.hears(f"cancel {job}", by=otto)).reply
    otto.is_admin = False
    heard = await town.of(otto.click(question, RED))

    assert "You may not do this. Admins and owners of this workspace may" in heard.reply.plain
    assert (heard.decisions, heard.requests) == (["denied"], [])


async def test_b61_a_question_of_more_than_ten_minutes_is_out_of_date(town: Town) -> None:
    _, question = await asked(town)
    town.world.skip(601)
    heard = await pressed(town, question)

    assert "older than 10 minutes" in heard.reply.plain
    assert heard.reply.replace_original
    assert (heard.decisions, heard.requests) == (["stale"], [])


async def test_b62_a_question_about_a_job_that_ended_shows_how_it_ended(town: Town) -> None:
    job, question = await asked(town)
    town.world.api.change(job, status="succeeded")
    heard = await pressed(town, question)

    assert "It succeeded" in heard.reply.plain
    assert "This button is out of date." in heard.reply.plain
    assert heard.reply.replace_original
    assert heard.reply.buttons == {}
    assert (heard.decisions, heard.requests) == (["stale"], [LOOK])


async def test_b63_a_question_about_a_job_that_went_on_is_answered_as_it_is_now(town: Town) -> None:
    job, question = await asked(town, status="queued")
    town.world.api.change(job, status="running")
    heard = await pressed(town, question)

    assert "It was queued when I asked and running when you confirmed." in heard.reply.plain
    assert heard.reply.replace_original
    assert heard.decisions == ["ordered", "done"]
    assert town.world.orders.count(cancelling(job)) == 1


async def test_b64_a_key_works_once(town: Town) -> None:
    job, question = await asked(town)
    still_seen = replace(question)
    first = await pressed(town, question)
    heard = await pressed(town, still_seen)

    assert heard.reply.plain == first.reply.plain, "the same words"
    assert not heard.reply.replace_original
    assert (heard.decisions, heard.requests) == (["duplicate"], [])
    assert town.world.orders.count(cancelling(job)) == 1


@pytest.mark.parametrize("value", ["made-up", "", "ftjob-abc123", "<!channel>", "A" * 2000, "{key}x", "\x00"])
async def test_b65_a_key_that_was_never_handed_out_opens_nothing(town: Town, value: str) -> None:
    # Keys are opaque names of stored questions, so that a changed one is a made-up one.
    _, question = await asked(town)
    before = tampered()
    heard = await pressed(town, with_value(question, value.format(key=question.buttons[RED])))

    assert "You may not press this button" in heard.reply.plain
    assert "admins, owners and the operators of this bot may" in heard.reply.plain
    assert (heard.decisions, heard.requests) == (["tampered"], [])
    assert tampered() == before + 1


async def test_b66_a_key_is_for_one_person_in_one_channel_of_one_workspace(town: Town) -> None:
    job, question = await asked(town)
    otto = town.world.slack.add_person("otto", is_owner=True)
    heard = {
        "another person": await town.of(otto.click(question, RED)),
        "another channel": await pressed(town, replace(question, channel=town.world.ops.id)),
        "another workspace": await town.of(town.world.sam.click(question, RED)),
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
    assert town.world.orders.count(cancelling(job)) == 1, "it still waited for the one who was asked"


# --- what is no button of ours ---


async def assert_ignored(town: Town, kind: Kind, payload: dict[str, Any]) -> None:
    """Let something reach the bot that asks nothing: it is acknowledged, and that is all."""
    world = town.world
    asked, written, rows = len(world.api.ledger), len(world.slack.ledger), await town.bot.store.audit.newest(1)
    ack = await world.slack.delivery.send(kind, payload)
    await town.hears("help")

    assert ack.acked
    assert ack.seconds < MOST_ACK_SECONDS
    assert len(world.api.ledger) == asked
    writing = [entry.what for entry in list(world.slack.ledger)[written:] if entry.what in WRITING]
    assert writing == ["response_url"] * 2, "two answers to help"
    assert await town.bot.store.audit.newest(1) == rows


@pytest.mark.parametrize("name", IDLE)
async def test_what_is_no_button_of_ours_is_acknowledged_and_nothing_else(town: Town, name: str) -> None:
    await assert_ignored(town, "interactive", IDLE[name])


# --- what comes again, and what is not said by a person ---


async def test_b76_what_slack_delivers_twice_is_done_once(town: Town) -> None:
    world, job = town.world, town.world.api.add_job(status="running")
    channel = world.slack.add_channel("b76")
    before = repeated("command")
    exchange = await world.olivia.command(f"track {job}", channel)
    await exchange.reply()
    again = payloads.slash_command(world.olivia, channel, "/ftjob", f"track {job}")
    again |= {"trigger_id": exchange.trigger_id, "response_url": exchange.response_url}
    await world.slack.delivery.send("slash_commands", again)
    await town.hears("help")

    assert repeated("command") == before + 1
    assert len(exchange.replies) == 1
    assert len(world.about(job, channel)) == 1


async def test_b76_an_order_that_slack_delivers_twice_is_given_once(town: Town) -> None:
    world = town.world
    job, question = await asked(town)
    key, before = question.buttons[RED], repeated("button")
    exchange = await world.olivia.click(question, RED)
    await exchange.reply()
    again = payloads.block_action(world.olivia, question, world.ml, {"action_id": RED, "value": key}, {})
    await world.slack.delivery.send("interactive", again | {"trigger_id": exchange.trigger_id})
    await town.hears("help")

    assert repeated("button") == before + 1
    assert world.orders.count(cancelling(job)) == 1


async def test_b76_an_event_that_slack_delivers_twice_counts_once(town: Town) -> None:
    before = repeated("event")
    exchange = await town.world.slack.invite_bot(town.world.slack.add_channel("b76b", bot_is_member=False))
    again = await town.world.slack.redeliver(exchange)
    await town.hears("help")

    assert again.acked
    assert repeated("event") == before + 1


@pytest.mark.parametrize("user", [BOT_USER, "U0OTHERBOT"], ids=["B77-itself", "B77-another-bot"])
async def test_what_a_bot_says_is_never_acted_on(town: Town, user: str) -> None:
    job = town.world.api.add_job(status="running")
    said = {"type": "message", "user": user, "bot_id": "B0", "text": f"/ftjob cancel {job}", "channel_type": "channel"}
    event = said | {"channel": town.world.ml.id, "ts": town.world.slack.workspace.ts()}
    payload = payloads.event_callback(event, town.world.slack.workspace.number("Ev"), town.world.clock())
    await assert_ignored(town, "events_api", payload)


# --- two people ---


async def test_b58_two_people_who_confirm_the_same_moment_are_one_order(town: Town) -> None:
    world, otto = town.world, town.world.slack.add_person("otto", is_owner=True)
    job, question = await asked(town)
    other = (await town.hears(f"cancel {job}", by=otto)).reply
    # Both looks see it running; the two meet where the order is stored.
    world.api.faults.add(LOOK, Fault("late", seconds=0.3), Fault("late", seconds=0.3))

    async def both() -> Exchange:
        clicks = await asyncio.gather(world.olivia.click(question, RED), otto.click(other, RED))
        said = [(await click.reply()).plain for click in clicks]
        assert sorted("Cancel sent" in each for each in said) == [False, True]
        [lost] = [each for each in said if "Cancel sent" not in each]
        assert "cancelled by <@" in lost
        return clicks[0]

    heard = await town.of(both(), names=[world.olivia.id, otto.id])

    assert sorted(heard.decisions) == ["done", "duplicate", "ordered"]
    assert world.orders.count(cancelling(job)) == 1
