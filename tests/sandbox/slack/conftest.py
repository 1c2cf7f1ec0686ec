"""Fixtures of the stand-in Slack's tests: a server with a clock of its own, its Web API client, a user and a channel."""

from collections.abc import AsyncIterator
from typing import Any

import aiohttp
import pytest
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack.server import Slack
from bot.sandbox.slack.users import SandboxUser
from bot.sandbox.slack.workspace import Channel
from tests.sandbox.clock import Clock
from tests.sandbox.slack.web_client import client_for


@pytest.fixture
def slack_options() -> dict[str, Any]:
    """Options of the server; modules override them."""
    return {}


@pytest.fixture
async def slack(clock: Clock, slack_options: dict[str, Any]) -> AsyncIterator[Slack]:
    async with Slack(clock=clock, **slack_options) as running:
        yield running


@pytest.fixture
async def session() -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession() as opened:
        yield opened


@pytest.fixture
def client(slack: Slack, session: aiohttp.ClientSession) -> AsyncWebClient:
    return client_for(slack, session)


@pytest.fixture
def ann(slack: Slack) -> SandboxUser:
    return slack.add_user("ann")


@pytest.fixture
def channel(slack: Slack) -> Channel:
    return slack.add_channel("ml")
