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

from bot.app.account_workers import lookout
from bot.app.clients import open_slack
from bot.app.tuning import PACE, Pace
from bot.commands.context import Context
from bot.commands.execute import finish_abandoned
from bot.commands.permissions import Policy
from bot.commands.rate_limit import LIMITS, Flood, Limits
from bot.delivery.cards import Editor
from bot.delivery.charts import Charts
from bot.delivery.connection import Presence
from bot.delivery.queue_depth import Tally
from bot.delivery.render import Drawing
from bot.delivery.worker import Sender
from bot.jobs.models import DEFAULT_ACCOUNT
from bot.listeners.bolt import build_app
from bot.listeners.dispatch import Dispatch
from bot.listeners.http import Gate
from bot.listeners.replies.responder import responding
from bot.listeners.socket import SocketMode, socket_mode
from bot.poll.poller import Sweeper
from bot.poll.scheduler import Watcher, sweeping
from bot.providers.client import Client
from bot.providers.coalesced import SharedReads
from bot.settings.model import Settings
from bot.slack.client import Gateway, Identity
from bot.slack.timeouts import PATIENCE, Patience
from bot.store import Store, open_store
from bot.store.db.engine import Clock, loop_time
from bot.telemetry.heartbeat import beat
from bot.telemetry.loop_lag import watch_loop
from bot.tracking.mutes import Unmuter
from bot.tracking.notices import Notices
from bot.tracking.recorder import Recorder
from bot.web import serving
from bot.web.body import Bodies
from bot.web.server import Handler
from bot.web.webhooks import WebhookDoor

LAST_QUESTION_SECONDS = 1.0
"""What a stop leaves to the sender for the question that it is just asking the database."""

log = structlog.get_logger()


@dataclass
class Bot:
    """The running bot, as the readiness probe and the tests see it."""

    settings: Settings
    store: Store
    sweepers: Mapping[str, Sweeper]
    """Of each account, by its name."""
    sender: Sender
    gateway: Gateway
    presence: Presence
    look: Callable[[Sweeper], None]
    """Lets an account be looked at, at once."""
    socket: SocketMode | None = None
    port: int | None = None
    """The port that the HTTP server got, None without one."""

    @property
    def identity(self) -> Identity | None:
        """Who the bot is, as Slack sees it; None until Slack said so."""
        return self.presence.identity

    def broken_parts(self) -> list[str]:
        """Return the names of the parts that do not work at present; accounts do as long as one of them does."""
        parts = {
            "slack": not self.presence.is_up,
            "account": all(each.is_failing for each in self.sweepers.values()),
            "clock": self.presence.is_clock_off and not self.settings.uses_socket_mode,
            "store": self._is_store_broken(),
        }
        return [name for name, broken in parts.items() if broken]

    def _is_store_broken(self) -> bool:
        sweepers = self.sweepers.values()
        return self.store.db.is_locked or self.sender.is_broken or any(each.is_broken for each in sweepers)


@asynccontextmanager
async def _own_store(settings: Settings, clock: Clock, ages: Clock) -> AsyncIterator[Store]:
    """Open the store; in an SQLite file, which is this process's alone, nobody else holds a lease any more."""
    async with open_store(settings.database_url.get_secret_value(), clock, ages) as store:
        if store.db.ignored:
            log.info("database.options_ignored", options=list(store.db.ignored))
        if store.db.is_sqlite:
            await store.outbox.end_leases()
            await store.accounts.start_afresh()
            await store.questions.end_leases()
        yield store


def _wake(sender: Sender, editor: Editor) -> None:
    sender.wake()
    editor.wake()


