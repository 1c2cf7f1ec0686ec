"""No alert lost, none doubled: what a team sees of it, through real processes."""

import asyncio
import re
from collections import Counter

import pytest

from bot.sandbox.faults import Fault
from bot.sandbox.slack.messages import ChannelMessage
from bot.store.outbox.queue import MAX_WAIT
from tests.world import World

POST = "chat.postMessage"
MODEL = "ft:gpt-4o-mini-2024-07-18:acme::abc"
DOWN = Fault("answer", status=503, body="upstream connect error")


async def test_a_bot_that_is_killed_after_slack_took_its_message_does_not_send_it_again(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.process(FTJOB_CRASH_AT="after_post:1") as process:
        await world.say(f"track {job}")
        world.api.change(job, status="succeeded", fine_tuned_model=MODEL)
        await process.wait()
    assert world.delivered(job) == ["Succeeded"]
    world.skip(30)

    async with world.bot() as bot:
        await world.until_quiet(bot)

    assert world.delivered(job) == ["Succeeded"]
    assert len(world.slack.request_log.for_endpoint("conversations.replies")) == 1


@pytest.mark.deep
async def test_an_outage_of_forty_seconds_under_two_processes_costs_no_message_and_doubles_none(
    postgres_url: str, world: World
) -> None:
    world.database_url = postgres_url
    jobs = [world.api.add_job(status="running") for _ in range(10)]

    async with world.process(), world.process():
        for job in jobs:
            await world.say(f"track {job}")
        world.slack.faults.always("*", DOWN)
        for job in jobs:
            world.api.change(job, status="succeeded", fine_tuned_model=MODEL)
        await asyncio.sleep(40)
        world.slack.faults.clear()
        await world.slack.request_log.wait_until(lambda: all(world.delivered(job) for job in jobs), why="all ten")

    assert [world.delivered(job) for job in jobs] == [["Succeeded"]] * 10
    assert len(world.ml.messages) == 20


async def test_two_hundred_and_fifty_changes_in_one_poll_are_all_posted_in_a_few_messages(world: World) -> None:
    jobs = [world.api.add_job(status="running") for _ in range(250)]

    async with world.bot(FTJOB_POLL_SECONDS="3600") as bot:
        await world.say("subscribe")
        before = len(world.ml.messages)
        for job in jobs:
            world.api.change(job, status="succeeded", fine_tuned_model=MODEL)
        # However long the machine takes to record them: nothing is sent before all of them are there.
        async with bot.store.db.transaction() as tx:
            await bot.store.outbox.deliveries.pause_channel(tx, world.ml.id, MAX_WAIT)
        await bot.pollers["default"].poll()
        world.skip(MAX_WAIT)
        bot.worker.wake()
        await world.slack.request_log.wait_until(
            lambda: set(_named(world.ml.messages[before:])) == set(jobs), why="all of them"
        )
        await world.until_quiet(bot)

    told = world.ml.messages[before:]
    assert Counter(_named(told)) == Counter(jobs)
    assert len(told) == 10


async def test_changes_during_a_two_hour_outage_of_slack_are_posted_when_it_recovers(world: World) -> None:
    job = world.api.add_job(status="queued")

    async with world.bot() as bot:
        await world.say(f"track {job}")
        world.slack.faults.always(POST, Fault("answer", status=200, body={"ok": False, "error": "service_unavailable"}))
        for status in ("running", "paused", "running"):
            world.api.change(job, status=status)
            await bot.pollers["default"].poll()
            for _ in range(20):
                world.skip(120)
                bot.worker.wake()
                await asyncio.sleep(0.02)
        world.api.change(job, status="succeeded", fine_tuned_model=MODEL)
        await bot.pollers["default"].poll()
        world.slack.faults.clear()
        async with asyncio.timeout(300):
            while len(world.delivered(job)) < 4:
                world.skip(61)
                bot.worker.wake()
                await asyncio.sleep(0.1)
        await world.until_delivered(job, "Running", "Paused", "Running", "Succeeded")


def _named(messages: list[ChannelMessage]) -> list[str]:
    """Return the jobs that messages name in their lines, twice where they are named twice."""
    return [job for message in messages for job in re.findall(r"\|(ftjob-\w+)>", message.plain_text)]
