"""A world for tests: a Slack, a fine-tuning API, people, and the real bot between them."""

import asyncio
import os
import sys
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from bot.app import Bot, running
from bot.sandbox.acting import Person
from bot.sandbox.finetuning import API_KEY, FineTuningApi
from bot.sandbox.messages import Message, Reply
from bot.sandbox.slack import Slack
from bot.sandbox.workspace import Channel
from bot.settings import Settings, load
from tests.postgres import free_port

Transport = Literal["socket", "http"]
POLL_SECONDS = 0.1


class World:
    """Both stand-ins with people and channels in them, and ways to let the bot run among them.

    Olivia is an admin, Milo a member, Gia a guest, Sam a stranger from another company.
    """

    def __init__(self, folder: Path, *, database_url: str | None = None, transport: Transport = "socket") -> None:
        self.folder = folder
        self.database_url = database_url or f"sqlite:///{folder / 'ftjob.db'}"
        self.transport = transport
        self.slack = Slack()
        self.api = FineTuningApi()
        self.olivia = self.slack.add_person("olivia", is_admin=True)
        self.milo = self.slack.add_person("milo")
        self.gia = self.slack.add_person("gia", is_restricted=True)
        self.sam = self.slack.add_person("sam", team_id="T0STRANGER")
        self.ml = self.slack.add_channel("ml")
        self.ops = self.slack.add_channel("ops")
        self._servers = AsyncExitStack()
        self._port = free_port()

    async def __aenter__(self) -> Self:
        await self._servers.enter_async_context(self.slack)
        await self._servers.enter_async_context(self.api)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._servers.aclose()

    def environ(self, **more: str) -> dict[str, str]:
        """Return the bot's whole environment."""
        environ = {
            "SLACK_BOT_TOKEN": self.slack.bot_token,
            "SLACK_API_URL": self.slack.api_url,
            "OPENAI_API_KEY": API_KEY,
            "OPENAI_BASE_URL": self.api.base_url,
            "DATABASE_URL": self.database_url,
            "FTJOB_POLL_SECONDS": str(POLL_SECONDS),
        }
        if self.transport == "socket":
            environ["SLACK_APP_TOKEN"] = self.slack.app_token
        else:
            environ |= {"SLACK_SIGNING_SECRET": self.slack.signing_secret, "PORT": str(self._port)}
            environ["FTJOB_HOST"] = "127.0.0.1"
            self.slack.request_url = f"http://127.0.0.1:{self._port}/slack/events"
        return environ | more

    def settings(self, **more: str) -> Settings:
        """Return the bot's settings."""
        return load(self.environ(**more), dotenv=self.folder / "no.env")

    @asynccontextmanager
    async def bot(self, **more: str) -> AsyncIterator[Bot]:
        """Run the real bot in this process, over real HTTP and WebSocket; settings may be changed by name."""
        async with running(self.settings(**more)) as bot:
            if self.transport == "socket":
                await self.slack.connected()
            await self.slack.ledger.until(lambda: bot.identity, why="the bot knows who it is")
            yield bot

    @asynccontextmanager
    async def process(self, **more: str) -> AsyncIterator[Process]:
        """Run the real bot as a process of its own, which a test may kill."""
        environ = {"PATH": os.environ["PATH"], **self.environ(**more)}
        with (self.folder / "bot.log").open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                sys.executable, "-m", "bot", "run", cwd=self.folder, env=environ, stdout=log, stderr=log
            )
        try:
            if self.transport == "socket":
                await self.slack.connected(seconds=20)
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()

    def about(self, job_id: str, channel: Channel | None = None) -> list[Message]:
        """Return the messages of a channel that are about a job, card first."""
        return [message for message in (channel or self.ml).messages if job_id in message.text]

    def told(self, job_id: str, channel: Channel | None = None) -> list[str]:
        """Return the headlines of the changes that a channel was told of a job, in order: "Queued", "Running"..."""
        replies = [message for message in self.about(job_id, channel) if message.metadata and not _is_card(message)]
        return [headline(message) for message in replies]

    async def until_told(
        self, job_id: str, *headlines: str, channel: Channel | None = None, seconds: float = 20
    ) -> None:
        """Wait until a channel was told exactly these changes of a job, and no other."""
        expected = list(headlines)
        await self.slack.ledger.until(
            lambda: self.told(job_id, channel)[: len(expected)] == expected,
            seconds=seconds,
            why=f"{job_id}: {expected}, told so far {self.told(job_id, channel)}",
        )
        assert self.told(job_id, channel) == expected

    async def say(self, text: str, *, by: str = "olivia", channel: Channel | None = None) -> Reply:
        """Let somebody type ``/ftjob <text>`` and return the answer."""
        person: Person = getattr(self, by)
        exchange = await person.command(text, channel or self.ml)
        assert exchange.acked, exchange.error
        return await exchange.reply()


def headline(message: Message) -> str:
    """Return the bold words of a message's first block: "Succeeded"."""
    return str(message.blocks[0]["text"]["text"]).split("*")[1]


def _is_card(message: Message) -> bool:
    return any(action.startswith("ftjob_") for action in message.buttons)
