"""One running bot per module, shared by tests that do not disturb each other."""

from collections.abc import AsyncIterator

import pytest
import pytest_asyncio

from bot.sandbox.openai.api.job_store import ORGANIZATION
from tests.stories.inputs.harness import HOUR, RunningBot
from tests.world import World


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def running_bot(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[RunningBot]:
    """A running bot that polls only when a test says so."""
    async with (
        World(tmp_path_factory.mktemp("running_bot")) as world,
        world.bot(FTJOB_POLL_SECONDS=HOUR, FTJOB_OPS_CHANNEL=world.ops.id, OPENAI_ORG_ID=ORGANIZATION) as bot,
    ):
        yield RunningBot(world, bot)
    assert world.slack.violations == []
