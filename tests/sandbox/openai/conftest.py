"""Fixtures of the API's tests: a server whose responses are validated against the specification, and a plain client."""

from collections.abc import AsyncIterator

import pytest

from bot.sandbox.openai.server import FineTuningApi
from tests.sandbox.clock import Clock
from tests.sandbox.openai.contract import Caller, validated_api


@pytest.fixture
async def api(clock: Clock) -> AsyncIterator[FineTuningApi]:
    async with validated_api(clock) as running:
        yield running


@pytest.fixture
async def call(api: FineTuningApi) -> AsyncIterator[Caller]:
    async with Caller(api) as caller:
        yield caller
