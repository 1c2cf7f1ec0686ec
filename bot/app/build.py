"""Put the bot together, run it, and stop it gracefully. The only place that constructs and connects.

fine-tuning API -> sweep -> recorder -> outbox -> sender -> gateway -> Slack
Slack -> gate | socket -> listeners -> dispatch -> commands -> gateway -> Slack
"""

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from importlib.metadata import version
from typing import Any

import structlog

from bot.app.account_workers import account_workers
from bot.app.clients import open_slack
from bot.app.tuning import TUNING, Tuning
from bot.commands.context import Context
from bot.commands.execute import finish_abandoned
from bot.commands.permissions import Policy
from bot.commands.rate_limit import LIMITS, Limits, RateLimiter
from bot.delivery.cards import CardUpdater
from bot.delivery.charts import Charts
from bot.delivery.connection import SlackConnection
from bot.delivery.queue_depth import QueueDepthGauge
from bot.delivery.render import RenderContext
from bot.delivery.worker import DeliveryWorker
from bot.jobs.models import DEFAULT_ACCOUNT
from bot.listeners.bolt import build_app
from bot.listeners.dispatch import Dispatcher
from bot.listeners.http import SlackHttpHandler
from bot.listeners.replies.responder import responding
from bot.listeners.socket import SocketMode, socket_mode
from bot.poll.poller import Poller
from bot.poll.scheduler import PeriodicTask, scheduled
from bot.providers.client import Client
from bot.providers.coalesced import CoalescedReads
from bot.settings.model import Settings
from bot.slack.client import SlackClient
from bot.slack.identity import BotIdentity
from bot.slack.timeouts import DELIVERY_TIMEOUTS, DeliveryTimeouts
from bot.store import Store, open_store
from bot.store.db.engine import Clock, monotonic_time
from bot.telemetry.heartbeat import send_heartbeats
from bot.telemetry.loop_lag import measure_loop_lag
from bot.tracking.mutes import MuteExpiry
from bot.tracking.notices import Notices
from bot.tracking.recorder import Recorder
from bot.web import http_server
from bot.web.body import BodyReader
from bot.web.server import Handler
from bot.web.webhooks import WebhookHandler

LAST_QUERY_SECONDS = 1.0
"""What a stop leaves to the sender for the question that it is just asking the database."""

log = structlog.get_logger()


@dataclass
class Bot:
    """The running bot, as the readiness probe and the tests see it."""

    settings: Settings
    store: Store
    pollers: Mapping[str, Poller]
    """Of each account, by its name."""
    worker: DeliveryWorker
    slack: SlackClient
    connection: SlackConnection
    poll_soon: Callable[[Poller], None]
    """Lets an account be looked at, at once."""
    socket: SocketMode | None = None
    port: int | None = None
    """The port that the HTTP server got, None without one."""

    @property
    def identity(self) -> BotIdentity | None:
        """Who the bot is, as Slack sees it; None until Slack said so."""
        return self.connection.identity

    def broken_parts(self) -> list[str]:
        """Return the names of the parts that do not work at present; accounts do as long as one of them does."""
        parts = {
            "slack": not self.connection.is_up,
            "account": all(each.is_failing for each in self.pollers.values()),
            "clock": self.connection.is_clock_skewed and not self.settings.uses_socket_mode,
            "store": self._is_store_broken(),
        }
        return [name for name, broken in parts.items() if broken]

    def _is_store_broken(self) -> bool:
        sweepers = self.pollers.values()
        return self.store.db.is_locked or self.worker.is_store_failing or any(each.is_broken for each in sweepers)


@asynccontextmanager
async def _own_store(settings: Settings, clock: Clock, ages: Clock) -> AsyncIterator[Store]:
    """Open the store; in an SQLite file, which is this process's alone, nobody else holds a lease any more."""
    async with open_store(settings.database_url.get_secret_value(), clock, ages) as store:
        if store.db.ignored_options:
            log.info("database.options_ignored", options=list(store.db.ignored_options))
        if store.db.is_sqlite:
            await store.outbox.deliveries.end_leases()
            await store.accounts.leases.reset()
            await store.actions.confirmations.end_leases()
        yield store


