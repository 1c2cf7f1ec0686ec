"""The bot as a process: it runs until a signal stops it, and no stop hangs."""

import asyncio
import os
import signal

import structlog

from bot.alerts.retry import PATIENCE, Patience
from bot.app import running
from bot.commands.flood import LIMITS, Limits
from bot.settings import Settings

LONGEST_STOP = 9.5
"""Seconds after a signal until what still hangs, such as a database, is left hanging: platforms kill soon after."""

log = structlog.get_logger()


async def run_until_stopped(settings: Settings, *, patience: Patience = PATIENCE, limits: Limits = LIMITS) -> None:
    """Run the bot until SIGTERM or SIGINT; a second signal ends it at once, and so does a stop that hangs."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for name in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(name, _stop_or_die, stop)
    async with running(settings, patience=patience, limits=limits):
        await stop.wait()


def _stop_or_die(stop: asyncio.Event) -> None:
    if stop.is_set():
        # Safe: what was under way is found in the outbox at the next start.
        signal.raise_signal(signal.SIGKILL)
    stop.set()
    asyncio.get_running_loop().call_later(LONGEST_STOP, _leave)


def _leave() -> None:
    log.error("bot.stop_hung", seconds=LONGEST_STOP)  # the rest is found at the next start, as after a kill
    os._exit(1)
