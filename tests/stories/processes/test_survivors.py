"""One of two processes dies for good; the other tells what it had committed, although nothing else changes."""

import asyncio
import signal
import sys
import time
from pathlib import Path

import pytest

from bot.slack.timeouts import DELIVERY_TIMEOUTS
from bot.store import open_store
from tests.stopwatch import within
from tests.world import World

MODEL = "ft:gpt-4o-mini-2024-07-18:acme::abc"
SHORTER = 5
INTERVAL = 2.0
LEASE = DELIVERY_TIMEOUTS.lease / SHORTER
POST_SECONDS = 1.0
PROGRAM = f"""
import asyncio
from bot.app import process
from bot.settings.environment import load
from bot.slack.timeouts import DELIVERY_TIMEOUTS
from bot.telemetry import logs

logs.configure("console")
asyncio.run(process.run_until_stopped(load(), timeouts=DELIVERY_TIMEOUTS.shortened({SHORTER})))
"""
RUN = (sys.executable, "-c", PROGRAM)


@pytest.mark.parametrize("point", ["after_record", "after_claim", "before_post"])
async def test_what_a_dead_process_committed_is_posted_within_an_interval_and_a_lease(
    tmp_path: Path, postgres_url: str, point: str
) -> None:
    async with World(tmp_path, database_url=postgres_url) as world:
        job = world.api.add_job(status="running")
        async with world.bot() as bot:
            await world.say(f"track {job}")
            await world.until_quiet(bot)
        often = {"FTJOB_POLL_SECONDS": str(INTERVAL)}

        async with world.process(RUN, **often) as survivor:
            await _until_polled(postgres_url)
            # Idle between two polls; stopped, so that it is the other one that sees the change.
            survivor.send_signal(signal.SIGSTOP)
            world.api.change(job, status="succeeded", fine_tuned_model=MODEL)
            async with world.process(RUN, FTJOB_CRASH_AT=point, **often) as victim:
                async with asyncio.timeout(120):
                    await victim.wait()
            assert world.delivered(job) == []
            survivor.send_signal(signal.SIGCONT)

            async with within(INTERVAL + LEASE + POST_SECONDS):
                await world.until_delivered(job, "Succeeded")

        assert len(world.ml.messages) == 2


async def _until_polled(url: str) -> None:
    """Wait until a poll has just ended."""
    async with open_store(url, time.time) as store, asyncio.timeout(60):
        before = await store.accounts.leases.polled_at("default")
        while await store.accounts.leases.polled_at("default") == before:  # noqa: ASYNC110 - a row tells nobody
            await asyncio.sleep(0.02)
