"""How Slack writes its objects down: messages, views, channels and people as JSON."""

from typing import Any

from bot.sandbox.slack.messages import ChannelMessage, OpenView, with_ids
from bot.sandbox.slack.workspace import APP, BOT, BOT_NAME, BOT_USER, TEAM, Channel, User


def message_json(message: ChannelMessage, *, with_metadata: bool = False) -> dict[str, Any]:
    """Write a message as the Web API and interactions show it."""
    shape: dict[str, Any] = {"type": "message", "user": message.user, "ts": message.ts, "text": message.text}
    if message.bot_id == BOT:
        profile = {"id": BOT, "app_id": APP, "user_id": BOT_USER, "name": BOT_NAME, "team_id": TEAM}
        shape |= {"bot_id": BOT, "app_id": APP, "team": TEAM, "bot_profile": profile}
    elif message.bot_id:
        shape |= {"bot_id": message.bot_id, "team": TEAM}
    if message.blocks:
        shape["blocks"] = with_ids(message.blocks)
    if message.attachments:
        shape["attachments"] = message.attachments
    if message.files:
        shape["files"] = message.files
    if message.thread_ts:
        shape["thread_ts"] = message.thread_ts
    if message.reply_broadcast:
        shape["subtype"] = "thread_broadcast"
    if message.earlier_versions:
        shape["edited"] = {"user": message.user, "ts": message.ts}
    if with_metadata and message.metadata:
        shape["metadata"] = message.metadata
    return shape


def thread_json(message: ChannelMessage, channel: Channel, *, with_metadata: bool = False) -> dict[str, Any]:
    """Write a message with what its thread adds to it."""
    shape = message_json(message, with_metadata=with_metadata)
    if replies := channel.thread_replies(message.ts):
        shape |= {
            "thread_ts": message.ts,
            "reply_count": len(replies),
            "reply_users": list(dict.fromkeys(reply.user for reply in replies)),
            "latest_reply": replies[-1].ts,
        }
    return shape


def view_json(view: OpenView, *, values: dict[str, Any] | None = None) -> dict[str, Any]:
    """Write a view as Slack does: what the app sent, and what Slack adds."""
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
    """Write a channel."""
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


def user_json(person: User) -> dict[str, Any]:
    """Write a person with the flags that say what they may do; of one who was deactivated Slack says little more."""
    shape: dict[str, Any] = {
        "id": person.id,
        "team_id": person.team_id,
        "name": person.name,
        "real_name": person.name,
        "profile": {"display_name": person.name, "real_name": person.name},
        "is_bot": person.is_bot,
        "is_app_user": False,
        "deleted": person.deleted,
        "is_stranger": person.team_id != TEAM and person.enterprise is None,
    }
    if person.enterprise is not None:
        shape["enterprise_user"] = person.enterprise
    if person.deleted:
        return shape
    return shape | {
        "tz": "Etc/UTC",
        "tz_offset": 0,
        "is_admin": person.is_admin,
        "is_owner": person.is_owner,
        "is_primary_owner": person.is_primary_owner,
        "is_restricted": person.is_restricted,
        "is_ultra_restricted": person.is_ultra_restricted,
        **({"is_invited_user": True} if person.is_invited_user else {}),
    }
