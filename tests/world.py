"""A world for tests: a Slack, a fine-tuning API, people, and the real bot between them."""

import asyncio
import os
import re
import sys
import time
from asyncio.subprocess import PIPE, STDOUT, Process
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from pathlib import Path
from types import TracebackType
from typing import Literal, Self

from prometheus_client import generate_latest

from bot.app.bot import Bot
from bot.app.run import running
from bot.app.tuning import Clocks, Tuning
from bot.commands.rate_limit import Limit, Limits
from bot.poll.progress import PollBudget
from bot.sandbox.openai.api.keys import ApiKey
from bot.sandbox.openai.server import FineTuningApi
from bot.sandbox.processes import free_port
from bot.sandbox.slack.app_secrets import AppSecrets
from bot.sandbox.slack.messages import ChannelMessage, EphemeralMessage, SentReply
from bot.sandbox.slack.server import Slack
from bot.sandbox.slack.users import SandboxUser
from bot.sandbox.slack.workspace import Channel
from bot.settings.environment import load
from bot.settings.model import Settings
from bot.store.jobs.cards import RateLimit
from tests import canaries
from tests.empty_store import lay_out

Transport = Literal["socket", "http"]
POLL_SECONDS = 0.1
NEVER = 3600.0
"""Seconds until people hear that their answer is still to come: a crowded machine would say it in any test."""
QUIET_TUNING = Tuning(progress=PollBudget(check_every=3600.0), max_alerts=None, slow_after=NEVER)
"""For tests that count requests: nobody reads the logs of running jobs beside them."""
FAST_TUNING = Tuning(
    RateLimit(card_interval=0.2, interval=0.02),
    PollBudget(check_every=0.1, every=0.2, per_minute=10_000),
    NEVER,
    max_alerts=None,
)
"""For tests that look at cards: people would wait half a minute."""
NO_LIMITS = Limits(*[Limit(10**6, 10.0)] * 6)
"""For tests, which type faster than people do."""
RUN = (sys.executable, "-m", "bot", "run")


ACK_TIMEOUT = 300.0
"""Seconds until Slack shows a time-out to a user, as long as any wait of a test: three would depend on the machine's speed.

That each listener acknowledges before it does anything is tested in ``tests/listeners/test_bolt.py``.
"""


