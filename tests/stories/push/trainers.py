"""Trainers of one's own in a world: an account to which they push, and ways to call the bot as they do."""

import asyncio
import json
import os
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp

from bot.app.bot import Bot
from bot.push import client
from bot.sandbox.processes import free_port
from tests import canaries
from tests.world import World

GPU = "gpu"
CLIENT = Path(client.__file__)


def configured(world: World, *lines: str, **more: str) -> dict[str, str]:
    """Return the settings of a bot to whose account "gpu" trainers push."""
    file = world.folder / "push.toml"
    file.write_text("\n".join([f"[accounts.{GPU}]", 'provider = "push"', 'push_token_env = "GPU_TOKEN"', *lines, ""]))
    port = world.environ().get("PORT") or str(free_port())
    return {"FTJOB_CONFIG": str(file), "GPU_TOKEN": canaries.PUSH, "PORT": port, "FTJOB_HOST": "127.0.0.1", **more}


@asynccontextmanager
async def with_trainers(world: World, *lines: str, **more: str) -> AsyncIterator[tuple[Bot, str]]:
    """Run the bot; yield it and the URL of the account."""
    settings = configured(world, *lines, **more)
    async with world.bot(**settings) as bot:
        yield bot, push_url(settings)


def push_url(settings: Mapping[str, str]) -> str:
    """Return the URL of the account."""
    return f"http://127.0.0.1:{settings['PORT']}/push/{GPU}"


async def push(url: str, job_id: str, body: Any, *, token: str = canaries.PUSH) -> tuple[int, dict[str, Any]]:
    """Send one call; return the status and the answer."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    async with (
        aiohttp.ClientSession() as session,
        session.put(f"{url}/jobs/{job_id}", data=json.dumps(body), headers=headers) as response,
    ):
        return response.status, await response.json()


@asynccontextmanager
async def trainer(world: World, url: str, *program: str, **environ: str) -> AsyncIterator[Process]:
    """Run a program that reports to the bot, in a process that a test may kill."""
    settings = {
        "PATH": os.environ["PATH"],
        "PYTHONPATH": str(CLIENT.parent),
        "FTJOB_PUSH_URL": url,
        "FTJOB_PUSH_TOKEN": canaries.PUSH,
        "FTJOB_SPOOL_DIR": str(world.folder / "spool"),
        **environ,
    }
    process = await asyncio.create_subprocess_exec(
        sys.executable, *program, cwd=world.folder, env=settings, stdout=PIPE, stderr=STDOUT
    )
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def output_of(process: Process) -> str:
    """Return all that a process says, once it has ended."""
    said, _ = await process.communicate()
    return said.decode()
