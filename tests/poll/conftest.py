"""A poller on each database in turn, with the stand-in API."""

from collections.abc import AsyncIterator

import pytest

from bot.sandbox.openai.server import FineTuningApi
from tests.poll.harness import PollHarness, poll_harness


@pytest.fixture
async def api() -> AsyncIterator[FineTuningApi]:
    async with FineTuningApi() as running:
        yield running


@pytest.fixture
async def harness(database_url: str, api: FineTuningApi) -> AsyncIterator[PollHarness]:
    async with poll_harness(database_url, api) as opened:
        yield opened
