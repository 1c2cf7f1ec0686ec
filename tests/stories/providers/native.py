"""Accounts of Together and Fireworks in a world: what their stories share."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from bot.app.bot import Bot
from bot.sandbox.fireworks.server import FireworksApi
from bot.sandbox.openai.api.keys import ApiKey
from bot.sandbox.slack.messages import SentReply
from bot.sandbox.together.server import TogetherApi
from tests import canaries
from tests.world import POLL_SECONDS, World

KEYS = {canaries.KEY: ApiKey("team"), canaries.WRITE_KEY: ApiKey("orders")}
JOBS = 230


@asynccontextmanager
async def with_account(
    world: World, api: TogetherApi | FireworksApi, provider: str, *lines: str, poll_seconds: str = str(POLL_SECONDS)
) -> AsyncIterator[Bot]:
    """Run the bot with a second account, named like its provider."""
    file = world.folder / "ftjob.toml"
    section = [
        f'provider = "{provider}"',
        f'base_url = "{api.base_url}"',
        'key_env = "SECOND_KEY"',
        'write_key_env = "SECOND_WRITE_KEY"',
        *lines,
    ]
    file.write_text("\n".join([f"[accounts.{provider}]", *section, ""]))
    keys = {"SECOND_KEY": canaries.KEY, "SECOND_WRITE_KEY": canaries.WRITE_KEY}
    async with world.bot(FTJOB_CONFIG=str(file), FTJOB_POLL_SECONDS=poll_seconds, **keys) as bot:
        yield bot


async def pages_of(world: World, first: SentReply) -> list[SentReply]:
    """Press Older until there is none; return all pages."""
    pages = [first]
    while "ftjob_page" in pages[-1].buttons:
        pages.append(await world.press(pages[-1], "ftjob_page"))
        assert len(pages) <= JOBS, "the pages have no end"
    return pages


def found_in(pages: list[SentReply], pattern: str) -> list[str]:
    """Return what the pages show that matches, in order, once for each page."""
    return [each for page in pages for each in dict.fromkeys(re.findall(pattern, page.plain_text))]
