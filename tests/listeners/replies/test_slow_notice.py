"""Slow notice: a requester who waits long sees it first, and the reply replaces it where Slack allows that."""

from dataclasses import replace

import pytest

from bot.sandbox.faults import Fault
from bot.sandbox.slack.messages import SentReply
from tests.world import QUIET_TUNING, World

SLOW = Fault("late", seconds=1.5)
SOON = replace(QUIET_TUNING, slow_after=0.2)
WAITING = ":hourglass_flowing_sand: Still checking…"
JOB = "GET /fine_tuning/jobs/{id}"


@pytest.fixture
def slow_world(world: World) -> World:
    world.tuning = SOON
    return world


async def test_a_slow_command_first_sends_a_notice_to_the_requester_only(slow_world: World) -> None:
    world = slow_world
    world.api.add_job(status="running")
    world.api.faults.add("GET /fine_tuning/jobs", SLOW)

    async with world.bot():
        exchange = await world.milo.command("list", world.ml)
        answer = await exchange.reply()

    first, second = exchange.replies
    assert (first.text, first.ephemeral, first.user) == (WAITING, True, world.milo.id)
    assert second == answer
    assert "Running" in answer.plain_text
    # Slack shows a command's answers one below the other (slackapi/bolt-python#1268): the stand-in complains of more.
    assert world.slack.violations == []


async def test_a_slow_notice_that_replaced_a_message_is_replaced_by_the_reply_or_the_error(
    slow_world: World,
) -> None:
    world = slow_world
    job = world.api.add_job(status="running")

    async with world.bot():
        shown = await world.say(f"status {job}")
        world.api.faults.add(JOB, Fault("slow", seconds=1.5))
        exchange = await world.olivia.click(shown, "ftjob_refresh")
        await exchange.reply()
        world.api.jobs.pop(job)
        world.api.faults.add(JOB, Fault("slow", seconds=1.5))
        gone = await world.olivia.click(shown, "ftjob_refresh")
        await gone.reply()

    assert [each.replace_original for each in [*exchange.replies, *gone.replies]] == [True] * 4
    assert [each.text == WAITING for each in [*exchange.replies, *gone.replies]] == [True, False] * 2
    assert "I couldn't find job" in world.slack.ephemerals[-1].text
    assert all(each.displayed is shown.displayed for each in [*exchange.replies, *gone.replies]), "it stands there once"


async def test_a_public_message_is_not_replaced_by_an_ephemeral_notice(slow_world: World) -> None:
    world = slow_world
    job = world.api.add_job(status="running")

    async with world.bot():
        await world.say(f"track {job}")
        muted = await world.say(f"mute {job} 2h")
        world.slack.faults.add("users.info", SLOW)
        exchange = await world.milo.click(muted, "ftjob_unmute")
        await exchange.reply()

    waiting, answer = exchange.replies
    assert (waiting.text, waiting.ephemeral, waiting.replace_original) == (WAITING, True, False)
    assert not muted.ephemeral
    assert answer.replace_original
    assert answer.displayed is muted.displayed
    assert world.slack.violations == []


async def test_a_modal_shows_the_notice_instead_of_loading(slow_world: World) -> None:
    world = slow_world
    job = world.api.add_job(status="running")

    async with world.bot():
        shown = await world.say(f"status {job}")
        world.skip(3)
        world.api.faults.add(JOB, SLOW)
        exchange = await world.olivia.click(shown, "ftjob_details")
        window = await exchange.modal()
        await world.slack.request_log.wait_until(
            lambda: "Still checking" in window.plain_text, why="the window says it"
        )
        await world.slack.request_log.wait_until(lambda: job in window.plain_text, why="the window is filled")

    assert exchange.replies == []


@pytest.mark.parametrize("slow", ["users.info", "GET /fine_tuning/jobs/{id}"])
async def test_a_slow_slack_and_a_slow_api_give_the_same_notice(slow_world: World, slow: str) -> None:
    world = slow_world
    job = world.api.add_job(status="running")

    async with world.bot():
        for server in (world.slack, world.api):
            server.faults.add(slow, SLOW)
        exchange = await world.milo.command(f"status {job}", world.ml)
        await exchange.reply()

    assert [each.text == WAITING for each in exchange.replies] == [True, False]


async def test_a_fast_reply_has_no_notice_before_it(world: World) -> None:
    async with world.bot():
        exchange = await world.milo.command("list", world.ml)
        await exchange.reply()

    assert len(exchange.replies) == 1


async def test_a_reply_does_not_wait_for_slack_to_accept_the_notice(slow_world: World) -> None:
    world = slow_world
    world.api.faults.add("GET /fine_tuning/jobs", SLOW)

    async with world.bot():
        world.slack.faults.add("response_url", Fault("hang", seconds=30))
        exchange = await world.milo.command("list", world.ml)
        answer: SentReply = await exchange.reply()

    assert exchange.replies == [answer]
