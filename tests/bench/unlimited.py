"""The bot without limits on commands: the typist types faster than all people together."""

import asyncio

from bot import logs
from bot.commands.flood import Limit, Limits
from bot.environment import load
from bot.process import run_until_stopped

if __name__ == "__main__":
    settings = load()
    logs.set_up(settings.ftjob_log)
    asyncio.run(run_until_stopped(settings, limits=Limits(*[Limit(10**9, 0.001)] * 6)))
