"""Slack's error names, grouped by what they mean for a post.

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
"""Our own: the token may not read whether the channel is shared, and shared channels get no messages."""

RECIPIENT_UNVERIFIED = "cannot_ask_who_that_is"
"""Our own: a direct message to a user whose access cannot be checked now; retried later."""

CHANNEL_CLOSED = frozenset({SHARED_CHANNEL, SHARING_UNKNOWN}) | frozenset(
    "channel_not_found is_archived not_in_channel no_permission restricted_action restricted_action_read_only_channel "
    "restricted_action_thread_only_channel restricted_action_non_threadable_channel messages_tab_disabled "
    "ekm_access_denied slack_connect_file_link_sharing_blocked user_not_found "
    "slack_connect_canvas_sharing_blocked".split()
)
"""The channel accepts no messages until someone changes its settings or invites the bot."""

AUTH_ERRORS = frozenset(
    "token_revoked account_inactive invalid_auth not_authed token_expired app_uninstalled missing_scope "
    "not_allowed_token_type team_access_not_granted accesslimited access_denied".split()
)
"""The token is rejected until an admin repairs the installation."""

INVALID_CONTENT = frozenset(
    "msg_too_long msg_blocks_too_long too_many_attachments invalid_blocks invalid_blocks_format invalid_arguments "
    "metadata_too_large invalid_metadata_format invalid_metadata_schema no_text".split()
)
"""Slack rejects the content; it is retried once as plain text."""

TEMPORARY_ERRORS = frozenset({RECIPIENT_UNVERIFIED}) | frozenset(
    "request_timeout service_unavailable team_added_to_org org_login_required".split()
)
"""Not posted; a retry may work."""

RATE_LIMITED = queue.RATE_LIMITED

MAYBE_POSTED = frozenset("internal_error fatal_error".split())
"""The message may have been posted anyway."""

THREAD_UNAVAILABLE = frozenset("thread_not_found cannot_reply_to_message".split())
"""The thread accepts no reply; the message goes to the channel instead."""

LOOKUP_FORBIDDEN = frozenset("missing_scope not_allowed_token_type access_denied".split())
"""Lookups fail until an admin changes the installation: waiting does not help."""


def is_unconfirmed(result: PostResult) -> bool:
    """Whether Slack may have posted a message without confirming it."""
    return result.maybe_posted or result.error in MAYBE_POSTED


def to_post_result(error: SlackApiError) -> PostResult:
    """Return the result of a post that Slack answered with an error."""
    response = error.response
    status = getattr(response, "status_code", None) or getattr(response, "status", 0)
    data = getattr(response, "data", None)
    name = data.get("error") if isinstance(data, dict) else None
    pause = parse_retry_after(header_values(response, "Retry-After"), now=time.time())
    if status == 429:  # noqa: PLR2004
        return PostResult(error="ratelimited", retry_after=pause)
    if not isinstance(name, str):
        return PostResult(error=f"http_{status}", maybe_posted=True)
    if isinstance(data, dict) and name in ("missing_scope", "invalid_blocks"):
        log.warning("slack.api_error", error=name, needed=data.get("needed"), why=_details(data))
    return PostResult(error=name, retry_after=pause)


def header_values(response: Any, name: str) -> list[object]:
    """Return every value of a header: the SDK passes on aiohttp's headers, which may repeat a name."""
    headers = getattr(response, "headers", None)
    items = headers.items() if isinstance(headers, Mapping) else ()
    return [value for key, value in items if str(key).casefold() == name.casefold()]


def _details(data: Any) -> Any:
    metadata = data.get("response_metadata") if isinstance(data, dict) else None
    return metadata.get("messages") if isinstance(metadata, dict) else None
