"""The bot without limits on commands: the typist types faster than all people together."""

import asyncio

from bot.app.process import run_until_stopped
from bot.commands.rate_limit import Limit, Limits
from bot.settings.environment import load
from bot.telemetry import logs

if __name__ == "__main__":
    settings = load()
    logs.configure(settings.ftjob_log)
    asyncio.run(run_until_stopped(settings, limits=Limits(*[Limit(10**9, 0.001)] * 6)))
