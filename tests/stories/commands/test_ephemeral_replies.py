"""A private answer that Slack takes, and whose own answer it drops, is on screen once."""

import pytest

from bot.blocks.replies import UNCONFIRMED
from bot.sandbox.faults import Fault
from tests.world import World

LOST = Fault("drop", accepted=True)


@pytest.mark.parametrize("typed", ["list 2", "help", "status {job}", "cancel {job}", "nosuchverb"])
async def test_a_private_answer_that_slack_took_silently_is_on_screen_once(world: World, typed: str) -> None:
    job = world.api.add_job(status="running")
    world.api.add_job(status="queued")

    async with world.bot():
        world.slack.faults.always("*", LOST)
        exchange = await world.olivia.command(typed.format(job=job), world.ml)
        await exchange.reply()
        world.slack.faults.clear()

    # A bot that stops lets what it is about to say go out, and may say by then that nobody confirmed it.
    assert len([each for each in exchange.replies if UNCONFIRMED not in each.text]) == 1
    assert len([each for each in world.slack.ephemerals if UNCONFIRMED not in each.text]) == 1


async def test_a_public_reply_that_slack_took_silently_is_shown_once(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        await world.say(f"track {job}")
        world.slack.faults.add("response_url", LOST)
        await world.say(f"untrack {job}", by="milo")

    assert sum("untracked" in message.text for message in world.ml.messages) == 1