@asynccontextmanager
async def running(
    settings: Settings,
    *,
    clock: Clock = time.time,
    patience: Patience = PATIENCE,
    limits: Limits = LIMITS,
    pace: Pace = PACE,
    ages: Clock = loop_time,
) -> AsyncIterator[Bot]:
    """Run the bot until the block ends.

    Raises:
        StoreInUse: another process has the SQLite file.
    """
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        gateway = await enter(open_slack(settings, patience, ages=ages))
        clients = {
            each.name: await enter(Client(each, clock=clock, proxies=settings.proxies)) for each in settings.accounts
        }
        store = await enter(_own_store(settings, clock, ages))
        config, interval = settings.ftjob_config, settings.ftjob_poll_seconds
        drawing = Drawing(clients, clock, read_only=settings.ftjob_read_only, prices=config.prices)
        notices = Notices(store, settings.ftjob_ops_channel)
        await notices.tell_of_store()
        await notices.check_ops_channel()
        sender = Sender(store, gateway, drawing, clock=clock, ages=ages, notices=notices, patience=patience)
        editor = Editor(store, gateway, drawing, pace.cards, owed=sender.wake)
        wake = partial(_wake, sender, editor)
        record = partial(Recorder, store, wake=wake, interval=interval, stuck_after=config.stuck.after)
        recorder = record(most_alerts=pace.most_alerts, accounts=list(clients))
        await recorder.inherit(list(clients))
        charts = Charts()
        look_out = partial(lookout, store=store, recorder=recorder, notices=notices, interval=interval, logs=pace.logs)
        look_out = partial(look_out, charts=charts, door=gateway, owed=sender.wake, shown=editor.wake, ages=ages)
        lookouts = [look_out(client, clock=clock, lease=patience.lease) for client in clients.values()]
        parts = partial(_context, settings, store=store, recorder=recorder, notices=notices, charts=charts, wake=wake)
        context = parts(clients=clients, gateway=gateway, drawing=drawing, flood=Flood(limits), clock=clock, ages=ages)
        responder = await enter(responding(gateway, proxies=settings.proxies, ages=ages))
        dispatch = Dispatch(context, gateway, responder, lambda: presence.identity, tells_after=pace.tells_after)
        presence = Presence(gateway, store, notices, wake=sender.wake, identified=dispatch.identified, clock=clock)
        await enter(_sending(sender))
        sweepers = {each.sweeper.account: each.sweeper for each in lookouts}
        watchers: list[Watcher] = [
            Unmuter(store, owed=sender.wake),
            Tally(store),
            *(watcher for each in lookouts for watcher in each.watchers),
        ]
        timer = await enter(sweeping(list(sweepers.values()), interval, watchers, pace.logs.tick))
        bot = Bot(settings, store, sweepers, sender, gateway, presence, timer.soon)
        doors = AsyncExitStack()
        # Side by side: one after the other they could take longer than a platform waits before it kills.
        stack.push_async_callback(lambda: asyncio.gather(sender.stop(), timer.stop(), _shut(doors, dispatch)))
        await enter(_in_background(editor.run(), presence.run(), finish_abandoned(context)))
        if settings.ftjob_heartbeat_url:
            await enter(_in_background(beat(settings.ftjob_heartbeat_url, bot.broken_parts, settings.proxies)))
        await _open_doors(doors, bot, dispatch)
        log.info("bot.started", version=context.version, socket_mode=settings.uses_socket_mode, port=bot.port)
        yield bot
        log.info("bot.stopping")
        sender.claim_no_more()


def _context(
    settings: Settings,
    *,
    clients: Mapping[str, Client],
    store: Store,
    recorder: Recorder,
    notices: Notices,
    gateway: Gateway,
    charts: Charts,
    drawing: Drawing,
    wake: Callable[[], None],
    flood: Flood,
    clock: Clock,
    ages: Clock,
) -> Context:
    """Return what commands can reach."""
    return Context(
        accounts={name: SharedReads(client, clock, ages) for name, client in clients.items()},
        account=next(iter(clients)),
        store=store,
        recorder=recorder,
        post=gateway.post,
        upload=gateway.upload,
        charts=charts,
        wake=wake,
        notices=notices,
        policy=Policy(settings.ftjob_operators, settings.ftjob_read_only, settings.ftjob_allow_guests),
        flood=flood,
        clock=clock,
        version=version("ftjob"),
        interval=settings.ftjob_poll_seconds,
        drawing=drawing,
        ages=ages,
    )


async def _shut(doors: AsyncExitStack, dispatch: Dispatch) -> None:
    """Let nobody in any more, then let answers under way end: what comes in last is still answered."""
    try:
        await doors.aclose()
    finally:
        await dispatch.stop()


async def _open_doors(stack: AsyncExitStack, bot: Bot, dispatch: Dispatch) -> None:
    """Let Slack in, over Socket Mode or over HTTP, as the settings say, and the webhooks of the fine-tuning API."""
    settings = bot.settings
    if settings.slack_app_token:
        app = build_app(bot.gateway.client, dispatch)
        bot.socket = await stack.enter_async_context(
            socket_mode(app, settings.slack_app_token.get_secret_value(), settings.proxies)
        )
    if settings.listens_on:
        host, port = settings.listens_on
        await stack.enter_async_context(_in_background(watch_loop()))
        doors = _doors(bot, dispatch)
        bot.port = await stack.enter_async_context(serving(host, port, doors=doors, ready=bot.broken_parts))


def _doors(bot: Bot, dispatch: Dispatch) -> dict[str, Handler]:
    """Return what answers at which path of the HTTP server."""
    settings, bodies, doors = bot.settings, Bodies(), dict[str, Handler]()
    if settings.slack_signing_secret and not settings.uses_socket_mode:
        secret = settings.slack_signing_secret.get_secret_value()
        doors["/slack/events"] = Gate(build_app(bot.gateway.client, dispatch), secret, bodies=bodies)
    for account in settings.accounts:
        if account.webhook_secrets:
            secrets = [each.get_secret_value() for each in account.webhook_secrets]
            look = partial(bot.look, bot.sweepers[account.name])
            claim = bot.store.requests.claim
            door = WebhookDoor(account.name, secrets, look=look, is_new=claim, bodies=bodies)
            doors[f"/webhooks/openai/{account.name}"] = door
            if account.name == DEFAULT_ACCOUNT:
                doors["/webhooks/openai"] = door
    return doors


@asynccontextmanager
async def _sending(sender: Sender) -> AsyncIterator[None]:
    task = asyncio.create_task(sender.run())
    try:
        yield
    finally:
        await sender.stop()
        # It ends by itself; cutting it in the middle of a question to the database would leave that open.
        await asyncio.wait({task}, timeout=LAST_QUESTION_SECONDS)
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
