"""Web API calls with a timeout, and one exception for whatever makes a call fail."""

import asyncio
from collections.abc import Awaitable
from typing import TypeVar

import aiohttp
from slack_sdk.errors import SlackApiError

from bot.slack.errors import to_post_result
from bot.slack.messages import PostResult

_T = TypeVar("_T")


class SlackCallError(Exception):
    """A failed Web API call. ``__cause__`` is the exception of the SDK, of aiohttp or of the parser."""

    def __init__(self, cause: Exception) -> None:
        super().__init__(f"{type(cause).__name__}: {cause}")
        self.cause = cause

    @property
    def name(self) -> str:
        """Slack's error name; "" if the response had none."""
        data = getattr(self.cause.response, "data", None) if isinstance(self.cause, SlackApiError) else None
        return str(data.get("error") or "") if isinstance(data, dict) else ""

    @property
    def reason(self) -> str:
        """Slack's error name, or the type of the exception if there is none."""
        return self.name or type(self.cause).__name__

    @property
    def is_broken_response(self) -> bool:
        """Whether Slack answered something that the SDK could not handle."""
        return not isinstance(self.cause, SlackApiError | aiohttp.ClientConnectorError | TimeoutError)

    def result(self) -> PostResult:
        """Return the result of a post that failed like this."""
        match self.cause:
            case SlackApiError():
                return to_post_result(self.cause)
            case aiohttp.ClientConnectorError():
                return PostResult(error="unreachable")
            case TimeoutError():
                return PostResult(error="timeout", maybe_posted=True)
        return PostResult(error="broken_answer", maybe_posted=True)


async def call(request: Awaitable[_T], *, seconds: float | None = None) -> _T:
    """Await a Web API call and the parsing of its response, for at most so many seconds.

    Raises:
        SlackCallError: it failed or timed out.
    """
    try:
        async with asyncio.timeout(seconds):
            return await request
    except Exception as error:
        raise SlackCallError(error) from error
