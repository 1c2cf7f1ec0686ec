"""The stand-in Slack."""

from collections.abc import AsyncIterator

import pytest

from bot.sandbox.slack.server import Slack


@pytest.fixture
async def slack() -> AsyncIterator[Slack]:
    async with Slack() as running:
        yield running
