"""A bot that is told to stop: it ends in time, whatever hangs, and nothing is lost."""

import asyncio
import signal
import time

import pytest

from bot.sandbox.faults import Fault
from tests.world import World

POST = "chat.postMessage"
LIST = "GET /fine_tuning/jobs"
HANG = Fault("hang", seconds=60)
MODEL = "ft:gpt-4o-mini-2024-07-18:acme::abc"


@pytest.mark.parametrize("accepted", [True, False], ids=["taken", "not taken"])
async def test_a_stop_with_slack_and_the_api_hanging_ends_within_ten_seconds_and_loses_nothing(
    world: World, *, accepted: bool
) -> None:
    job, other = world.api.add_job(status="running"), world.api.add_job(status="running")

    async with world.process() as process:
        await world.say(f"track {job} {other}")  # the other one keeps it looking
        posts = len(world.slack.ledger.of(POST))
        world.slack.faults.add(POST, Fault("hang", accepted=accepted, seconds=60))
        world.api.change(job, status="succeeded", fine_tuned_model=MODEL)
        await world.slack.ledger.until(lambda: len(world.slack.ledger.of(POST)) > posts, why="a post that hangs")
        world.slack.faults.always("*", HANG)
        world.api.faults.always(LIST, HANG)
        sweeps = len(world.api.ledger.of(LIST))
        await world.api.ledger.until(lambda: len(world.api.ledger.of(LIST)) > sweeps, why="a sweep that hangs")
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(15):
            code = await process.wait()

    assert code == 0
    assert time.monotonic() - began < 10
    assert "Traceback" not in "".join(world.log)
    world.slack.faults.clear()
    world.api.faults.clear()
    world.skip(60)
    async with world.bot() as bot:
        await world.until_told(job, "Succeeded")
        await world.settled(bot)
    assert world.told(job) == ["Succeeded"]


async def test_a_second_signal_ends_it_at_once_and_safely(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.process() as process:
        await world.say(f"track {job}")
        posts = len(world.slack.ledger.of(POST))
        world.slack.faults.add(POST, Fault("hang", accepted=True, seconds=60))
        world.api.change(job, status="succeeded", fine_tuned_model=MODEL)
        await world.slack.ledger.until(lambda: len(world.slack.ledger.of(POST)) > posts, why="a post that hangs")
        process.send_signal(signal.SIGTERM)
        await world.slack.ledger.until(lambda: "bot.stopping" in "".join(world.log), why="the stop has begun")
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(5):
            await process.wait()

    assert time.monotonic() - began < 2
    world.skip(60)
    async with world.bot() as bot:
        await world.settled(bot)
    assert world.told(job) == ["Succeeded"]


async def test_an_idle_bot_stops_within_a_second_or_two(world: World) -> None:
    async with world.process() as process:
        began = time.monotonic()
        process.send_signal(signal.SIGTERM)
        async with asyncio.timeout(10):
            code = await process.wait()

    assert code == 0
    assert time.monotonic() - began < 3
