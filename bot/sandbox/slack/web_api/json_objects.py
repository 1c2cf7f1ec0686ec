"""JSON objects of Slack: messages, views, channels and users."""

from typing import Any

from bot.sandbox.slack.messages import ChannelMessage, OpenView, with_ids
from bot.sandbox.slack.workspace import APP, BOT, BOT_NAME, BOT_USER, TEAM, Channel, User


def message_json(message: ChannelMessage, *, with_metadata: bool = False) -> dict[str, Any]:
    """Return a message object as in the Web API and in interaction payloads."""
    body: dict[str, Any] = {"type": "message", "user": message.user, "ts": message.ts, "text": message.text}
    if message.bot_id == BOT:
        profile = {"id": BOT, "app_id": APP, "user_id": BOT_USER, "name": BOT_NAME, "team_id": TEAM}
        body |= {"bot_id": BOT, "app_id": APP, "team": TEAM, "bot_profile": profile}
    elif message.bot_id:
        body |= {"bot_id": message.bot_id, "team": TEAM}
    if message.blocks:
        body["blocks"] = with_ids(message.blocks)
    if message.attachments:
        body["attachments"] = message.attachments
    if message.files:
        body["files"] = message.files
    if message.thread_ts:
        body["thread_ts"] = message.thread_ts
    if message.reply_broadcast:
        body["subtype"] = "thread_broadcast"
    if message.earlier_versions:
        body["edited"] = {"user": message.user, "ts": message.ts}
    if with_metadata and message.metadata:
        body["metadata"] = message.metadata
    return body


def thread_json(message: ChannelMessage, channel: Channel, *, with_metadata: bool = False) -> dict[str, Any]:
    """Return a message object with its thread's fields."""
    body = message_json(message, with_metadata=with_metadata)
    if replies := channel.thread_replies(message.ts):
        body |= {
            "thread_ts": message.ts,
            "reply_count": len(replies),
            "reply_users": list(dict.fromkeys(reply.user for reply in replies)),
            "latest_reply": replies[-1].ts,
        }
    return body


def view_json(view: OpenView, *, values: dict[str, Any] | None = None) -> dict[str, Any]:
    """Return a view object: the app's view and the fields that Slack adds."""
    defaults = {"private_metadata": "", "callback_id": "", "external_id": "", "close": None, "submit": None}
    return {
        "id": view.id,
        "team_id": TEAM,
        "clear_on_close": False,
        "notify_on_close": False,
        **defaults,
        **view.body,
        "blocks": with_ids(view.blocks),
        "state": {"values": values or {}},
        "hash": view.hash,
        "previous_view_id": view.previous_id,
        "root_view_id": view.root_id,
        "app_id": APP,
        "app_installed_team_id": TEAM,
        "bot_id": BOT,
    }


def channel_json(channel: Channel) -> dict[str, Any]:
    """Return a channel object."""
    if channel.is_im:
        return {
            "id": channel.id,
            "is_im": True,
            "user": channel.user,
            "is_archived": False,
            "is_open": True,
        }
    return {
        "id": channel.id,
        "name": channel.name,
        "name_normalized": channel.name,
        "is_channel": not channel.is_private,
        "is_group": channel.is_private,
        "is_im": False,
        "is_mpim": False,
        "is_private": channel.is_private,
        "is_archived": channel.is_archived,
        "is_general": False,
        "is_shared": channel.is_ext_shared,
        "is_ext_shared": channel.is_ext_shared,
        "is_org_shared": False,
        "is_member": channel.bot_is_member,
        "context_team_id": TEAM,
    }


def user_json(user: User) -> dict[str, Any]:
    """Return a user object with its role flags; Slack leaves most of them out for a deactivated user."""
    body: dict[str, Any] = {
        "id": user.id,
        "team_id": user.team_id,
        "name": user.name,
        "real_name": user.name,
        "profile": {"display_name": user.name, "real_name": user.name},
        "is_bot": user.is_bot,
        "is_app_user": False,
        "deleted": user.deleted,
        "is_stranger": user.team_id != TEAM and user.enterprise is None,
    }
    if user.enterprise is not None:
        body["enterprise_user"] = user.enterprise
    if user.deleted:
        return body
    return body | {
        "tz": "Etc/UTC",
        "tz_offset": 0,
        "is_admin": user.is_admin,
        "is_owner": user.is_owner,
        "is_primary_owner": user.is_primary_owner,
        "is_restricted": user.is_restricted,
        "is_ultra_restricted": user.is_ultra_restricted,
        **({"is_invited_user": True} if user.is_invited_user else {}),
    }