class World:
    """Both stand-ins with people and channels in them, and ways to let the bot run among them.

    Olivia is an admin, Milo a member, Gia a guest, Sam a stranger from another company. Every secret is a canary, and
    where a test went well none may be seen at the end, whatever the loggers of this process could say.
    """

    def __init__(self, folder: Path, *, database_url: str | None = None, transport: Transport = "socket") -> None:
        self.folder = folder
        self.database_url = database_url or lay_out(folder / "ftjob.db")
        self.transport = transport
        self.slack = Slack(secrets=AppSecrets(canaries.BOT, canaries.APP, canaries.SIGNING))
        self.slack.payload_sender.ack_timeout = ACK_TIMEOUT
        keys = {canaries.KEY: ApiKey("default"), canaries.WRITE_KEY: ApiKey("orders")}
        # IDs that are shown whole where a job has no name: stories find their jobs by them.
        self.api = FineTuningApi(keys=keys, job_id_length=14)
        self.olivia = self.slack.add_user("olivia", is_admin=True)
        self.milo = self.slack.add_user("milo")
        self.gia = self.slack.add_user("gia", is_restricted=True)
        self.sam = self.slack.add_user("sam", team_id="T0STRANGER")
        self.ml = self.slack.add_channel("ml")
        self.ops = self.slack.add_channel("ops")
        self.limits = NO_LIMITS
        self.tuning = QUIET_TUNING
        self._servers = AsyncExitStack()
        self._port = free_port()
        self._skipped = self._stepped = 0.0
        self.command_lines: list[str] = []
        self.log: list[str] = []
        """What the bot's processes said."""
        self._log_capture = canaries.LogCapture()

    async def __aenter__(self) -> Self:
        self._servers.enter_context(canaries.capturing_logs(self._log_capture))
        await self._servers.enter_async_context(self.slack)
        await self._servers.enter_async_context(self.api)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._servers.aclose()
        if error is None:
            seen = canaries.leaking(await self._exposed())
            assert not seen, f"a canary is seen in {seen}: {self._log_capture.leaks[:3]}"

    async def _exposed(self) -> dict[str, str | bytes]:
        """Return all that others than the bot can look at."""
        space = self.slack.workspace
        return {
            "log": "".join([*self._log_capture.leaks, *self.log]),
            "command lines": "".join(self.command_lines),
            "database": await canaries.database_contents(self.database_url),
            "requests": f"{[entry.request for server in (self.slack, self.api) for entry in server.request_log]}",
            "channels": f"{space.channels} {space.ephemerals} {space.replies} {space.views} {space.files}",
            "metrics": generate_latest(),
        }

    def environ(self, **more: str) -> dict[str, str]:
        """Return the bot's whole environment."""
        environ = {
            "SLACK_BOT_TOKEN": self.slack.bot_token,
            "SLACK_SIGNING_SECRET": self.slack.signing_secret,
            "SLACK_API_URL": self.slack.api_url,
            "OPENAI_API_KEY": canaries.KEY,
            "OPENAI_WRITE_API_KEY": canaries.WRITE_KEY,
            "OPENAI_BASE_URL": self.api.base_url,
            "DATABASE_URL": canaries.with_password(self.database_url),
            "FTJOB_HEARTBEAT_URL": self.slack.origin + canaries.HEARTBEAT,
            "FTJOB_POLL_SECONDS": str(POLL_SECONDS),
        }
        if self.transport == "socket":
            environ["SLACK_APP_TOKEN"] = self.slack.app_token
        else:
            environ |= {"PORT": str(self._port), "FTJOB_HOST": "127.0.0.1"}
            self.slack.request_url = f"http://127.0.0.1:{self._port}/slack/events"
        return environ | more

    def settings(self, **more: str) -> Settings:
        """Return the bot's settings."""
        return load(self.environ(**more), dotenv=self.folder / "no.env")

    @asynccontextmanager
    async def bot(self, **more: str) -> AsyncIterator[Bot]:
        """Run the real bot in this process, over real HTTP and WebSocket; settings may be changed by name."""
        async with self.starting(self.settings(**more)) as bot:
            await self.slack.request_log.wait_until(lambda: bot.identity, why="the bot knows who it is")
            yield bot

    @asynccontextmanager
    async def starting(self, settings: Settings) -> AsyncIterator[Bot]:
        """Run the real bot in this process, which Slack may not have told yet who it is."""
        tuning = replace(self.tuning, limits=self.limits)
        async with running(settings, tuning=tuning, clocks=Clocks(self.clock, self.age)) as bot:
            if self.transport == "socket":
                await self.slack.wait_for_connection()
            yield bot

    @asynccontextmanager
    async def process(self, program: Sequence[str] = RUN, **more: str) -> AsyncIterator[Process]:
        """Run the real bot as a process of its own, which a test may kill; ``program`` is what starts it."""
        path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
        environ = {"PATH": path, **self.environ(**more)}
        process = await asyncio.create_subprocess_exec(
            *program, cwd=self.folder, env=environ, stdout=PIPE, stderr=STDOUT
        )
        assert process.stdout
        said = len(self.log)
        logging = asyncio.create_task(self._read_log(process.stdout))
        try:
            started = "bot.started"
            await self.slack.request_log.wait_until(lambda: started in "".join(self.log[said:]), why=started)
            if self.transport == "socket":
                await self.slack.wait_for_connection()
            self.command_lines.append(Path(f"/proc/{process.pid}/cmdline").read_text())  # noqa: ASYNC240 - no disk is behind it
            yield process
        finally:
            if process.returncode is None:
                process.kill()
            await process.wait()
            logging.cancel()

    async def _read_log(self, output: asyncio.StreamReader) -> None:
        async for line in output:
            self.log.append(line.decode())
            self.slack.request_log.notify_waiters()

    def count_logged(self, event: str) -> Counter[str]:
        """Count an event in the log of a process, by account or periodic task."""
        return Counter(re.findall(rf"{re.escape(event)} +account='?([^'\n]+)", "".join(self.log)))

    def clock(self) -> float:
        """Return the time as a bot in this process has it."""
        return time.time() + self._skipped + self._stepped

    def age(self) -> float:
        """Return the time by which ages in the bot's memory go: no change of the wall clock moves it."""
        return asyncio.get_running_loop().time() + self._skipped

    def skip(self, seconds: float) -> None:
        """Let time pass at once, for a bot on SQLite in this process: PostgreSQL keeps its own time."""
        self._skipped += seconds

    async def until_quiet(self, bot: Bot) -> None:
        """Poll twice more and wait until nothing is pending: what was not delivered by then never is."""
        for _ in range(2):
            for poller in bot.pollers.values():
                await poller.poll()
        async with asyncio.timeout(300):
            while await bot.store.outbox.deliveries.seconds_to_next() is not None:  # noqa: ASYNC110 - a row tells nobody
                await asyncio.sleep(POLL_SECONDS / 2)

    def step(self, seconds: float) -> None:
        """Let the wall clock step, as when somebody sets it, without that time passes."""
        self._stepped += seconds

    def messages_about(self, job_id: str, channel: Channel | None = None) -> list[ChannelMessage]:
        """Return the messages of a channel that are about a job, card first."""
        return (channel or self.ml).messages_about(job_id)

    def delivered(self, job_id: str, channel: Channel | None = None) -> list[str]:
        """Return the headlines of a channel's alerts of a job, in order: "Queued", "Running"..."""
        replies = [
            message
            for message in self.messages_about(job_id, channel)
            if message.metadata and not _is_card(message) and not has_image(message) and not _is_by_user(message)
        ]
        return [headline(message) for message in replies]

    async def until_delivered(
        self, job_id: str, *headlines: str, channel: Channel | None = None, seconds: float = 300
    ) -> None:
        """Wait until a channel has received exactly these alerts of a job."""
        expected = list(headlines)
        await self.slack.request_log.wait_until(
            lambda: self.delivered(job_id, channel)[: len(expected)] == expected,
            seconds=seconds,
            why=f"{job_id}: {expected}, told so far {self.delivered(job_id, channel)}",
        )
        assert self.delivered(job_id, channel) == expected

    async def say(self, text: str, *, by: str = "olivia", channel: Channel | None = None) -> SentReply:
        """Type ``/ftjob <text>`` as a user and return the reply."""
        person: SandboxUser = getattr(self, by)
        exchange = await person.command(text, channel or self.ml)
        assert exchange.acked, exchange.error
        return await exchange.reply()

    async def press(
        self,
        where: ChannelMessage | EphemeralMessage | SentReply,
        action_id: str,
        *,
        by: str = "olivia",
        value: str | None = None,
    ) -> SentReply:
        """Press a button as a user and return the reply."""
        person: SandboxUser = getattr(self, by)
        exchange = await person.click(where, action_id, value=value)
        assert exchange.acked, exchange.error
        return await exchange.reply()

    @property
    def rejections(self) -> list[str]:
        """What Slack refused the bot."""
        return slack_rejections(self.slack)

    def expect_errors(self, word: str) -> None:
        """Take it that Slack refused the bot something, and nothing but for this; at the end no error may be left."""
        assert self.rejections
        assert [error for error in self.rejections if word not in error] == []
        self.slack.errors.clear()

    @property
    def actions(self) -> list[str]:
        """Every action request that reached the API, executed or not: "POST /fine_tuning/jobs/{id}/cancel ftjob-..."."""
        posts = [entry for entry in self.api.request_log if not entry.endpoint.startswith("GET")]
        return [f"{entry.endpoint} {entry.request.get('id')}" for entry in posts]


