"""The bot's parts on the wires of a simulated world."""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from pathlib import Path
from typing import cast

import aiohttp
import structlog
from pydantic import SecretStr
from slack_sdk.web.async_client import AsyncWebClient

from bot.app.build import Parts, build
from bot.app.clients import Clients
from bot.app.tuning import Clocks, Tuning
from bot.delivery.worker import DeliveryWorker
from bot.poll.scheduler import AccountPoller
from bot.providers.account import Account
from bot.runtime.clock import Clock, monotonic_time
from bot.settings.environment import load
from bot.slack.client import SlackClient
from bot.slack.directory.shared_channels import SharedChannels
from bot.slack.directory.users import Users
from bot.slack.issued_urls import IssuedUrls
from bot.store import Store, open_store
from bot.store.channels.subscriptions import Subscription
from bot.store.channels.tracks import Track
from bot.telemetry import metrics
from bot.tracking.transitions import PollResult
from tests.simulation.network import FakeSession, InProcessClient, Network
from tests.simulation.plan import Plan

log = structlog.get_logger()

ACCOUNT = Account("default", "https://stand-in.example/v1", SecretStr("sk-unused: the wires lead to the stand-in"))
TUNING = Tuning(max_alerts=None)
"""Each change gets its own alert, so that the checker knows how many there have to be."""
BROKEN_WORKER_SECONDS = 1.0
LAST_POLL_SECONDS = 3.0


@asynccontextmanager
async def assembled(world: Network, file: Path, interval: float, clock: Clock) -> AsyncIterator[Parts]:
    """Open the store and build the parts; nothing runs yet."""
    async with open_store(f"sqlite:///{file}", clock) as store:
        await store.outbox.deliveries.end_leases()
        await store.accounts.leases.reset()
        yield parts_on(store, world, interval, clock)


def parts_on(store: Store, world: Network, interval: float, clock: Clock) -> Parts:
    """Build the parts of one process."""
    environ = {
        "SLACK_BOT_TOKEN": world.slack.bot_token,
        "SLACK_APP_TOKEN": world.slack.app_token,
        "OPENAI_API_KEY": "sk-no-one-is-asked-0123456789",
        "FTJOB_POLL_SECONDS": str(interval),
    }
    settings = load(environ, dotenv=Path("/no.env"))
    clients = Clients(_slack(world, clock), {ACCOUNT.name: InProcessClient(ACCOUNT, world, clock)})
    return build(settings, store, clients, tuning=TUNING, clocks=Clocks(clock, clock))


def _slack(world: Network, clock: Clock) -> SlackClient:
    session = cast("aiohttp.ClientSession", FakeSession(world))
    web = AsyncWebClient(
        token=world.slack.bot_token, base_url="https://stand-in.example/api/", session=session, retry_handlers=[]
    )
    users = Users(web, frozenset(), monotonic_time)
    return SlackClient(web, IssuedUrls(session, ()), SharedChannels(web, clock, allow_shared=False), users)


async def keep_delivering(worker: DeliveryWorker) -> None:
    """Run the worker."""
    await worker.run()


async def keep_polling(poller: AccountPoller, interval: float) -> None:
    """Poll at each interval, as the timer does, whatever became of the poll before."""
    while True:
        try:
            await poller.poll()
        except Exception:
            log.exception("poll.failing")
        await asyncio.sleep(interval)


async def set_up(parts: Parts, world: Network, plan: Plan, channels: Mapping[str, str]) -> None:
    """Let people subscribe channels and track jobs; ``channels`` holds Slack's ids by the plan's names."""
    newest = max(job["created_at"] for job in world.api.jobs.values())
    for place in plan.recipients:
        if place.is_subscribed:
            readings = (await parts.services.accounts.default.client.list_jobs()).fetched
            known = await parts.store.jobs.states.newest(ACCOUNT.name, 1000)
            subscription = Subscription(ACCOUNT.name, channels[place.name], world.known_user, newest)
            await parts.recorder.subscribe(subscription, PollResult(ACCOUNT.name, readings, known))
    for job in plan.jobs:
        for follower in job.followers:
            await _track(parts, world, job.id, channels[follower])


async def _track(parts: Parts, world: Network, job_id: str, channel: str) -> None:
    if await parts.store.channels.tracks.find(ACCOUNT.name, job_id, channel):
        return
    known = await parts.store.jobs.states.find(ACCOUNT.name, job_id)
    reading = await parts.services.accounts.default.client.retrieve(job_id)
    world.slack.rate_limits.reset()
    card = world.slack.handle("chat.postMessage", {"channel": channel, "text": f"Card of {job_id}"})
    track = Track(ACCOUNT.name, job_id, channel, world.known_user)
    await parts.recorder.add_track(track, reading, known, card_ts=card.body["ts"])


async def stop(parts: Parts, sending: asyncio.Task[None], polling: asyncio.Task[None]) -> None:
    """Stop as ``bot/app/run.py`` does: claim nothing more, then the worker and the timer side by side."""
    parts.worker.stop_claiming()
    await asyncio.gather(parts.worker.stop(), _cut(polling))
    await asyncio.wait({sending}, timeout=BROKEN_WORKER_SECONDS)


async def _cut(task: asyncio.Task[None]) -> None:
    await asyncio.wait({task}, timeout=LAST_POLL_SECONDS)
    task.cancel()
    await asyncio.wait({task})


async def reopened(parts: Parts, channel: str) -> None:
    """Let the bot hear that a channel takes messages again."""
    await parts.store.outbox.dead_letters.unpark_channel(channel)


def possible_duplicates() -> float:
    """Return how many posts the bot counted that may have been the second of their kind."""
    return sum(
        sample.value
        for metric in metrics.POSSIBLE_DUPLICATES.collect()
        for sample in metric.samples
        if sample.name.endswith("_total")
    )


def seed_randomness(seed: int) -> None:
    """Let what production code leaves to chance depend on the seed."""
    random.seed(f"bot {seed}")
