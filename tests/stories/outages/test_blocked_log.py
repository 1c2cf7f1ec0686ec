"""A bot whose log nobody reads: a pipe that is full stops no alert, no answer and no stop."""

import asyncio
import fcntl
import os
import signal
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest

from bot.sandbox.processes import free_port
from tests.stopwatch import within
from tests.world import RUN, World

PIPE_BYTES = 4096


@pytest.fixture
async def full_pipe() -> AsyncIterator[int]:
    """The end to write to of a pipe that takes nothing any more."""
    reading, writing = os.pipe()
    fcntl.fcntl(writing, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    os.write(writing, b"." * PIPE_BYTES)
    yield writing
    os.close(writing)
    os.close(reading)


async def test_a_full_log_pipe_stops_neither_alerts_nor_answers_nor_the_stop(world: World, full_pipe: int) -> None:
    port = free_port()
    job = world.api.add_job(status="running")
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    environ = {"PATH": path, **world.environ(PORT=str(port), FTJOB_HOST="127.0.0.1")}
    process = await asyncio.create_subprocess_exec(
        *RUN, cwd=world.folder, env=environ, stdout=full_pipe, stderr=full_pipe
    )
    try:
        await world.slack.wait_for_connection()
        await world.say(f"track {job}")
        world.api.change(job, status="succeeded", fine_tuned_model="ft:gpt-4o-mini-2024-07-18:acme::abc")
        await world.until_delivered(job, "Succeeded")
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{port}/readyz") as answer:
            assert answer.status == 200
        process.send_signal(signal.SIGTERM)
        async with within(15):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
