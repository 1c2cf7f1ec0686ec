"""PostgreSQL goes away under a running bot: it says so, comes back by itself, and loses and doubles nothing."""

import asyncio

import asyncpg

from bot.sandbox.processes import free_port
from tests.postgres import RestartablePostgres
from tests.readiness import Readiness
from tests.world import World

RESTARTS = 3
READY_SECONDS = 5.0
NOTICED_SECONDS = 40.0
"""A lease of which the restart lost even the claim's answer runs out first."""
_UNSENT = "SELECT count(*) FROM delivery WHERE state <> 'sent'"


async def test_a_bot_survives_immediate_restarts_of_its_database(world: World, server: RestartablePostgres) -> None:
    world.database_url, port = server.url, free_port()
    readiness = Readiness(port)
    jobs = [world.api.add_job(status="running") for _ in range(RESTARTS)]

    async with world.process(PORT=str(port), FTJOB_HOST="127.0.0.1"):
        await world.say(f"track {' '.join(jobs)}")
        await readiness.until(ready=True, seconds=300)
        for job in jobs:
            # Changed first, so that the restart meets a look, a claim or a post of it.
            world.api.change(job, status="paused")
            await asyncio.to_thread(server.stop_at_once)
            await readiness.until(ready=False, seconds=NOTICED_SECONDS)
            await asyncio.to_thread(server.start)
            await readiness.until(ready=True, seconds=READY_SECONDS)
        await _until_all_sent(server.url)
        for job in jobs:
            await world.until_delivered(job, "Paused", seconds=NOTICED_SECONDS)

    assert "store" in readiness.seen
    assert [world.delivered(job) for job in jobs] == [["Paused"]] * RESTARTS
    log = "".join(world.log)
    assert log.count("delivery.failing") == log.count("delivery.recovered")


async def _until_all_sent(url: str) -> None:
    """Let half a minute pass for rows whose end could not be written, and wait until each has its end."""
    database = await asyncpg.connect(url)
    await database.execute("UPDATE delivery SET lease_until = lease_until - 30, not_before = not_before - 30")
    async with asyncio.timeout(300):
        while await database.fetchval(_UNSENT):  # noqa: ASYNC110 - a database tells nobody
            await asyncio.sleep(0.05)
    await database.close()
