"""The stage of ``ftjob try``: both stand-ins on loopback, and the real bot as a process of its own between them."""

import asyncio
import os
import sys
import tempfile
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.sandbox.acting import Person
from bot.sandbox.finetuning import API_KEY, FineTuningApi
from bot.sandbox.slack import Slack
from bot.sandbox.workspace import Channel

POLL_SECONDS = 0.5
READY_SECONDS = 20.0
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "SYSTEMROOT", "VIRTUAL_ENV")
"""What the bot's process gets of our own environment: nothing that could be a setting."""


@dataclass(frozen=True)
class Stage:
    """Everything that a visit works with."""

    slack: Slack
    api: FineTuningApi
    channel: Channel
    operator: Person
    member: Person
    bot: Process
    log: Path
    """What the bot's process printed."""


@asynccontextmanager
async def stage() -> AsyncIterator[Stage]:
    """Set the stage and clear it at the end.

    Raises:
        RuntimeError: the bot did not start; the message holds what it printed.
    """
    with tempfile.TemporaryDirectory(prefix="ftjob-try-") as folder:
        async with Slack() as slack, FineTuningApi() as api:
            log = Path(folder) / "bot.log"
            bot = await start_bot(environment(slack, api, Path(folder)), cwd=Path(folder), log=log)
            try:
                await _until_ready(slack, bot, log)
                operator = slack.add_person("olivia", is_admin=True)
                member = slack.add_person("milo")
                yield Stage(slack, api, slack.add_channel("ml-training"), operator, member, bot, log)
            finally:
                await stop_bot(bot)


def environment(slack: Slack, api: FineTuningApi, folder: Path) -> dict[str, str]:
    """Return the whole environment of a bot that works with these stand-ins over Socket Mode."""
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    return kept | {
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_APP_TOKEN": slack.app_token,
        "SLACK_API_URL": slack.api_url,
        "OPENAI_API_KEY": API_KEY,
        "OPENAI_BASE_URL": api.base_url,
        "DATABASE_URL": f"sqlite:///{folder / 'ftjob.db'}",
        "FTJOB_POLL_SECONDS": str(POLL_SECONDS),
    }


async def start_bot(environ: Mapping[str, str], *, cwd: Path, log: Path) -> Process:
    """Start ``ftjob run`` with this environment and no other settings."""
    with log.open("ab") as out:
        return await asyncio.create_subprocess_exec(
            sys.executable, "-m", "bot", "run", cwd=cwd, env=dict(environ), stdout=out, stderr=out
        )


async def stop_bot(bot: Process) -> int:
    """Ask the bot to stop and return its exit code."""
    if bot.returncode is None:
        bot.terminate()
    return await bot.wait()


async def _until_ready(slack: Slack, bot: Process, log: Path) -> None:
    connected = asyncio.ensure_future(slack.connected(seconds=READY_SECONDS))
    ended = asyncio.ensure_future(bot.wait())
    await asyncio.wait({connected, ended}, return_when=asyncio.FIRST_COMPLETED)
    ended.cancel()
    if connected.done() and connected.exception() is None:
        return
    connected.cancel()
    said = await asyncio.to_thread(log.read_text)
    raise RuntimeError(f"The bot did not start. It said:\n{said}")
