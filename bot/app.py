"""Put the bot together, run it, and stop it gracefully. The only place that constructs and connects.

fine-tuning API -> sweep -> recorder -> outbox -> sender -> gateway -> Slack
Slack -> gate | socket -> listeners -> dispatch -> commands -> gateway -> Slack
"""

import asyncio
import contextlib
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from importlib.metadata import version

import structlog
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler

from bot.access import Policy
from bot.alerts.draw import Drawing
from bot.alerts.notices import Notices
from bot.alerts.record import Recorder
from bot.alerts.retry import PATIENCE, Patience
from bot.alerts.sender import Sender
from bot.commands.context import Context
from bot.poll.circuit import Circuit
from bot.poll.schedule import sweeping
from bot.poll.sweep import Sweeper
from bot.providers.client import Account, Client
from bot.settings import Settings
from bot.slack.dispatch import Dispatch
from bot.slack.gate import gate
from bot.slack.gateway import Gateway, Identity, open_gateway
from bot.slack.listeners import build_app
from bot.slack.people import People
from bot.slack.socket import socket_mode
from bot.store import Store, open_store
from bot.store.engine import Clock
from bot.web import serving

DEFAULT_ACCOUNT = "default"
SLACK_RETRY_SECONDS = 5.0
"""Between two attempts to ask Slack who we are."""
BROKEN_SENDER_SECONDS = 1.0
"""Until a sender that broke, as when the database went away, is started again."""

log = structlog.get_logger()


@dataclass
class Bot:
    """The running bot, as the readiness probe and the tests see it."""

    settings: Settings
    store: Store
    sweeper: Sweeper
    sender: Sender
    gateway: Gateway
    socket: AsyncSocketModeHandler | None = None
    identity: Identity | None = None
    port: int | None = None
    """The port that the HTTP server got, None without one."""

    def broken_parts(self) -> list[str]:
        """Return the names of the parts that do not work at present."""
        parts = {"slack": self.identity is None, "account": self.sweeper.is_failing}
        return [name for name, broken in parts.items() if broken]


def account_of(settings: Settings) -> Account:
    """Return the account that the settings describe."""
    return Account(
        name=DEFAULT_ACCOUNT,
        base_url=settings.openai_base_url,
        key=settings.openai_api_key,
        write_key=settings.openai_write_api_key,
        organization=settings.openai_org_id,
        project=settings.openai_project_id,
    )


@asynccontextmanager
async def running(settings: Settings, *, clock: Clock = time.time, patience: Patience = PATIENCE) -> AsyncIterator[Bot]:
    """Run the bot until the block ends.

    Raises:
        StoreInUse: another process has the SQLite file.
    """
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        gateway = await enter(open_gateway(settings, patience))
        client = await enter(Client(account_of(settings), clock=clock))
        store = await enter(open_store(settings.database_url.get_secret_value(), clock))
        if store.db.is_sqlite:
            await store.outbox.end_leases()
            await store.accounts.start_afresh()
        drawing = Drawing(lambda _account, job_id: client.job_page(job_id), can_cancel=not settings.ftjob_read_only)
        notices = Notices(store, settings.ftjob_ops_channel)
        await notices.tell_of_store()
        sender = Sender(store, gateway, drawing, clock=clock, notices=notices, patience=patience)
        recorder = Recorder(store, wake=sender.wake, interval=settings.ftjob_poll_seconds)
        circuit = Circuit(store, notices, client.account.name, wake=sender.wake, clock=clock)
        interval = settings.ftjob_poll_seconds
        sweeper = Sweeper(client, store, recorder, circuit, interval=interval, clock=clock, lease=patience.lease)
        bot = Bot(settings, store, sweeper, sender, gateway)
        context = Context(
            client=client,
            store=store,
            recorder=recorder,
            post=gateway.post,
            wake=sender.wake,
            policy=Policy(settings.ftjob_operators, read_only=settings.ftjob_read_only),
            clock=clock,
            version=version("ftjob"),
            interval=settings.ftjob_poll_seconds,
        )
        people = People(gateway.client, settings.ftjob_operators, clock)
        dispatch = Dispatch(context, gateway, people, lambda: bot.identity)
        await enter(_sending(sender))
        await enter(sweeping([sweeper], settings.ftjob_poll_seconds))
        stack.push_async_callback(dispatch.stop)
        await enter(_introducing(bot))
        await _open_doors(stack, bot, dispatch)
        log.info("bot.started", version=context.version, socket_mode=settings.uses_socket_mode, port=bot.port)
        yield bot
        log.info("bot.stopping")


async def _open_doors(stack: AsyncExitStack, bot: Bot, dispatch: Dispatch) -> None:
    """Let Slack in: over Socket Mode or over HTTP, as the settings say."""
    settings = bot.settings
    handler = None
    if settings.slack_app_token:
        app = build_app(bot.gateway.client, dispatch, signing_secret=None)
        bot.socket = await stack.enter_async_context(socket_mode(app, settings.slack_app_token.get_secret_value()))
    elif settings.slack_signing_secret:
        secret = settings.slack_signing_secret.get_secret_value()
        handler = gate(build_app(bot.gateway.client, dispatch, signing_secret=secret))
    if settings.listens_on:
        host, port = settings.listens_on
        bot.port = await stack.enter_async_context(serving(host, port, slack=handler, ready=bot.broken_parts))


@asynccontextmanager
async def _sending(sender: Sender) -> AsyncIterator[None]:
    async def keep_running() -> None:
        while True:
            try:
                return await sender.run()
            except Exception:
                log.exception("sender.broke")
                await asyncio.sleep(BROKEN_SENDER_SECONDS)

    task = asyncio.create_task(keep_running())
    try:
        yield
    finally:
        await sender.stop()
        # It ends by itself; cutting it in the middle of a question to the database would leave that open.
        await asyncio.wait({task}, timeout=BROKEN_SENDER_SECONDS)
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


@asynccontextmanager
async def _introducing(bot: Bot) -> AsyncIterator[None]:
    """Ask Slack who we are until it answers; everything but the check of a person's team goes on without."""

    async def introduce() -> None:
        reported = False
        while bot.identity is None:
            try:
                bot.identity = await bot.gateway.identity()
            except Exception as error:  # noqa: BLE001 - the SDK raises whatever a broken answer makes it raise
                if not reported:
                    log.error("slack.unreachable", error=f"{type(error).__name__}: {error}")  # noqa: TRY400 - no bug
                reported = True
                await asyncio.sleep(SLACK_RETRY_SECONDS)
        log.info("slack.connected", team=bot.identity.team, bot_id=bot.identity.bot_id)

    task = asyncio.create_task(introduce())
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def run_until_stopped(settings: Settings, *, patience: Patience = PATIENCE) -> None:
    """Run the bot until SIGTERM or SIGINT; a second signal ends it at once."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, _stop_or_die, stop)
    async with running(settings, patience=patience):
        await stop.wait()


def _stop_or_die(stop: asyncio.Event) -> None:
    if stop.is_set():
        # Safe: what was under way is found in the outbox at the next start.
        signal.raise_signal(signal.SIGKILL)
    stop.set()
