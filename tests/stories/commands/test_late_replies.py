"""The real bot and a Slack that is away: what people asked is answered when it is back, once, whatever they asked."""

import pytest

from bot.sandbox.faults import Fault
from bot.sandbox.slack.interactions import UserInteraction
from tests.world import World

ANSWERS = ("response_url", "chat.postEphemeral", "chat.postMessage")


def broken(world: World, fault: Fault, *ways: str) -> None:
    for way in ways:
        world.slack.faults.always(way, fault)


def unanswered(world: World, what: str) -> int:
    """Return how many requests got no answer."""
    return sum(entry.status == 0 for entry in world.slack.request_log.for_endpoint(what))


@pytest.mark.parametrize("typed", ["list", "status {job}", "help", "cancel {job}", "nosuchverb", "untrack {job}"])
async def test_a_command_is_answered_once_after_an_outage_of_slack(any_world: World, typed: str) -> None:
    world = any_world
    job = world.api.add_job(status="running")

    async with world.bot():
        await world.say(f"track {job}")
        before = len(world.slack.workspace.replies)
        broken(world, Fault("answer", status=500), *ANSWERS)
        exchange = await world.olivia.command(typed.format(job=job), world.ml)
        await world.slack.request_log.wait_until(
            lambda: len([each for each in world.slack.request_log if each.status == 500]) >= 2, why="both ways fail"
        )
        assert len(world.slack.workspace.replies) == before
        world.slack.faults.clear()
        answer = await exchange.reply()

    assert answer.plain_text
    assert len(exchange.replies) == 1


async def test_a_pressed_button_is_answered_too_and_the_action_is_sent_once(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        question = await world.say(f"cancel {job}")
        broken(world, Fault("answer", status=503), *ANSWERS)
        exchange = await world.olivia.click(question, "ftjob_confirm")
        await world.slack.request_log.wait_until(lambda: world.actions, why="the order")
        world.slack.faults.clear()
        answer = await exchange.reply()

    assert job in answer.plain_text
    assert len(world.actions) == 1
    assert len(exchange.replies) == 1


async def test_what_the_stop_of_a_bot_cuts_off_is_not_answered_by_the_next_one(world: World) -> None:
    async with world.bot():
        broken(world, Fault("answer", status=500), *ANSWERS)
        exchange = await world.olivia.command("help", world.ml)
        await world.slack.request_log.wait_until(
            lambda: world.slack.request_log.for_endpoint("chat.postEphemeral"), why="both ways fail"
        )
    world.slack.faults.clear()
    async with world.bot():
        await world.say("help", by="milo")

    assert exchange.replies == [], "its response URL is a secret, and stored nowhere"


@pytest.mark.deep
async def test_a_slack_that_hangs_costs_no_answer_but_the_ones_it_may_have_taken(world: World) -> None:
    async with world.bot():
        await world.say("help")
        broken(world, Fault("hang"), "*")
        first: UserInteraction = await world.olivia.command("help", world.ml)
        await world.slack.request_log.wait_until(
            lambda: unanswered(world, "auth.test") == 2, why="the bot knows that it hangs"
        )
        second: UserInteraction = await world.olivia.command("help subscribe", world.ml)
        world.slack.faults.clear()
        told, answered = await first.reply(), await second.reply()

    assert "didn't confirm" in told.plain_text
    assert "/ftjob subscribe" in answered.plain_text
    assert len(first.replies) == len(second.replies) == 1
