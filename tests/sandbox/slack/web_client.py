"""Slack's own Web API client against the stand-in, and the error responses that it raises."""

from collections.abc import Awaitable
from typing import Any

import aiohttp
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.sandbox.slack.server import Slack


def client_for(slack: Slack, session: aiohttp.ClientSession, token: str | None = None) -> AsyncWebClient:
    """Return a client without retries; by default with the bot's token."""
    client = AsyncWebClient(token=slack.bot_token if token is None else token, base_url=slack.api_url, session=session)
    client.retry_handlers = []
    return client


async def error_response(call: Awaitable[Any]) -> Any:
    """Return the response of a call that Slack rejects."""
    with pytest.raises(SlackApiError) as caught:
        await call
    return caught.value.response
