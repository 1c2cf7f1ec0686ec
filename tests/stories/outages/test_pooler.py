"""The bot behind a pooler in transaction mode, as hosting platforms put one before their PostgreSQL."""

import time
from pathlib import Path

from bot.cli import check
from bot.store import open_store
from tests.pgbouncer import pgbouncer
from tests.world import World

JOBS = 6


async def _databases(world: World, url: str, times: int) -> list[tuple[bool, str]]:
    """Let ``ftjob check`` look at the database so many times; return what it found."""
    found = []
    for _ in range(times):
        findings = await check.findings(world.settings(DATABASE_URL=url))
        found += [(each.ok, each.found) for each in findings if each.part == "Database"]
    return found


async def test_jobs_are_tracked_and_posted_once_each_behind_a_pooler(tmp_path: Path, postgres_url: str) -> None:
    with pgbouncer(postgres_url) as pooled:
        async with World(tmp_path, database_url=postgres_url) as world:
            assert await _databases(world, pooled, 3) == [(True, "PostgreSQL, up to date")] * 3
            jobs = [world.api.add_job(status="running") for _ in range(JOBS)]
            async with world.process(DATABASE_URL=pooled):
                answers = [await world.say(f"track {job}") for job in jobs]
                for job in jobs:
                    world.api.change(job, status="succeeded", fine_tuned_model=f"ft:m:acme::{job[-4:]}")
                for job in jobs:
                    await world.until_delivered(job, "Succeeded", seconds=300)
                assert await _databases(world, pooled, 3) == [(True, "PostgreSQL, up to date")] * 3

            assert ["Tracking" in answer.plain_text for answer in answers] == [True] * JOBS
            assert [world.delivered(job) for job in jobs] == [["Succeeded"]] * JOBS
            log = "".join(world.log)
            assert [line for line in ("delivery.failing", "poll.failing", "Traceback") if line in log] == []
            async with open_store(pooled, time.time) as store:
                assert await store.outbox.deliveries.seconds_to_next() is None
