"""The processes of a bench: the stand-ins, the bot, the bare listeners."""

import asyncio
import json
import os
import subprocess
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import aiohttp

from bot.settings.environment import load
from bot.settings.model import Settings

REPOSITORY = Path(__file__).parents[2]
_KEPT = ("PATH", "HOME", "LANG", "LC_ALL", "TMPDIR", "VIRTUAL_ENV")
"""What a process gets of our own environment: nothing that could be a setting."""
START_SECONDS = 30.0


@dataclass(frozen=True)
class StandIns:
    """The stand-ins of `tests.bench.servers`, and the way to their desk."""

    urls: Mapping[str, Any]
    _session: aiohttp.ClientSession

    async def ask(self, path: str, **order: Any) -> Any:
        """Ask the desk: with an order where one is given."""
        url = f"{self.urls['slack']}/bench/{path}"
        method = "POST" if order else "GET"
        async with self._session.request(method, url, json=order or None) as response:
            response.raise_for_status()
            return await response.json()

    def environ(self, folder: Path, jobs: int, **more: str) -> dict[str, str]:
        """Return the whole environment of a bot that watches the account with ``jobs`` jobs."""
        given = self.urls
        kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
        environ = {
            "SLACK_BOT_TOKEN": given["bot_token"],
            "SLACK_API_URL": f"{given['slack']}/api/",
            "OPENAI_API_KEY": given["api_keys"][str(jobs)],
            "OPENAI_BASE_URL": given["apis"][str(jobs)],
            "DATABASE_URL": f"sqlite:///{folder / 'ftjob.db'}",
        }
        return kept | environ | more

    def socket_mode(self) -> dict[str, str]:
        """Return the settings of a bot that is reached over Socket Mode."""
        return {"SLACK_APP_TOKEN": self.urls["app_token"]}

    def http(self, port: int) -> dict[str, str]:
        """Return the settings of a bot that is reached over signed HTTP, and answers to the inbox."""
        reached = {"PORT": str(port), "FTJOB_HOST": "127.0.0.1", "SLACK_API_URL": f"{self.urls['inbox']}/api/"}
        return {"SLACK_SIGNING_SECRET": self.urls["signing_secret"], **reached}

    def settings(self, folder: Path, jobs: int) -> Settings:
        """Return the settings of a bot whose parts run in this process."""
        return load(self.environ(folder, jobs, **self.socket_mode()), dotenv=folder / "no.env")


@asynccontextmanager
async def stand_ins(jobs: tuple[int, ...]) -> AsyncIterator[StandIns]:
    """Start the stand-ins, one account for each number of jobs, and end them with the block."""
    arguments = ["-m", "tests.bench.servers", "--jobs", *map(str, jobs)]
    server = await asyncio.create_subprocess_exec(sys.executable, *arguments, cwd=REPOSITORY, stdout=PIPE)
    try:
        assert server.stdout
        line = await asyncio.wait_for(server.stdout.readline(), START_SECONDS)
        async with aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=120)) as session:
            yield StandIns(json.loads(line), session)
    finally:
        await _end(server)


@asynccontextmanager
async def process(*arguments: str, environ: Mapping[str, str], folder: Path) -> AsyncIterator[Process]:
    """Run ``python`` with these arguments and this environment alone, away from any .env; end it with the block."""
    output = folder / "output.log"
    with output.open("ab") as log:
        running = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, cwd=folder, env=dict(environ), stdout=log, stderr=log
        )
    try:
        yield running
    except Exception as error:
        error.add_note(f"{' '.join(arguments)} said:\n{output.read_text()[-2000:]}")
        raise
    finally:
        await _end(running)


async def until_listening(port: int) -> None:
    """Wait until somebody listens on a port of this machine.

    Raises:
        TimeoutError: nobody did in time.
    """
    async with asyncio.timeout(START_SECONDS):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.05)
            else:
                writer.close()
                return await writer.wait_closed()


def resident_megabytes(pid: int) -> float:
    """Return how much memory a process holds."""
    status = Path(f"/proc/{pid}/status")
    if status.exists():
        kilobytes = status.read_text().partition("VmRSS:")[2].split()[0]
    else:
        kilobytes = subprocess.run(
            ["ps", "-o", "rss=", "-p", str(pid)], check=True, capture_output=True
        ).stdout.decode()
    return int(kilobytes) / 1024


def cpu_seconds(pid: int) -> float | None:
    """Return the processor time that a process has used, None where the system has no /proc."""
    stat = Path(f"/proc/{pid}/stat")
    if not stat.exists():
        return None
    user, system = stat.read_text().rpartition(")")[2].split()[11:13]
    return (int(user) + int(system)) / os.sysconf("SC_CLK_TCK")


async def _end(running: Process) -> None:
    if running.returncode is None:
        running.terminate()
    try:
        await asyncio.wait_for(running.wait(), 10)
    except TimeoutError:
        running.kill()
        await running.wait()
