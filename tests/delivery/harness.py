"""Delivery harness: the real store, worker and Slack client in front of the stand-in Slack; tests fill the outbox."""

import asyncio
from collections.abc import AsyncIterator, Callable, Collection
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from prometheus_client import REGISTRY
from sqlalchemy import Row

from bot.app.clients import open_slack
from bot.delivery.render import RenderContext
from bot.delivery.worker import DeliveryWorker
from bot.jobs.actions import JobAction
from bot.sandbox.faults import Fault
from bot.sandbox.request_log import LoggedRequest
from bot.sandbox.slack.messages import ChannelMessage
from bot.sandbox.slack.server import Slack
from bot.sandbox.slack.workspace import Channel
from bot.settings.environment import load
from bot.slack.client import SlackClient
from bot.slack.timeouts import DELIVERY_TIMEOUTS, DeliveryTimeouts
from bot.store import Store, open_store
from bot.store.outbox.delivery import MessageKind
from tests.empty_store import lay_out
from tests.store.seeds import ACCOUNT, deliveries, enqueue

POST = "chat.postMessage"


class Clock:
    """A clock that only a test moves."""

    def __init__(self) -> None:
        self.now = 1_700_000_000.0

    def __call__(self) -> float:
        return self.now


@dataclass
class DeliveryHarness:
    """A running delivery worker, and what it works on."""

    store: Store
    slack: Slack
    client: SlackClient
    worker: DeliveryWorker
    clock: Clock
    unrenderable: set[str]
    """Jobs whose page cannot be named, so that nothing about them can be drawn."""

    async def enqueue(self, *channels: Channel, kind: MessageKind = MessageKind.CHANGE) -> list[str]:
        """Enqueue one alert per channel, wake the worker, and return the job ids."""
        changes = await enqueue(self.store, *(channel.id for channel in channels), kind=kind)
        jobs = [(await self.store.jobs.changes.find(change)).job_id for change in changes]
        self.worker.wake()
        return jobs

    async def until_delivered(self, channel: Channel, *jobs: str) -> None:
        """Wait until a channel has received alerts of exactly these jobs, in this order."""
        why = f"{channel.name} was told {delivered_jobs(channel)}, not {list(jobs)}"
        await self.slack.request_log.wait_until(lambda: delivered_jobs(channel) == list(jobs), seconds=300, why=why)

    async def until_attempted(self, times: int) -> list[LoggedRequest]:
        """Wait for so many post requests; return them."""
        entries = self.slack.request_log.for_endpoint
        await self.slack.request_log.wait_until(lambda: len(entries(POST)) >= times, why=f"{times} attempts")
        return entries(POST)

    async def until_states(self, channel: Channel, *states: str) -> list[Row[Any]]:
        """Wait until the rows of a channel are in these states; return them."""
        async with asyncio.timeout(300):
            while [row.state for row in await deliveries(self.store, channel.id)] != list(states):  # noqa: ASYNC110 - a database tells nobody
                await asyncio.sleep(0.005)
        return await deliveries(self.store, channel.id)

    def advance(self, seconds: float) -> None:
        """Advance the clock and wake the worker."""
        self.clock.now += seconds
        self.worker.wake()

    @asynccontextmanager
    async def fast_clock(self, step: float = 0.25) -> AsyncIterator[None]:
        """Advance the clock by ``step`` seconds whenever the loop had its turn, until the block ends."""

        async def run() -> None:
            while True:
                self.advance(step)
                # Queues behind the worker's own statements, however slow the database is.
                await self.store.outbox.deliveries.seconds_to_next()
                await asyncio.sleep(0.005)

        running = asyncio.create_task(run())
        yield
        running.cancel()
        with suppress(asyncio.CancelledError):
            await running


@asynccontextmanager
async def delivery_harness(
    url: str | Path,
    slack: Slack,
    clock: Clock,
    *,
    timeouts: DeliveryTimeouts = DELIVERY_TIMEOUTS,
    ages: Callable[[], float] | None = None,
) -> AsyncIterator[DeliveryHarness]:
    """Open the store and run a delivery worker on it until the block ends."""
    database_url = lay_out(url / "ftjob.db") if isinstance(url, Path) else url
    environ = {
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_APP_TOKEN": slack.app_token,
        "SLACK_API_URL": slack.api_url,
        "OPENAI_API_KEY": "sk-nobody-is-asked-0123456789",
    }
    settings = load(environ, dotenv=Path("/no.env"))
    async with (
        open_store(database_url, clock, ages) as store,
        open_slack(settings, timeouts, monotonic=clock) as client,
    ):
        unpaged: set[str] = set()
        worker = DeliveryWorker(
            store, client, render_context(clock, unpaged), clock=clock, monotonic=clock, timeouts=timeouts
        )
        running = asyncio.create_task(worker.run())
        yield DeliveryHarness(store, slack, client, worker, clock, unpaged)
        await worker.stop()
        await running


def render_context(clock: Clock, unrenderable: Collection[str] = ()) -> RenderContext:
    """Return the render context of a worker; rendering fails for the jobs in ``unrenderable``."""

    return RenderContext({ACCOUNT: _JobLinks(unrenderable)}, clock)


class _JobLinks:
    """Job links of an account; some jobs have none and cannot be rendered."""

    actions = frozenset(JobAction)
    hint = None
    page_label = "Open in OpenAI"

    def __init__(self, unrenderable: Collection[str]) -> None:
        self._unrenderable = unrenderable

    def job_page(self, job_id: str) -> str:
        if job_id in self._unrenderable:
            raise LookupError(job_id)
        return f"https://example.com/{job_id}"


def delivered_jobs(channel: Channel) -> list[str]:
    """Return the job ids of a channel's alerts, in order, duplicates included."""
    return [job_in(message) for message in channel.messages]


def job_in(message: ChannelMessage) -> str:
    """Return the id of the job that a message is about."""
    return next(word.strip(".:,") for word in message.text.split() if word.startswith("ftjob-"))


def slack_error(error: str) -> Fault:
    """Return a fault that answers one request with a Slack error."""
    return Fault("answer", status=200, body={"ok": False, "error": error})


def rate_limit(seconds: int) -> Fault:
    """Return a fault that answers one request with a rate limit."""
    return Fault(
        "answer", status=429, headers={"Retry-After": str(seconds)}, body={"ok": False, "error": "ratelimited"}
    )


def metric(name: str, **labels: str) -> float:
    """Return the value of a metric."""
    return REGISTRY.get_sample_value(name, labels) or 0.0
