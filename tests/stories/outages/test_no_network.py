"""The bot's own process without a network: one line of each thing that fails, one when it works, and no traceback."""

import asyncio
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from bot.sandbox.processes import free_port
from bot.sandbox.slack.app_secrets import AppSecrets
from bot.sandbox.slack.server import Slack
from tests import canaries
from tests.world import World

TROUBLE = re.compile(r"\[(?:warning|error|critical) *\] *(\S+)")


class Log:
    """What a process says, line by line."""

    def __init__(self) -> None:
        self.lines: list[str] = []
        self._more = asyncio.Event()

    async def read(self, output: asyncio.StreamReader) -> None:
        """Read until the process ends."""
        async for line in output:
            self.lines.append(line.decode())
            self._more.set()

    async def until(self, *events: str) -> None:
        """Wait until each event was said."""
        async with asyncio.timeout(300):
            while not all(any(event in line for line in self.lines) for event in events):
                self._more.clear()
                await self._more.wait()

    @property
    def outages(self) -> list[str]:
        """The events that are more than information, sorted."""
        return sorted(found[1] for line in self.lines if (found := TROUBLE.search(line)))


@asynccontextmanager
async def running(world: World, **settings: str) -> AsyncIterator[Log]:
    log = Log()
    environ = {"PATH": "/usr/bin:/bin", **world.environ(**settings)}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "bot",
        "run",
        cwd=world.folder,
        env=environ,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    assert process.stdout
    reading = asyncio.create_task(log.read(process.stdout))
    try:
        yield log
        process.terminate()
        await process.wait()
        await reading
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
        reading.cancel()


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("http://127.0.0.1:{port}", "nothing is listening on that port"),
        ("https://no-such-host.invalid", "no-such-host.invalid"),
    ],
    ids=["refused", "no such host"],
)
async def test_a_process_that_reaches_nothing_logs_each_outage_once(world: World, address: str, why: str) -> None:
    nowhere = address.format(port=free_port())
    async with running(world, SLACK_API_URL=f"{nowhere}/api/", OPENAI_BASE_URL=f"{nowhere}/v1") as log:
        await log.until("slack.unreachable", "socket.disconnected")

    assert log.outages == ["slack.unreachable", "socket.disconnected"]
    assert all(why in line for line in log.lines if TROUBLE.search(line))
    assert "Traceback" not in "".join(log.lines)


async def test_when_slack_comes_up_the_end_of_each_outage_is_logged(world: World) -> None:
    port = free_port()
    async with running(world, SLACK_API_URL=f"http://127.0.0.1:{port}/api/") as log:
        await log.until("slack.unreachable", "socket.disconnected")
        secrets = AppSecrets(canaries.BOT, canaries.APP, canaries.SIGNING)
        async with Slack(secrets=secrets, installed_app=world.slack.workspace.app, port=port) as late:
            await log.until("slack.connected", "socket.reconnected")
            person = late.add_user("olivia", is_admin=True)
            exchange = await person.command("help", late.add_channel("ml"))
            answer = await exchange.reply()
            said = "".join(log.lines)

    assert "/ftjob" in answer.plain_text
    events = ("slack.unreachable", "socket.disconnected", "slack.connected", "socket.reconnected")
    assert [said.count(event) for event in events] == [1, 1, 1, 1]
    assert "Traceback" not in said
    assert "token` will be" not in said
