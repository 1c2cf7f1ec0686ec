"""A delivery worker in front of the stand-in Slack, under a clock that only a test moves."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.sandbox.slack.server import Slack
from tests.delivery.harness import Clock, DeliveryHarness, delivery_harness


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
async def slack(clock: Clock) -> AsyncIterator[Slack]:
    """The stand-in Slack, which had no request to complain of at the end."""
    async with Slack(clock=clock) as running:
        yield running
    assert running.violations == []


@pytest.fixture
async def harness(tmp_path: Path, slack: Slack, clock: Clock) -> AsyncIterator[DeliveryHarness]:
    async with delivery_harness(tmp_path, slack, clock) as opened:
        yield opened