@asynccontextmanager
async def running(
    settings: Settings,
    *,
    clock: Clock = time.time,
    patience: DeliveryTimeouts = DELIVERY_TIMEOUTS,
    limits: Limits = LIMITS,
    pace: Tuning = TUNING,
    ages: Clock = monotonic_time,
) -> AsyncIterator[Bot]:
    """Run the bot until the block ends.

    Raises:
        StoreInUse: another process has the SQLite file.
    """
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        gateway = await enter(open_slack(settings, patience, monotonic=ages))
        clients = {
            each.name: await enter(Client(each, clock=clock, proxies=settings.proxies)) for each in settings.accounts
        }
        store = await enter(_own_store(settings, clock, ages))
        config, interval = settings.ftjob_config, settings.ftjob_poll_seconds
        drawing = RenderContext(clients, clock, read_only=settings.ftjob_read_only, prices=config.prices)
        notices = Notices(store, settings.ftjob_ops_channel)
        await notices.announce_store_origin()
        await notices.check_ops_channel()
        sender = DeliveryWorker(
            store, gateway, drawing, clock=clock, monotonic=ages, notices=notices, timeouts=patience
        )
        editor = CardUpdater(store, gateway, drawing, pace.cards)
        recorder = Recorder(
            store,
            interval=interval,
            stalled_after=config.stuck.stalled_after,
            max_alerts=pace.most_alerts,
            accounts=list(clients),
        )
        await recorder.reassign_tracks(list(clients))
        charts = Charts()
        lookouts = [
            account_workers(
                client,
                store,
                recorder,
                notices,
                interval=interval,
                budget=pace.progress,
                charts=charts,
                slack=gateway,
                clock=clock,
                monotonic=ages,
                lease=patience.lease,
            )
            for client in clients.values()
        ]
        context = _context(
            settings,
            store=store,
            recorder=recorder,
            notices=notices,
            charts=charts,
            clients=clients,
            gateway=gateway,
            drawing=drawing,
            flood=RateLimiter(limits),
            clock=clock,
            ages=ages,
        )
        responder = await enter(responding(gateway, clock=ages))
        dispatch = Dispatcher(context, gateway, responder, lambda: presence.identity, slow_after=pace.tells_after)
        presence = SlackConnection(gateway, store, notices, identified=dispatch.identified, clock=clock)
        await enter(_delivering(sender))
        sweepers = {each.poller.account: each.poller for each in lookouts}
        watchers: list[PeriodicTask] = [
            MuteExpiry(store),
            QueueDepthGauge(store),
            *(watcher for each in lookouts for watcher in each.tasks),
        ]
        timer = await enter(scheduled(list(sweepers.values()), interval, watchers, pace.progress.tick))
        bot = Bot(settings, store, sweepers, sender, gateway, presence, timer.poll_soon)
        doors = AsyncExitStack()
        # Side by side: one after the other they could take longer than a platform waits before it kills.
        stack.push_async_callback(lambda: asyncio.gather(sender.stop(), timer.stop(), _shut(doors, dispatch)))
        await enter(_in_background(editor.run(), presence.run(), finish_abandoned(context)))
        if settings.ftjob_heartbeat_url:
            await enter(
                _in_background(send_heartbeats(settings.ftjob_heartbeat_url, bot.broken_parts, settings.proxies))
            )
        await _open_entrances(doors, bot, dispatch)
        log.info("bot.started", version=context.version, socket_mode=settings.uses_socket_mode, port=bot.port)
        yield bot
        log.info("bot.stopping")
        sender.stop_claiming()


def _context(
    settings: Settings,
    *,
    clients: Mapping[str, Client],
    store: Store,
    recorder: Recorder,
    notices: Notices,
    gateway: SlackClient,
    charts: Charts,
    drawing: RenderContext,
    flood: RateLimiter,
    clock: Clock,
    ages: Clock,
) -> Context:
    """Return what commands can reach."""
    return Context(
        accounts={name: CoalescedReads(client, clock, ages) for name, client in clients.items()},
        account=next(iter(clients)),
        store=store,
        recorder=recorder,
        post=gateway.post,
        upload=gateway.upload,
        charts=charts,
        notices=notices,
        policy=Policy(settings.ftjob_operators, settings.ftjob_read_only, settings.ftjob_allow_guests),
        rate_limiter=flood,
        clock=clock,
        version=version("ftjob"),
        interval=settings.ftjob_poll_seconds,
        drawing=drawing,
        monotonic=ages,
    )


async def _shut(doors: AsyncExitStack, dispatch: Dispatcher) -> None:
    """Let nobody in any more, then let answers under way end: what comes in last is still answered."""
    try:
        await doors.aclose()
    finally:
        await dispatch.stop()


async def _open_entrances(stack: AsyncExitStack, bot: Bot, dispatch: Dispatcher) -> None:
    """Let Slack in, over Socket Mode or over HTTP, as the settings say, and the webhooks of the fine-tuning API."""
    settings = bot.settings
    if settings.slack_app_token:
        app = build_app(bot.slack.web, dispatch)
        bot.socket = await stack.enter_async_context(
            socket_mode(app, settings.slack_app_token.get_secret_value(), settings.proxies)
        )
    if settings.listen_address:
        host, port = settings.listen_address
        await stack.enter_async_context(_in_background(measure_loop_lag()))
        doors = _routes(bot, dispatch)
        bot.port = await stack.enter_async_context(http_server(host, port, routes=doors, broken_parts=bot.broken_parts))


def _routes(bot: Bot, dispatch: Dispatcher) -> dict[str, Handler]:
    """Return what answers at which path of the HTTP server."""
    settings, bodies, doors = bot.settings, BodyReader(), dict[str, Handler]()
    if settings.slack_signing_secret and not settings.uses_socket_mode:
        secret = settings.slack_signing_secret.get_secret_value()
        doors["/slack/events"] = SlackHttpHandler(build_app(bot.slack.web, dispatch), secret, body_reader=bodies)
    for account in settings.accounts:
        if account.webhook_secrets:
            secrets = [each.get_secret_value() for each in account.webhook_secrets]
            look = partial(bot.poll_soon, bot.pollers[account.name])
            claim = bot.store.actions.idempotency_keys.claim
            door = WebhookHandler(account.name, secrets, poll_soon=look, is_new=claim, body_reader=bodies)
            doors[f"/webhooks/openai/{account.name}"] = door
            if account.name == DEFAULT_ACCOUNT:
                doors["/webhooks/openai"] = door
    return doors


@asynccontextmanager
async def _delivering(worker: DeliveryWorker) -> AsyncIterator[None]:
    task = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        await worker.stop()
        # It ends by itself; cutting it in the middle of a question to the database would leave that open.
        await asyncio.wait({task}, timeout=LAST_QUERY_SECONDS)
        await _cut(task)


@asynccontextmanager
async def _in_background(*works: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(work) for work in works]
    try:
        yield
    finally:
        for task in tasks:
            await _cut(task)


async def _cut(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
