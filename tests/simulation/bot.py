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

from bot.delivery.cards import Editor
from bot.delivery.connection import Presence
from bot.delivery.render import Drawing
from bot.delivery.worker import Sender
from bot.poll.circuit_breaker import Circuit
from bot.poll.poller import Sweeper
from bot.providers.account import Account
from bot.slack.channels import Channels
from bot.slack.client import Gateway
from bot.slack.users import People
from bot.store import Store, open_store
from bot.store.channels.tracks import Subscription, Track
from bot.store.db.engine import Clock, loop_time
from bot.store.jobs.cards import Rhythm
from bot.telemetry import metrics
from bot.tracking.notices import Notices
from bot.tracking.recorder import Recorder
from bot.tracking.transitions import Seen
from tests.simulation.plan import Plan
from tests.simulation.wires import Session, WiredClient, World

log = structlog.get_logger()

ACCOUNT = Account("default", "https://stand-in.example/v1", SecretStr("sk-unused: the wires lead to the stand-in"))
BROKEN_SENDER_SECONDS = 1.0
LAST_SWEEP_SECONDS = 3.0


@dataclass(frozen=True)
class Parts:
    """One incarnation."""

    store: Store
    client: WiredClient
    recorder: Recorder
    sender: Sender
    editor: Editor
    sweeper: Sweeper
    presence: Presence


@asynccontextmanager
async def assembled(world: World, file: Path, interval: float, clock: Clock) -> AsyncIterator[Parts]:
    """Open the store and put the parts together; nothing runs yet."""
    client = WiredClient(ACCOUNT, world, clock)
    session = cast("aiohttp.ClientSession", Session(world))
    slack = AsyncWebClient(
        token=world.slack.bot_token, base_url="https://stand-in.example/api/", session=session, retry_handlers=[]
    )
    people = People(slack, frozenset(), loop_time)
    gateway = Gateway(slack, session, frozenset(), Channels(slack, clock, allow_shared=False), people=people)
    async with AsyncExitStack() as stack:
        store = await stack.enter_async_context(open_store(f"sqlite:///{file}", clock))
        await store.outbox.end_leases()
        await store.accounts.start_afresh()
        drawing = Drawing({ACCOUNT.name: client}, clock)
        notices = Notices(store, None)
        sender = Sender(store, gateway, drawing, clock=clock, ages=clock, notices=notices)
        editor = Editor(store, gateway, drawing, Rhythm(), owed=sender.wake)

        def wake() -> None:
            sender.wake()
            editor.wake()

        recorder = Recorder(store, wake=wake, interval=interval)
        circuit = Circuit(store, notices, ACCOUNT.name, wake=sender.wake, clock=clock)
        sweeper = Sweeper(client, store, recorder, circuit, notices, interval=interval, clock=clock)
        presence = Presence(gateway, store, notices, wake=sender.wake, identified=lambda: None, clock=clock)
        yield Parts(store, client, recorder, sender, editor, sweeper, presence)


async def keep_sending(sender: Sender) -> None:
    """Run the sender."""
    await sender.run()


async def keep_sweeping(sweeper: Sweeper, interval: float) -> None:
    """Sweep at each interval, as the timer does, whatever became of the sweep before."""
    while True:
        try:
            await sweeper.sweep()
        except Exception:
            log.exception("sweep.broke")
        await asyncio.sleep(interval)


async def set_up(parts: Parts, world: World, plan: Plan, channels: Mapping[str, str]) -> None:
    """Let people subscribe channels and track jobs; ``channels`` holds Slack's ids by the plan's names."""
    newest = max(job["created_at"] for job in world.api.jobs.values())
    for place in plan.places:
        if place.is_subscribed:
            readings = (await parts.client.list_jobs()).readings
            known = await parts.store.jobs.newest(ACCOUNT.name, 1000)
            subscription = Subscription(ACCOUNT.name, channels[place.name], world.person, newest)
            await parts.recorder.subscribe(subscription, Seen(ACCOUNT.name, readings, known))
    for job in plan.jobs:
        for follower in job.followers:
            await _track(parts, world, job.id, channels[follower])


async def _track(parts: Parts, world: World, job_id: str, channel: str) -> None:
    if await parts.store.tracks.find(ACCOUNT.name, job_id, channel):
        return
    known = await parts.store.jobs.known(ACCOUNT.name, job_id)
    reading = await parts.client.retrieve(job_id)
    world.slack.limits.forget()
    card = world.slack.answer("chat.postMessage", {"channel": channel, "text": f"Card of {job_id}"})
    track = Track(ACCOUNT.name, job_id, channel, world.person)
    await parts.recorder.follow(track, reading, known, card_ts=card.body["ts"])


async def stop(parts: Parts, sending: asyncio.Task[None], sweeping: asyncio.Task[None]) -> None:
    """Stop as ``bot/app/build.py`` does: claim nothing more, then the sender and the timer side by side."""
    parts.sender.claim_no_more()
    await asyncio.gather(parts.sender.stop(), _cut(sweeping))
    await asyncio.wait({sending}, timeout=BROKEN_SENDER_SECONDS)


async def _cut(task: asyncio.Task[None]) -> None:
    await asyncio.wait({task}, timeout=LAST_SWEEP_SECONDS)
    task.cancel()
    await asyncio.wait({task})


async def reopened(parts: Parts, channel: str) -> None:
    """Let the bot hear that a channel takes messages again."""
    await parts.store.undelivered.reopen(channel)
    parts.sender.wake()
    parts.editor.wake()


def possible_duplicates() -> float:
    """Return how many posts the bot counted that may have been the second of their kind."""
    return sum(
        sample.value
        for metric in metrics.POSSIBLE_DUPLICATES.collect()
        for sample in metric.samples
        if sample.name.endswith("_total")
    )


def fix_chance(seed: int) -> None:
    """Let what production code leaves to chance depend on the seed."""
    random.seed(f"bot {seed}")
