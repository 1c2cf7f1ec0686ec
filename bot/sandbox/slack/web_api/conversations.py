"""``conversations.*``: channels, members and messages."""

import base64
import binascii
from typing import Any

from bot.sandbox.slack.messages import ChannelMessage
from bot.sandbox.slack.web_api.json_objects import channel_json, thread_json
from bot.sandbox.slack.web_api.method import MethodCall, method
from bot.sandbox.slack.workspace import Channel, WebApiError

PAGING = "cursor inclusive include_all_metadata latest limit oldest"
DEFAULT_LIMIT = 100
MAX_LIMIT = 999


@method("conversations.info", required="channel", optional="include_locale include_num_members")
def info(call: MethodCall) -> dict[str, Any]:
    """Return one channel."""
    channel = call.channel()
    call.require_scope(f"{_scope_prefix(channel)}:read")
    body = channel_json(channel)
    if call.is_true("include_num_members"):
        body["num_members"] = len(channel.members)
    return {"channel": body}


@method("conversations.members", required="channel", optional="cursor limit")
def members(call: MethodCall) -> dict[str, Any]:
    """Return a channel's members."""
    channel = call.channel()
    call.require_scope(f"{_scope_prefix(channel)}:read")
    user_ids = list(channel.members)
    start = _cursor(call) or "0"
    limit = call.int_argument("limit", DEFAULT_LIMIT, MAX_LIMIT)
    end = int(float(start)) + limit
    next_cursor = _encode_cursor(str(end)) if end < len(user_ids) else ""
    return {
        "members": user_ids[int(float(start)) : end],
        "response_metadata": {"next_cursor": next_cursor},
    }


@method("conversations.open", optional="channel users return_im prevent_creation", scope="im:write")
def open_(call: MethodCall) -> dict[str, Any]:
    """Open the direct message channel with one user."""
    users = str(call.arguments.get("users") or "")
    if not users and not call.arguments.get("channel"):
        raise WebApiError("users_list_not_supplied")
    if not users:
        return {"channel": {"id": call.channel().id}}
    user = call.workspace.users.get(users)
    if user is None:
        raise WebApiError("user_not_found")
    if user.is_bot:
        raise WebApiError("cannot_dm_bot")
    if user.deleted:
        raise WebApiError("user_disabled")
    return {"channel": {"id": call.workspace.direct_message(users).id}}


@method("conversations.history", required="channel", optional=PAGING)
def history(call: MethodCall) -> dict[str, Any]:
    """Return a channel's messages, newest first, without thread replies that were not broadcast."""
    channel = _readable_channel(call)
    visible = [m for m in channel.messages if m.thread_ts in {None, m.ts} or m.reply_broadcast]
    return _page(call, channel, visible[::-1], newest_first=True)


@method("conversations.replies", required="channel ts", optional=PAGING)
def replies(call: MethodCall) -> dict[str, Any]:
    """Return a thread, beginning with its root message."""
    channel = _readable_channel(call)
    root = channel.message(str(call.arguments["ts"]))
    if root is None:
        raise WebApiError("thread_not_found")
    thread = [root, *channel.thread_replies(root.ts)]
    return _page(call, channel, thread, newest_first=False)


def _page(call: MethodCall, channel: Channel, messages: list[ChannelMessage], *, newest_first: bool) -> dict[str, Any]:
    """Return one page of the messages within the bounds."""
    matching = [message for message in messages if _is_within(call, message.ts)]
    if cursor := _cursor(call):
        matching = [m for m in matching if (m.ts < cursor if newest_first else m.ts > cursor)]
    limit = call.int_argument("limit", DEFAULT_LIMIT, MAX_LIMIT)
    page, more = matching[:limit], len(matching) > limit
    metadata = call.is_true("include_all_metadata")
    objects = [thread_json(message, channel, with_metadata=metadata) for message in page]
    response: dict[str, Any] = {"messages": objects, "has_more": more, "pin_count": 0}
    if more:
        response["response_metadata"] = {"next_cursor": _encode_cursor(page[-1].ts)}
    return response


def _is_within(call: MethodCall, ts: str) -> bool:
    time = float(ts)
    oldest, latest = _bound(call, "oldest"), _bound(call, "latest")
    if call.is_true("inclusive"):
        return (oldest is None or time >= oldest) and (latest is None or time <= latest)
    return (oldest is None or time > oldest) and (latest is None or time < latest)


def _bound(call: MethodCall, name: str) -> float | None:
    try:
        return float(call.arguments[name]) if call.arguments.get(name) else None
    except ValueError:
        raise WebApiError(f"invalid_ts_{name}") from None


def _cursor(call: MethodCall) -> str:
    try:
        return base64.b64decode(str(call.arguments.get("cursor") or "").encode(), validate=True).decode()
    except (binascii.Error, UnicodeDecodeError):
        raise WebApiError("invalid_cursor") from None


def _encode_cursor(cursor: str) -> str:
    return base64.b64encode(cursor.encode()).decode()


def _readable_channel(call: MethodCall) -> Channel:
    channel = call.channel()
    call.require_scope(f"{_scope_prefix(channel)}:history")
    if not channel.bot_is_member:
        raise WebApiError("not_in_channel")
    return channel


def _scope_prefix(channel: Channel) -> str:
    """Return the prefix of the scopes that a channel requires."""
    if channel.is_im:
        return "im"
    return "groups" if channel.is_private else "channels"
