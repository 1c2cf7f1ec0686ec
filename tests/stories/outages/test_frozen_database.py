"""PostgreSQL takes questions and answers none: the bot says so, goes on when it is over, and can be stopped."""

import asyncio
import signal

from bot.sandbox.processes import free_port
from tests.postgres import RestartablePostgres
from tests.readiness import Readiness
from tests.world import World


async def test_a_database_that_hangs_is_named_and_nothing_is_lost_or_doubled_when_it_answers_again(
    world: World, server: RestartablePostgres
) -> None:
    world.database_url, port = server.url, free_port()
    readiness = Readiness(port)
    job = world.api.add_job(status="running")

    async with world.process(PORT=str(port), FTJOB_HOST="127.0.0.1"):
        await world.say(f"track {job}")
        await readiness.until(ready=True, seconds=300)
        with server.frozen():
            world.api.change(job, status="paused")
            await readiness.until(ready=False, seconds=300)
            named = await readiness.parts()
        await readiness.until(ready=True, seconds=300)
        await world.until_delivered(job, "Paused", seconds=300)
        world.api.change(job, status="running")
        await world.until_delivered(job, "Paused", "Running", seconds=300)

    assert "store" in named
    log = "".join(world.log)
    assert log.count("didn't respond within") > 0
    assert log.count("delivery.failing") == log.count("delivery.recovered") <= 1
    broke, mended = world.count_logged("poll.failing"), world.count_logged("poll.recovered")
    assert set(broke.values()) <= {1}
    assert broke["default"] == mended["default"]


async def test_a_stop_while_the_database_hangs_ends_in_time_and_loses_nothing(
    world: World, server: RestartablePostgres
) -> None:
    world.database_url = server.url
    job = world.api.add_job(status="running")

    async with world.process() as process:
        await world.say(f"track {job}")
        with server.frozen():
            world.api.change(job, status="paused")
            process.send_signal(signal.SIGTERM)
            async with asyncio.timeout(300):
                code = await process.wait()
    async with world.process():
        await world.until_delivered(job, "Paused", seconds=300)

    assert code == 0 or "bot.stop_hung" in "".join(world.log)
    assert "Traceback" not in "".join(world.log)
