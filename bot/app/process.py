"""The bot as a process: it runs until a signal stops it, and no stop hangs."""

import asyncio
import os
import signal
from dataclasses import replace

import structlog

from bot.app.run import running
from bot.app.tuning import Tuning
from bot.commands.rate_limit import LIMITS, Limits
from bot.poll.progress import PollBudget
from bot.settings.model import Settings
from bot.slack.timeouts import DELIVERY_TIMEOUTS, DeliveryTimeouts
from bot.store.jobs.cards import RateLimit
from bot.telemetry import logs

STOP_TIMEOUT = 9.5
"""Seconds after a signal until what still hangs, such as a database, is left hanging: platforms kill soon after."""

log = structlog.get_logger()


async def run_until_stopped(
    settings: Settings, *, timeouts: DeliveryTimeouts = DELIVERY_TIMEOUTS, limits: Limits = LIMITS
) -> None:
    """Run the bot until SIGTERM, SIGINT or SIGHUP; a second signal ends it at once, and so does a stop that hangs.

    SIGHUP, which a closed terminal sends, stops it, too: settings are read once, so there is nothing to reload.
    """
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, _stop_or_die, stop)
    # nohup lets it be ignored, and means that.
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:
        loop.add_signal_handler(signal.SIGHUP, _stop, stop)
    is_started = False
    tuning = replace(tuning_of(settings.ftjob_progress_seconds), timeouts=timeouts, limits=limits)
    try:
        async with running(settings, tuning=tuning):
            is_started = True
            await stop.wait()
    except Exception:
        # What keeps it from starting is said in a line (``cli.main``); what breaks it later is a bug.
        if is_started:
            log.critical("process.crashed", exc_info=True)
        raise


def tuning_of(progress_seconds: float) -> Tuning:
    """Return the tuning that reads the log of a running job every so many seconds, and updates its card as often."""
    return Tuning(
        RateLimit(card_interval=min(RateLimit.card_interval, progress_seconds)), PollBudget.of(progress_seconds)
    )


def _stop_or_die(stop: asyncio.Event) -> None:
    if stop.is_set():
        # Safe: what was under way is found in the outbox at the next start.
        logs.drain()
        signal.raise_signal(signal.SIGKILL)
    _stop(stop)


def _stop(stop: asyncio.Event) -> None:
    """Stop gracefully; said again, as a closed terminal and its shell do, it changes nothing."""
    if not stop.is_set():
        stop.set()
        asyncio.get_running_loop().call_later(STOP_TIMEOUT, _leave)


def _leave() -> None:
    log.error("bot.stop_hung", seconds=STOP_TIMEOUT)  # the rest is found at the next start, as after a kill
    logs.drain()
    os._exit(1)