def slack_rejections(slack: Slack) -> list[str]:
    """Return what Slack refused the app, without the acknowledgments that a killed process could not send."""
    return [error for error in slack.errors if "operation_timeout" not in error]


def cancel_request(job_id: str) -> str:
    """Return the request to cancel a job, as ``World.actions`` shows it."""
    return f"POST /fine_tuning/jobs/{{id}}/cancel {job_id}"


def headline(message: ChannelMessage) -> str:
    """Return what a message says happened to a job: "Running", "Succeeded", "Fine-tuned model".

    In the thread of a card that stands in bold; elsewhere, and in a result, the job's name does, and this follows it.
    """
    _, bold, rest = str(message.blocks[0]["text"]["text"]).split("\n")[0].split("*", 2)
    predicate = _PREDICATE.match(rest)
    return predicate["what"].capitalize() if predicate else bold


_PREDICATE = re.compile(
    r" (?:is |was |· )?(?P<what>succeeded|failed|canceled|[a-z][a-z '-]*?)(?= (?:in|after)\b| ?[:,(`]|$)"
)


def has_image(message: ChannelMessage) -> bool:
    """Whether a message shows an image."""
    return any(block["type"] == "image" for block in message.blocks)


def _is_by_user(message: ChannelMessage) -> bool:
    """Whether a message says what a user did, such as a subscription with the jobs that are open."""
    return not message.thread_ts and message.text.startswith("<@")


def _is_card(message: ChannelMessage) -> bool:
    of_result = {"ftjob_details", "ftjob_open_page", "ftjob_retry_job"}
    return not message.thread_ts and any(each.startswith("ftjob_") for each in message.buttons.keys() - of_result)
