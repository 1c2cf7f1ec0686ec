"""PostgreSQL goes away under a running bot: it says so, comes back by itself, and loses and doubles nothing."""

import asyncio
import time
from collections.abc import Iterator

import asyncpg
import pytest

from tests.postgres import RestartablePostgres, restartable_postgres
from tests.world import World

STATES = ("paused", "running")
_UNSENT = "SELECT count(*) FROM delivery WHERE state <> 'sent'"


@pytest.fixture
def server() -> Iterator[RestartablePostgres]:
    with restartable_postgres() as started:
        yield started


async def test_a_bot_lives_through_immediate_restarts_of_its_database(
    world: World, server: RestartablePostgres
) -> None:
    world.database_url = server.url
    job = world.api.add_job(status="running")

    async with world.process():
        await world.say(f"track {job}")
        told: list[str] = []
        for state in STATES:
            restarting = asyncio.create_task(asyncio.to_thread(server.restart))
            world.api.change(job, status=state)
            told.append(state.capitalize())
            await restarting
            began = time.monotonic()
            await world.until_told(job, *told, seconds=40)
            assert time.monotonic() - began < 35, "a lease and a look-up at the most"
        await _until_all_sent(server.url)

    assert world.told(job) == told
    log = "".join(world.log)
    assert log.count("store.failing") == log.count("store.recovered")


async def _until_all_sent(url: str) -> None:
    """Let half a minute pass for rows whose end could not be written, and wait until each has its end."""
    database = await asyncpg.connect(url)
    await database.execute("UPDATE delivery SET lease_until = lease_until - 30, not_before = not_before - 30")
    async with asyncio.timeout(60):
        while await database.fetchval(_UNSENT):  # noqa: ASYNC110 - a database tells nobody
            await asyncio.sleep(0.05)
    await database.close()
