"""Lookups: searching a channel's history for a message that Slack did not confirm."""

from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.errors import THREAD_UNAVAILABLE, to_post_result
from bot.slack.messages import Lookup, LookupResult

MAX_PAGES = 5
PAGE_SIZE = 200
"""Messages per page; a lookup reads at most ``MAX_PAGES``, since Slack allows fifty such requests a minute."""
CLOCK_SKEW_SECONDS = 300.0
"""Seconds before the first attempt at which the search begins, in case clocks differ."""


async def find_message(client: AsyncWebClient, lookup: Lookup, bot_id: str) -> LookupResult:
    """Search for a message in its thread and its channel. Only our bot's messages match: anyone can write metadata.

    Raises:
        Exception: whatever the SDK makes of a broken response.
    """
    result = await _search(client, "conversations.replies", lookup, bot_id) if lookup.thread_ts else None
    if result is None or result.error in THREAD_UNAVAILABLE:
        # A broadcast reply outlives its thread in the channel.
        result = await _search(client, "conversations.history", lookup, bot_id)
    return result


async def _search(client: AsyncWebClient, method: str, lookup: Lookup, bot_id: str) -> LookupResult:
    arguments: dict[str, Any] = {
        "channel": lookup.channel,
        "oldest": f"{lookup.first_sent_at - CLOCK_SKEW_SECONDS:.6f}",
        "include_all_metadata": "true",
        "limit": PAGE_SIZE,
    }
    if method == "conversations.replies":
        arguments["ts"] = lookup.thread_ts
    for _ in range(MAX_PAGES):
        try:
            page = await client.api_call(method, http_verb="GET", params=arguments)
        except SlackApiError as error:
            return LookupResult(error=to_post_result(error).error or "no_answer")
        messages = page.get("messages")
        if not isinstance(messages, list):
            return LookupResult(error="broken_answer")
        if ts := next((message["ts"] for message in messages if _matches(message, lookup.key, bot_id)), None):
            return LookupResult(ts=ts)
        cursor = (page.get("response_metadata") or {}).get("next_cursor")
        if not cursor:
            return LookupResult()
        arguments["cursor"] = cursor
    return LookupResult(error="too_many_messages")


def _matches(message: Any, key: str, bot_id: str) -> bool:
    match message:
        case {"ts": str(), "bot_id": str(author), "metadata": {"event_payload": {"k": str(found)}}}:
            return author == bot_id and found == key
    return False
