"""Which channels are shared with another company: asked of Slack, remembered for five minutes."""

from collections.abc import Callable
from typing import Any

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.errors import SHARED, UNSEEN

REMEMBERED = 300.0
"""Seconds that Slack's word about a channel is good for."""
_MOST_REMEMBERED = 10_000
_NOT_ALLOWED = ("missing_scope", "not_allowed_token_type")
_CERTAIN = ("channel_not_found", "ratelimited")

log = structlog.get_logger()


class Channels:
    """Looks channels up before anything is told there."""

    def __init__(self, client: AsyncWebClient, ages: Callable[[], float], *, allow_shared: bool) -> None:
        self._client = client
        self._ages = ages
        self._allow_shared = allow_shared
        self._known: dict[str, tuple[float, bool]] = {}

    async def refusal(self, channel: str) -> str | None:
        """Return why nothing may be told in a channel, as the error of an attempt; None where it may.

        Where Slack does not answer, its last word counts; a channel of which there is none has to wait ("unreachable").
        A person is never shared, and direct messages belong to one.
        """
        if self._allow_shared or not channel.startswith(("C", "G")):
            return None
        until, shared = self._known.get(channel, (0.0, None))
        if shared is None or self._ages() >= until:
            try:
                shared = await self._ask(channel)
            except SlackApiError as error:
                word = _word(error)
                if word in _NOT_ALLOWED:
                    return UNSEEN
                if shared is None:
                    return word if word in _CERTAIN else "unreachable"
            except Exception as error:  # noqa: BLE001 - the SDK raises whatever a broken answer makes it raise
                log.info("channel.unseen", channel=channel, error=type(error).__name__)
                if shared is None:
                    return "unreachable"
        return SHARED if shared else None

    async def _ask(self, channel: str) -> bool:
        found: Any = (await self._client.conversations_info(channel=channel)).get("channel")
        shared = bool(found.get("is_ext_shared") or found.get("is_pending_ext_shared"))
        if len(self._known) >= _MOST_REMEMBERED:
            self._known.clear()
        self._known[channel] = (self._ages() + REMEMBERED, shared)
        return shared


def _word(error: SlackApiError) -> str:
    """Return Slack's word for what went wrong, "" where its answer has none."""
    data = getattr(error.response, "data", None)
    return str(data.get("error")) if isinstance(data, dict) else ""
