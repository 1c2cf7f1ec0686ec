"""Start the parts, keep them running, and stop them gracefully."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import structlog

from bot.app.bot import Bot
from bot.app.build import Parts, build
from bot.app.clients import open_clients
from bot.app.entrances import open_entrances
from bot.app.tuning import CLOCKS, TUNING, Clocks, Tuning
from bot.commands.about import VERSION
from bot.commands.execute import finish_abandoned
from bot.delivery.worker import DeliveryWorker
from bot.listeners.dispatch import Dispatcher
from bot.listeners.replies.responder import responding
from bot.poll.scheduler import scheduled
from bot.settings.model import Settings
from bot.store import Store, open_store
from bot.telemetry.heartbeat import send_heartbeats
from bot.telemetry.loop_lag import measure_loop_lag

LAST_QUERY_SECONDS = 1.0
"""What a stop leaves to the delivery worker for the query that it's just making."""

log = structlog.get_logger()


@asynccontextmanager
async def running(settings: Settings, *, tuning: Tuning = TUNING, clocks: Clocks = CLOCKS) -> AsyncIterator[Bot]:
    """Run the bot until the block ends.

    Raises:
        StoreInUse: another process has the SQLite file.
    """
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        store = await enter(_own_store(settings, clocks))
        clients = await enter(open_clients(settings, store, tuning=tuning, clocks=clocks))
        parts = build(settings, store, clients, tuning=tuning, clocks=clocks)
        await _prepare(parts)
        responder = await enter(responding(parts.services.slack, clock=clocks.monotonic))
        connection, worker = parts.connection, parts.worker
        dispatcher = Dispatcher(
            parts.services, parts.access, responder, lambda: connection.identity, slow_after=tuning.slow_after
        )
        await enter(_delivering(worker))
        pollers, check_every = list(parts.pollers.values()), tuning.progress.check_every
        timer = await enter(scheduled(pollers, settings.ftjob_poll_seconds, parts.tasks, check_every))
        bot = Bot(settings, store, parts.pollers, worker, parts.services.slack, connection, timer.poll_soon)
        entrances = AsyncExitStack()
        # Side by side: one after the other they could take longer than a platform waits before it kills.
        stack.push_async_callback(lambda: asyncio.gather(worker.stop(), timer.stop(), _close(entrances, dispatcher)))
        await enter(_in_background(*_work(bot, parts, dispatcher)))
        await open_entrances(entrances, bot, dispatcher, clocks)
        log.info("bot.started", version=VERSION, socket_mode=settings.uses_socket_mode, port=bot.port)
        yield bot
        log.info("bot.stopping")
        worker.stop_claiming()


@asynccontextmanager
async def _own_store(settings: Settings, clocks: Clocks) -> AsyncIterator[Store]:
    """Open the store; an SQLite file is this process's alone, so leases in it are left over from an earlier one."""
    async with open_store(settings.database_url.get_secret_value(), clocks.wall, clocks.monotonic) as store:
        if store.db.ignored_options:
            log.info("database.options_ignored", options=list(store.db.ignored_options))
        if store.db.is_sqlite:
            await store.outbox.deliveries.end_leases()
            await store.accounts.leases.reset()
            await store.actions.confirmations.end_leases()
        yield store


async def _prepare(parts: Parts) -> None:
    """Do what a start does once, before anything runs."""
    notices = parts.services.notices
    await notices.announce_store_origin()
    await notices.check_ops_channel()
    accounts = list(parts.pollers)
    await parts.recorder.reassign_tracks(accounts)
    for joined in await parts.store.channels.subscriptions.join(accounts):
        log.info("subscription.joined", account=joined.account, channel=joined.channel)


def _work(bot: Bot, parts: Parts, dispatcher: Dispatcher) -> list[Coroutine[Any, Any, None]]:
    """Return what runs beside the delivery worker and the timer until the stop."""
    settings = bot.settings
    work = [
        parts.card_updater.run(),
        parts.connection.run(dispatcher.identified),
        finish_abandoned(parts.services),
        *(receiver.run() for receiver in bot.push_receivers.values()),
    ]
    if settings.listen_address:
        work.append(measure_loop_lag())
    if settings.ftjob_heartbeat_url:
        work.append(send_heartbeats(settings.ftjob_heartbeat_url, bot.broken_parts, settings.proxies))
    return work


async def _close(entrances: AsyncExitStack, dispatcher: Dispatcher) -> None:
    """Accept no more requests, then let pending replies finish: the last request still gets its reply."""
    try:
        await entrances.aclose()
    finally:
        await dispatcher.stop()


@asynccontextmanager
async def _delivering(worker: DeliveryWorker) -> AsyncIterator[None]:
    task = asyncio.create_task(worker.run())
    try:
        yield
    finally:
        await worker.stop()
        # It ends on its own; canceling it in the middle of a query would leave that open.
        await asyncio.wait({task}, timeout=LAST_QUERY_SECONDS)
        await _cancel(task)


@asynccontextmanager
async def _in_background(*work: Coroutine[Any, Any, None]) -> AsyncIterator[None]:
    tasks = [asyncio.create_task(each) for each in work]
    try:
        yield
    finally:
        for task in tasks:
            await _cancel(task)


async def _cancel(task: asyncio.Task[None]) -> None:
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
