"""The bot's parts, put together as ``bot/app/build.py`` does, on the wires of a simulated world.

The one file here that knows how production code is constructed.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

import aiohttp
import structlog
from pydantic import SecretStr
from slack_sdk.web.async_client import AsyncWebClient

from bot.delivery.cards import CardUpdater
from bot.delivery.connection import SlackConnection
from bot.delivery.render import RenderContext
from bot.delivery.worker import DeliveryWorker
from bot.poll.circuit_breaker import CircuitBreaker
from bot.poll.poller import Poller
from bot.providers.account import Account
from bot.slack.client import SlackClient
from bot.slack.shared_channels import SharedChannels
from bot.slack.users import Users
from bot.store import Store, open_store
from bot.store.channels.tracks import Subscription, Track
from bot.store.db.engine import Clock, monotonic_time
from bot.store.jobs.cards import RateLimit
from bot.telemetry import metrics
from bot.tracking.notices import Notices
from bot.tracking.recorder import Recorder
from bot.tracking.transitions import PollResult
from tests.simulation.network import FakeSession, InProcessClient, Network
from tests.simulation.plan import Plan

log = structlog.get_logger()

ACCOUNT = Account("default", "https://stand-in.example/v1", SecretStr("sk-unused: the wires lead to the stand-in"))
BROKEN_WORKER_SECONDS = 1.0
LAST_POLL_SECONDS = 3.0


@dataclass(frozen=True)
class Parts:
    """One incarnation."""

    store: Store
    client: InProcessClient
    recorder: Recorder
    worker: DeliveryWorker
    card_updater: CardUpdater
    poller: Poller
    connection: SlackConnection


@asynccontextmanager
async def assembled(world: Network, file: Path, interval: float, clock: Clock) -> AsyncIterator[Parts]:
    """Open the store and put the parts together; nothing runs yet."""
    client = InProcessClient(ACCOUNT, world, clock)
    session = cast("aiohttp.ClientSession", FakeSession(world))
    slack = AsyncWebClient(
        token=world.slack.bot_token, base_url="https://stand-in.example/api/", session=session, retry_handlers=[]
    )
    people = Users(slack, frozenset(), monotonic_time)
    gateway = SlackClient(slack, session, frozenset(), SharedChannels(slack, clock, allow_shared=False), users=people)
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(f"sqlite:///{file}", clock))
        await store.outbox.deliveries.end_leases()
        await store.accounts.leases.reset()
        drawing = RenderContext({ACCOUNT.name: client}, clock)
        notices = Notices(store, None)
        sender = DeliveryWorker(store, gateway, drawing, clock=clock, monotonic=clock, notices=notices)
        editor = CardUpdater(store, gateway, drawing, RateLimit())

        recorder = Recorder(store, interval=interval)
        circuit = CircuitBreaker(store, notices, ACCOUNT.name, clock=clock)
        sweeper = Poller(client, store, recorder, circuit, notices, interval=interval, clock=clock)
        presence = SlackConnection(gateway, store, notices, identified=lambda: None, clock=clock)
        yield Parts(store, client, recorder, sender, editor, sweeper, presence)


async def keep_delivering(sender: DeliveryWorker) -> None:
    """Run the sender."""
    await sender.run()


async def keep_polling(sweeper: Poller, interval: float) -> None:
    """Sweep at each interval, as the timer does, whatever became of the sweep before."""
    while True:
        try:
            await sweeper.poll()
        except Exception:
            log.exception("poll.failed")
        await asyncio.sleep(interval)


async def set_up(parts: Parts, world: Network, plan: Plan, channels: Mapping[str, str]) -> None:
    """Let people subscribe channels and track jobs; ``channels`` holds Slack's ids by the plan's names."""
    newest = max(job["created_at"] for job in world.api.jobs.values())
    for place in plan.recipients:
        if place.is_subscribed:
            readings = (await parts.client.list_jobs()).readings
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
    reading = await parts.client.retrieve(job_id)
    world.slack.rate_limits.reset()
    card = world.slack.handle("chat.postMessage", {"channel": channel, "text": f"Card of {job_id}"})
    track = Track(ACCOUNT.name, job_id, channel, world.known_user)
    await parts.recorder.add_track(track, reading, known, card_ts=card.body["ts"])


async def stop(parts: Parts, sending: asyncio.Task[None], sweeping: asyncio.Task[None]) -> None:
    """Stop as ``bot/app/build.py`` does: claim nothing more, then the sender and the timer side by side."""
    parts.worker.stop_claiming()
    await asyncio.gather(parts.worker.stop(), _cut(sweeping))
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
