"""The stand-in API and a client of it."""

from collections.abc import AsyncIterator

import pytest

from bot.providers.client import Client
from bot.sandbox.openai.server import FineTuningApi
from tests.providers.harness import MAX_WAIT, client_of, new_api


@pytest.fixture
async def api() -> AsyncIterator[FineTuningApi]:
    async with new_api() as running:
        yield running


@pytest.fixture
async def client(api: FineTuningApi) -> AsyncIterator[Client]:
    async with client_of(api.base_url, deadline=MAX_WAIT) as opened:
        yield opened
