"""What an error of Slack's SDK says of an attempt."""

import time
from collections.abc import Mapping
from typing import Any

import structlog
from slack_sdk.errors import SlackApiError

from bot.alerts.retry import Answer
from bot.retry_after import parse

log = structlog.get_logger()


def refused(error: SlackApiError) -> Answer:
    """Return how an attempt ended that Slack answered with an error."""
    response = error.response
    status = getattr(response, "status_code", None) or getattr(response, "status", 0)
    data = getattr(response, "data", None)
    word = data.get("error") if isinstance(data, dict) else None
    pause = parse(stated(response, "Retry-After"), now=time.time())
    if status == 429:  # noqa: PLR2004
        return Answer(error="ratelimited", retry_after=pause)
    if not isinstance(word, str):
        return Answer(error=f"http_{status}", maybe_posted=True)
    if isinstance(data, dict) and word in ("missing_scope", "invalid_blocks"):
        log.warning("slack.refused", error=word, needed=data.get("needed"), why=_why(data))
    return Answer(error=word, retry_after=pause)


def stated(response: Any, name: str) -> list[object]:
    """Return every value of a header; the SDK hands on aiohttp's headers, which may hold one name several times."""
    headers = getattr(response, "headers", None)
    items = headers.items() if isinstance(headers, Mapping) else ()
    return [value for key, value in items if str(key).casefold() == name.casefold()]


def _why(data: Any) -> Any:
    metadata = data.get("response_metadata") if isinstance(data, dict) else None
    return metadata.get("messages") if isinstance(metadata, dict) else None
