"""What an error of Slack's SDK says of an attempt."""

from typing import Any

import structlog
from slack_sdk.errors import SlackApiError

from bot.alerts.retry import Answer

log = structlog.get_logger()


def refused(error: SlackApiError) -> Answer:
    """Return how an attempt ended that Slack answered with an error."""
    response = error.response
    status = getattr(response, "status_code", None) or getattr(response, "status", 0)
    data = getattr(response, "data", None)
    word = data.get("error") if isinstance(data, dict) else None
    retry_after = response.headers.get("Retry-After") if hasattr(response, "headers") else None
    if status == 429:  # noqa: PLR2004
        seconds = float(retry_after) if retry_after and retry_after.isdigit() else None
        return Answer(error="ratelimited", retry_after=seconds)
    if not isinstance(word, str):
        return Answer(error=f"http_{status}", maybe_posted=True)
    if word in ("missing_scope", "invalid_blocks"):
        log.warning("slack.refused", error=word, needed=data and data.get("needed"), why=_why(data))
    return Answer(error=word)


def _why(data: Any) -> Any:
    return (data.get("response_metadata") or {}).get("messages") if isinstance(data, dict) else None
