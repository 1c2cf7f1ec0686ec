"""Two accounts in one world: what the stories of several accounts share."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.app.bot import Bot
from bot.sandbox.openai.api.keys import ApiKey
from bot.sandbox.openai.server import FineTuningApi
from tests import canaries
from tests.world import World

RESEARCH = "research"


def new_api() -> FineTuningApi:
    """Return the API of a second account, with keys of its own."""
    keys = {canaries.KEY: ApiKey("research"), canaries.WRITE_KEY: ApiKey("research orders")}
    return FineTuningApi(keys=keys, job_id_length=14)


def configured(world: World, api: FineTuningApi, *lines: str, name: str = RESEARCH) -> dict[str, str]:
    """Return what the bot has to be told to watch a second account, too; ``lines`` are added to its section."""
    file = world.folder / "ftjob.toml"
    section = [f'base_url = "{api.base_url}"', 'key_env = "SECOND_KEY"', 'write_key_env = "SECOND_WRITE_KEY"', *lines]
    file.write_text("\n".join([f"[accounts.{name}]", *section, ""]))
    return {"FTJOB_CONFIG": str(file), "SECOND_KEY": canaries.KEY, "SECOND_WRITE_KEY": canaries.WRITE_KEY}


@asynccontextmanager
async def two_accounts(world: World, **more: str) -> AsyncIterator[tuple[Bot, FineTuningApi]]:
    """Run the bot with a second account called "research"."""
    async with new_api() as api, world.bot(**configured(world, api), **more) as bot:
        yield bot, api
