"""Slack's error names, sorted by what they say of an attempt, and the errors of its SDK.

https://docs.slack.dev/reference/methods/chat.postMessage#errors
"""

import time
from collections.abc import Mapping
from typing import Any

import structlog
from slack_sdk.errors import SlackApiError

from bot.net.retry_after import parse_retry_after
from bot.slack.messages import PostResult
from bot.store.outbox import queue

log = structlog.get_logger()


SHARED_CHANNEL = "shared_with_another_company"

SHARING_UNKNOWN = "cannot_see_whether_shared"
"""Ours: the channel may not be told, and it may be one that may not."""

RECIPIENT_UNVERIFIED = "cannot_ask_who_that_is"
"""Ours: a direct message to somebody of whom nothing is known while Slack cannot be asked; it waits."""

CHANNEL_CLOSED = frozenset({SHARED_CHANNEL, SHARING_UNKNOWN}) | frozenset(
    "channel_not_found is_archived not_in_channel no_permission restricted_action restricted_action_read_only_channel "
    "restricted_action_thread_only_channel restricted_action_non_threadable_channel messages_tab_disabled "
    "ekm_access_denied slack_connect_file_link_sharing_blocked user_not_found "
    "slack_connect_canvas_sharing_blocked".split()
)
"""The channel does not take it until somebody changes something there."""

AUTH_ERRORS = frozenset(
    "token_revoked account_inactive invalid_auth not_authed token_expired app_uninstalled missing_scope "
    "not_allowed_token_type team_access_not_granted accesslimited access_denied".split()
)
"""Nothing can be posted until an administrator mends the installation."""

INVALID_CONTENT = frozenset(
    "msg_too_long msg_blocks_too_long too_many_attachments invalid_blocks invalid_blocks_format invalid_arguments "
    "metadata_too_large invalid_metadata_format invalid_metadata_schema no_text".split()
)
"""Slack does not accept what we drew: the same goes out as plain text."""

TEMPORARY_ERRORS = frozenset({RECIPIENT_UNVERIFIED}) | frozenset(
    "request_timeout service_unavailable team_added_to_org org_login_required".split()
)

RATE_LIMITED = queue.RATE_LIMITED

MAYBE_POSTED = frozenset("internal_error fatal_error".split())

THREAD_UNAVAILABLE = frozenset("thread_not_found cannot_reply_to_message".split())
"""The thread does not take it: it goes to the channel itself."""

LOOKUP_FORBIDDEN = frozenset("missing_scope not_allowed_token_type access_denied".split())
"""A look-up will not work until somebody changes the installation: there is nothing to wait for."""


def to_post_result(error: SlackApiError) -> PostResult:
    """Return how an attempt ended that Slack answered with an error."""
    response = error.response
    status = getattr(response, "status_code", None) or getattr(response, "status", 0)
    data = getattr(response, "data", None)
    word = data.get("error") if isinstance(data, dict) else None
    pause = parse_retry_after(header_values(response, "Retry-After"), now=time.time())
    if status == 429:  # noqa: PLR2004
        return PostResult(error="ratelimited", retry_after=pause)
    if not isinstance(word, str):
        return PostResult(error=f"http_{status}", maybe_posted=True)
    if isinstance(data, dict) and word in ("missing_scope", "invalid_blocks"):
        log.warning("slack.refused", error=word, needed=data.get("needed"), why=_why(data))
    return PostResult(error=word, retry_after=pause)


def header_values(response: Any, name: str) -> list[object]:
    """Return every value of a header; the SDK hands on aiohttp's headers, which may hold one name several times."""
    headers = getattr(response, "headers", None)
    items = headers.items() if isinstance(headers, Mapping) else ()
    return [value for key, value in items if str(key).casefold() == name.casefold()]


def _why(data: Any) -> Any:
    metadata = data.get("response_metadata") if isinstance(data, dict) else None
    return metadata.get("messages") if isinstance(metadata, dict) else None
