"""Somebody sets the clock under a running bot, or between two starts: every alert comes in time, and once."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import ExitStack
from pathlib import Path

import asyncpg
import pytest

from bot.sandbox.faults import Fault
from tests.faketime import needs_faketime, wall_clock
from tests.postgres import restartable_postgres
from tests.stopwatch import stopwatch
from tests.store.clocks import SkewedPostgres
from tests.world import World

HOUR, YEAR = 3600.0, 365 * 86400.0
IN_TIME = 35.0
"""Seconds from when the API shows a change until it is told."""
POST = "chat.postMessage"
LIMITED = Fault("answer", status=429, headers={"Retry-After": "3"}, body={"ok": False, "error": "ratelimited"})
MODEL = "ft:gpt-4o-mini-2024-07-18:acme::9abc"
Step = Callable[[float], None]


@pytest.fixture
async def stepping(database_url: str, tmp_path: Path) -> AsyncIterator[tuple[World, Step]]:
    """A world, and what sets the clock of the bot and of its database by so many seconds."""
    if database_url.startswith("sqlite"):
        async with World(tmp_path, database_url=database_url) as world:
            yield world, world.step
        return
    clock = SkewedPostgres(database_url)
    async with World(tmp_path, database_url=database_url) as world:

        def step(seconds: float) -> None:
            world.step(seconds)
            clock.step(seconds)

        yield world, step


async def _told_in_time(world: World, job: str, status: str, *headlines: str) -> None:
    model = {"fine_tuned_model": MODEL} if status == "succeeded" else {}
    async with stopwatch() as took:
        world.api.change(job, status=status, **model)
        await world.until_delivered(job, *headlines, seconds=600)
    assert took.seconds <= IN_TIME


@pytest.mark.parametrize("seconds", [-HOUR, HOUR, -YEAR, -200.0, 2 * YEAR])
async def test_alerts_come_in_time_and_once_when_the_clock_is_set(stepping: tuple[World, Step], seconds: float) -> None:
    world, step = stepping
    job, other = world.api.add_job(status="running"), world.api.add_job(status="running")
    async with world.bot():
        await world.say(f"track {job} {other}")
        await _told_in_time(world, job, "paused", "Paused")
        step(seconds)
        await _told_in_time(world, job, "running", "Paused", "Running")
        await _told_in_time(world, other, "paused", "Paused")
    step(seconds)
    async with world.bot() as bot:
        await _told_in_time(world, job, "succeeded", "Paused", "Running", "Succeeded")
        step(-seconds)
        await _told_in_time(world, other, "failed", "Paused", "Failed")
        await world.until_quiet(bot)

    assert world.delivered(job) == ["Paused", "Running", "Succeeded"]
    assert world.delivered(other) == ["Paused", "Failed"]


async def _seconds_ahead(url: str) -> float:
    connection = await asyncpg.connect(url)
    now: float = await connection.fetchval("SELECT extract(epoch FROM clock_timestamp())::double precision")
    await connection.close()
    return now - time.time()


@needs_faketime
@pytest.mark.parametrize("whose", ["bot", "database"])
async def test_a_process_posts_each_alert_in_time_and_once_when_a_real_clock_is_set(world: World, whose: str) -> None:
    job = world.api.add_job(status="running")
    with ExitStack() as stack:
        wall = stack.enter_context(wall_clock())
        if whose == "database":
            world.database_url = stack.enter_context(restartable_postgres(environ=wall.environ)).url
        environ = wall.environ if whose == "bot" else {}
        async with world.process(**environ) as process:
            await world.say(f"track {job}")
            wall.set(-HOUR)
            await _told_in_time(world, job, "paused", "Paused")
            wall.set(HOUR)
            await _told_in_time(world, job, "running", "Paused", "Running")
            world.slack.faults.add(POST, LIMITED)
            world.api.change(job, status="paused")
            posts = world.slack.request_log
            await posts.wait_until(
                lambda: any(post.status == 429 for post in posts.for_endpoint(POST)), why="the alert has to wait"
            )
            ahead = await _seconds_ahead(world.database_url) if whose == "database" else None
            wall.set(-HOUR)
            await _told_in_time(world, job, "paused", "Paused", "Running", "Paused")
            process.terminate()
            await process.wait()
        async with world.process(**environ):
            wall.set(0)
            await _told_in_time(world, job, "running", "Paused", "Running", "Paused", "Running")
            await _told_in_time(world, job, "succeeded", "Paused", "Running", "Paused", "Running", "Succeeded")

    assert world.delivered(job) == ["Paused", "Running", "Paused", "Running", "Succeeded"]
    assert ahead in (None, pytest.approx(HOUR, abs=600))
    assert ("clock.set" in "".join(world.log)) is (whose == "bot")
    assert "Traceback" not in "".join(world.log)


@pytest.mark.parametrize("seconds", [2 * HOUR, 3 * 86400.0, YEAR])
async def test_a_clock_that_was_ahead_at_the_start_and_is_put_right_delays_nothing(
    stepping: tuple[World, Step], seconds: float
) -> None:
    world, step = stepping
    step(seconds)
    async with world.bot() as bot:
        await world.say("subscribe")
        first = world.api.add_job(status="running")
        await world.slack.request_log.wait_until(lambda: world.messages_about(first), why="it is announced")
        step(-seconds)
        async with stopwatch() as took:
            await world.say("unsubscribe")
            await world.say("subscribe")
        assert took.seconds < 10
        async with stopwatch() as took:
            job = world.api.add_job(status="queued")
            await world.slack.request_log.wait_until(
                lambda: world.messages_about(job), seconds=600, why="it is announced"
            )
        assert took.seconds <= IN_TIME
        await _told_in_time(world, job, "running", "Running")
        await world.until_quiet(bot)
    assert world.delivered(job) == ["Running"]


@pytest.mark.parametrize("seconds", [-HOUR, 6 * 86400.0])
async def test_a_mute_keeps_its_length_when_the_clock_is_set(world: World, seconds: float) -> None:
    job = world.api.add_job(status="running")
    async with world.bot() as bot:
        await world.say(f"track {job}")
        if seconds > 0:
            world.step(seconds)
        await world.say("mute all 2h")
        await bot.store.channels.mutes.expire()
        world.step(-abs(seconds))
        assert await bot.store.channels.mutes.expire() == 0
        world.api.change(job, status="paused")
        await world.until_quiet(bot)
        assert world.delivered(job) == []
        world.skip(2 * HOUR + 1)
        assert await bot.store.channels.mutes.expire() == 1
        bot.worker.wake()
        await world.slack.request_log.wait_until(
            lambda: any("paused" in message.plain_text for message in world.ml.messages)
        )
