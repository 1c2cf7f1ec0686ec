"""One bot, as a process of its own that was forked from one with everything imported, so that many can be killed."""

import asyncio
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from bot.app.process import run_until_stopped
from bot.runtime import failpoints
from bot.settings.environment import load
from bot.slack.timeouts import DELIVERY_TIMEOUTS
from bot.telemetry import logs
from tests.world import NO_LIMITS


def work(environ: Mapping[str, str], factor: float, log: Path) -> None:
    """Run the bot with this environment and a patience that is ``factor`` times as short, until it dies."""
    out = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    os.dup2(out, sys.stdout.fileno())
    os.dup2(out, sys.stderr.fileno())
    if spec := environ.get("FTJOB_CRASH_AT"):
        failpoints.arm(failpoints.sigkill_hook(spec))
    settings = load(environ, dotenv=Path("/no.env"))
    logs.configure("json")
    asyncio.run(run_until_stopped(settings, timeouts=DELIVERY_TIMEOUTS.shortened(factor), limits=NO_LIMITS))
