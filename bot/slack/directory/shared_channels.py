"""Slack Connect channels: which channels are shared with another company. Slack's answer is cached for five minutes."""

from collections.abc import Callable
from typing import Any

import structlog
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.call import SlackCallError, call
from bot.slack.errors import SHARED_CHANNEL, SHARING_UNKNOWN

CACHE_SECONDS = 300.0
_MAX_CACHED = 10_000
_SCOPE_ERRORS = ("missing_scope", "not_allowed_token_type")
_CONCLUSIVE = ("channel_not_found", "ratelimited")

log = structlog.get_logger()


class SharedChannels:
    """Channel check before each post: nothing goes to a channel shared with another company, unless that is allowed."""

    def __init__(self, client: AsyncWebClient, monotonic: Callable[[], float], *, allow_shared: bool) -> None:
        self._client = client
        self._monotonic = monotonic
        self._allow_shared = allow_shared
        self._cache: dict[str, tuple[float, bool]] = {}

    async def posting_error(self, channel: str) -> str | None:
        """Return the error that forbids posting to a channel, or None if posting is allowed.

        If Slack doesn't answer, its last answer counts, however old; without one the channel is "unreachable" for now.
        Only ids of channels are checked: a direct message is never shared.
        """
        if self._allow_shared or not channel.startswith(("C", "G")):
            return None
        until, is_shared = self._cache.get(channel, (0.0, None))
        if is_shared is None or self._monotonic() >= until:
            try:
                is_shared = await call(self._fetch(channel))
            except SlackCallError as error:
                if error.name in _SCOPE_ERRORS:
                    return SHARING_UNKNOWN
                if not error.name:
                    log.info("channel.lookup_failed", channel=channel, error=error.reason)
                if is_shared is None:
                    return error.name if error.name in _CONCLUSIVE else "unreachable"
        return SHARED_CHANNEL if is_shared else None

    async def _fetch(self, channel: str) -> bool:
        found: Any = (await self._client.conversations_info(channel=channel)).get("channel")
        is_shared = bool(found.get("is_ext_shared") or found.get("is_pending_ext_shared"))
        if len(self._cache) >= _MAX_CACHED:
            self._cache.clear()
        self._cache[channel] = (self._monotonic() + CACHE_SECONDS, is_shared)
        return is_shared
