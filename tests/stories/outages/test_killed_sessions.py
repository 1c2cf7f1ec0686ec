"""Every session with PostgreSQL is killed each second: no result is lost, none comes twice, and none waits for a lease."""

import asyncio
import time
from functools import partial
from pathlib import Path

import asyncpg
import pytest

from bot.sandbox.slack.messages import ChannelMessage
from bot.sandbox.slack.workspace import Channel
from tests.world import World, has_image

MODEL = "ft:gpt-4o-mini-2024-07-18:acme::{}"
AT_ONCE = 5
"""Jobs that one command tracks at the most."""
BETWEEN = 1.2
"""Seconds between two results: a channel takes one message a second."""
PAUSE = 1.0
"""Seconds between two times that every session is killed."""
LATEST = 35.0
"""Seconds: a claim whose answer is lost must not cost a lease of thirty, each time anew."""


async def _kill_sessions(server: str, name: str, seconds: float) -> int:
    """Kill every session of a database once a second; return how many were killed."""
    admin, killed = await asyncpg.connect(server), 0
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        rows = await admin.fetch("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = $1", name)
        killed += len(rows)
        await asyncio.sleep(PAUSE)
    await admin.close()
    return killed


async def _finish(world: World, jobs: list[str]) -> dict[str, float]:
    """Let one job after the other succeed; return when each did."""
    ended = {}
    for job in jobs:
        world.api.change(job, status="succeeded", fine_tuned_model=MODEL.format(job[-4:]))
        ended[job] = time.time()
        await asyncio.sleep(BETWEEN)
    return ended


async def _track(world: World, channels: list[Channel], jobs: list[str]) -> None:
    for channel in channels:
        for start in range(0, len(jobs), AT_ONCE):
            person = world.slack.add_user(f"p{channel.id}{start}".lower())  # one alone would be asked to slow down
            exchange = await person.command(f"track {' '.join(jobs[start : start + AT_ONCE])}", channel)
            await exchange.reply()


@pytest.mark.parametrize(
    ("channels", "results"), [(3, 6), pytest.param(6, 60, marks=[pytest.mark.deep, pytest.mark.timeout(400)])]
)
async def test_results_come_once_and_in_time_while_every_session_is_killed_each_second(
    tmp_path: Path, postgres_server: str, postgres_url: str, channels: int, results: int
) -> None:
    async with World(tmp_path, database_url=postgres_url) as world:
        world.slack.rate_limits.per_second = 100.0  # cards are posted at once; what is measured comes later
        places = [world.slack.add_channel(f"c{number}") for number in range(channels)]
        jobs = [world.api.add_job(status="running") for _ in range(results)]
        async with world.process():
            await _track(world, places, jobs)
            seconds = results * BETWEEN
            name = postgres_url.rpartition("/")[2]
            ended, killed = await asyncio.gather(_finish(world, jobs), _kill_sessions(postgres_server, name, seconds))
            for channel in places:
                for job in jobs:
                    told = partial(_tellings, world, job, channel)
                    await world.slack.request_log.wait_until(told, seconds=2 * LATEST, why=f"the result of {job}")

        late = [_told_at(world, job, channel) - ended[job] for channel in places for job in jobs]
        print(f"{killed} sessions killed, {len(late)} results, the latest after {max(late):.1f} s")  # noqa: T201 - with -s
        assert killed >= seconds / 2
        assert max(late) <= LATEST


def _tellings(world: World, job: str, channel: Channel) -> list[ChannelMessage]:
    """Return what tells a result: a message of its own, or a digest where many waited."""
    return [
        each
        for each in world.messages_about(job, channel)
        if each.metadata and not {"ftjob_track", "ftjob_untrack"} & each.buttons.keys() and not has_image(each)
    ]


def _told_at(world: World, job: str, channel: Channel) -> float:
    [message] = _tellings(world, job, channel)
    return float(message.ts)
