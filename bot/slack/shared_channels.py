"""Which channels are shared with another company: asked of Slack, remembered for five minutes."""

from collections.abc import Callable
from typing import Any

import structlog
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.errors import SHARED_CHANNEL, SHARING_UNKNOWN

CACHE_SECONDS = 300.0
"""Seconds that Slack's word about a channel is good for."""
_MAX_CACHED = 10_000
_SCOPE_ERRORS = ("missing_scope", "not_allowed_token_type")
_CONCLUSIVE = ("channel_not_found", "ratelimited")

log = structlog.get_logger()


class SharedChannels:
    """Looks channels up before anything is told there."""

    def __init__(self, client: AsyncWebClient, monotonic: Callable[[], float], *, allow_shared: bool) -> None:
        self._client = client
        self._monotonic = monotonic
        self._allow_shared = allow_shared
        self._cache: dict[str, tuple[float, bool]] = {}

    async def posting_error(self, channel: str) -> str | None:
        """Return why nothing may be told in a channel, as the error of an attempt; None where it may.

        Where Slack does not answer, its last word counts; a channel of which there is none has to wait ("unreachable").
        A person is never shared, and direct messages belong to one.
        """
        if self._allow_shared or not channel.startswith(("C", "G")):
            return None
        until, is_shared = self._cache.get(channel, (0.0, None))
        if is_shared is None or self._monotonic() >= until:
            try:
                is_shared = await self._fetch(channel)
            except SlackApiError as error:
                error_name = _error_name(error)
                if error_name in _SCOPE_ERRORS:
                    return SHARING_UNKNOWN
                if is_shared is None:
                    return error_name if error_name in _CONCLUSIVE else "unreachable"
            except Exception as error:  # noqa: BLE001 - the SDK raises whatever a broken answer makes it raise
                log.info("channel.unseen", channel=channel, error=type(error).__name__)
                if is_shared is None:
                    return "unreachable"
        return SHARED_CHANNEL if is_shared else None

    async def _fetch(self, channel: str) -> bool:
        channel_object: Any = (await self._client.conversations_info(channel=channel)).get("channel")
        shared = bool(channel_object.get("is_ext_shared") or channel_object.get("is_pending_ext_shared"))
        if len(self._cache) >= _MAX_CACHED:
            self._cache.clear()
        self._cache[channel] = (self._monotonic() + CACHE_SECONDS, shared)
        return shared


def _error_name(error: SlackApiError) -> str:
    """Return Slack's word for what went wrong, "" where its answer has none."""
    data = getattr(error.response, "data", None)
    return str(data.get("error")) if isinstance(data, dict) else ""
