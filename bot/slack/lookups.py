"""Look-ups: whether a message that Slack did not confirm stands in its channel all the same."""

from typing import Any

from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.errors import THREAD_GONE, refused
from bot.slack.messages import Sight, Sought

MOST_PAGES = 5
PAGE = 200
"""Messages on a page of a look-up, and how many pages one reads: Slack allows fifty such requests a minute."""
BEFORE = 300.0
"""Seconds before the first attempt at which a look-up begins: Slack's clock is not ours."""


async def look_up(client: AsyncWebClient, sought: Sought, bot_id: str) -> Sight:
    """Look for a message in its thread and its channel; only one of our own bot counts: everybody can write metadata.

    Raises:
        Exception: whatever the SDK makes of a broken answer.
    """
    sight = await _search(client, "conversations.replies", sought, bot_id) if sought.thread_ts else None
    if sight is None or sight.blind in THREAD_GONE:
        # A reply that was also sent to the channel outlives its thread there.
        sight = await _search(client, "conversations.history", sought, bot_id)
    return sight


async def _search(client: AsyncWebClient, method: str, sought: Sought, bot_id: str) -> Sight:
    arguments: dict[str, Any] = {
        "channel": sought.channel,
        "oldest": f"{sought.oldest - BEFORE:.6f}",
        "include_all_metadata": "true",
        "limit": PAGE,
    }
    if method == "conversations.replies":
        arguments["ts"] = sought.thread_ts
    for _ in range(MOST_PAGES):
        try:
            page = await client.api_call(method, http_verb="GET", params=arguments)
        except SlackApiError as error:
            return Sight(blind=refused(error).error or "no_answer")
        messages = page.get("messages")
        if not isinstance(messages, list):
            return Sight(blind="broken_answer")
        if ts := next((message["ts"] for message in messages if _is_it(message, sought.key, bot_id)), None):
            return Sight(ts=ts)
        cursor = (page.get("response_metadata") or {}).get("next_cursor")
        if not cursor:
            return Sight()
        arguments["cursor"] = cursor
    return Sight(blind="too_many_messages")


def _is_it(message: Any, key: str, bot_id: str) -> bool:
    match message:
        case {"ts": str(), "bot_id": str(author), "metadata": {"event_payload": {"k": str(found)}}}:
            return author == bot_id and found == key
    return False
