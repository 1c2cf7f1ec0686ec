"""Payloads that Slack sends to an app."""

import re
from typing import Any

from bot.sandbox.slack.messages import ChannelMessage, EphemeralMessage, OpenView
from bot.sandbox.slack.web_api.json_objects import message_json, view_json
from bot.sandbox.slack.workspace import APP, BOT_USER, TEAM, TEAM_DOMAIN, Channel, User, Workspace

_LINKABLE = re.compile(
    r"(?P<url>https?://\S+)|(?P<mail>[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|io|ai))(?!\w)|"
    r"(?P<bare>(?<![\w.@/-])(?:[\w-]+\.)+(?:com|org|net|io|ai)(?![\w.-])(?:[/?]\S*[\w/])?)|(?P<who>[@#])(?P<name>[\w.-]+)",
    re.ASCII,
)
"""Text that Slack turns into links: URLs, with or without a scheme, mail addresses, user and channel names."""


def slash_command(user: User, channel: Channel, command: str, text: str) -> dict[str, str]:
    """Return the form of a slash command, without trigger id and response URL."""
    return {
        "team_id": TEAM,
        "team_domain": TEAM_DOMAIN,
        "channel_id": channel.id,
        "channel_name": _visible_channel_name(channel),
        "user_id": user.id,
        "user_name": user.name,
        "command": command,
        "text": text,
        "api_app_id": APP,
        "is_enterprise_install": "false",
    }


def escape_text(workspace: Workspace, text: str) -> str:
    """Return typed text as Slack escapes it for commands with ``should_escape``."""
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    user_ids = {user.name: user.id for user in workspace.users.values()}
    channels = {channel.name: channel for channel in workspace.channels.values() if not channel.is_im}

    def resolve(word: re.Match[str]) -> str:
        name = word["name"]
        if word["url"]:
            return f"<{word['url']}>"
        if word["mail"]:
            return f"<mailto:{word['mail']}|{word['mail']}>"
        if word["bare"]:
            return f"<http://{word['bare']}|{word['bare']}>"
        if word["who"] == "@" and name in user_ids:
            return f"<@{user_ids[name]}>"
        if word["who"] == "@" and name in workspace.usergroup_handles:
            return f"<!subteam^{workspace.usergroup_handles[name]}>"
        if word["who"] == "#" and name in channels:
            channel = channels[name]
            return f"<#{channel.id}|{'' if channel.is_private else channel.name}>"
        return word[0]

    return _LINKABLE.sub(resolve, safe)


def _interaction(type_: str, user: User) -> dict[str, Any]:
    # For a user of an Enterprise Grid it names one of their workspaces, not always the one where they act.
    enterprise = (user.enterprise or {}).get("enterprise_id")
    return {
        "type": type_,
        "team": {"id": TEAM, "domain": TEAM_DOMAIN, **({"enterprise_id": enterprise} if enterprise else {})},
        "user": {
            "id": user.id,
            "username": user.name,
            "name": user.name,
            "team_id": user.team_id,
        },
        "api_app_id": APP,
        "is_enterprise_install": False,
        "enterprise": {"id": enterprise} if enterprise else None,
    }


def block_action(
    user: User,
    surface: ChannelMessage | EphemeralMessage | OpenView,
    channel: Channel | None,
    action: dict[str, Any],
    values: dict[str, Any],
) -> dict[str, Any]:
    """Return the payload of a click, without trigger id and response URL."""
    payload = {**_interaction("block_actions", user), "actions": [action]}
    if isinstance(surface, OpenView):
        return payload | {
            "container": {"type": "view", "view_id": surface.id},
            "view": view_json(surface, values=values),
        }
    assert channel  # noqa: S101 - every message has a channel
    is_ephemeral = isinstance(surface, EphemeralMessage)
    container = {
        "type": "message",
        "message_ts": surface.ts,
        "channel_id": channel.id,
        "is_ephemeral": is_ephemeral,
    }
    if surface.thread_ts:
        container["thread_ts"] = surface.thread_ts
    payload |= {"container": container, "channel": _channel_json(channel), "state": {"values": values}}
    if isinstance(surface, ChannelMessage):
        payload["message"] = message_json(surface)
    return payload


def message_action(user: User, message: ChannelMessage, channel: Channel, callback_id: str) -> dict[str, Any]:
    """Return the payload of a message shortcut, without trigger id and response URL."""
    return _interaction("message_action", user) | {
        "callback_id": callback_id,
        "action_ts": message.ts,
        "message_ts": message.ts,
        "channel": _channel_json(channel),
        "message": message_json(message),
    }


def global_shortcut(user: User, callback_id: str, ts: str) -> dict[str, Any]:
    """Return the payload of a global shortcut, without trigger id."""
    return _interaction("shortcut", user) | {"callback_id": callback_id, "action_ts": ts}


def view_submission(user: User, view: OpenView, values: dict[str, Any]) -> dict[str, Any]:
    """Return the payload of a submitted modal, without trigger id."""
    return _interaction("view_submission", user) | {
        "view": view_json(view, values=values),
        "response_urls": [],
    }


def view_closed(user: User, view: OpenView, *, is_cleared: bool) -> dict[str, Any]:
    """Return the payload of a modal that was closed without submitting."""
    return _interaction("view_closed", user) | {"view": view_json(view), "is_cleared": is_cleared}


def block_suggestion(
    user: User, surface: ChannelMessage | EphemeralMessage | OpenView, element: dict[str, Any], block_id: str, text: str
) -> dict[str, Any]:
    """Return the request for the options of an external select."""
    payload = _interaction("block_suggestion", user) | {
        "action_id": element["action_id"],
        "block_id": block_id,
        "value": text,
    }
    if isinstance(surface, OpenView):
        container = {"type": "view", "view_id": surface.id}
        return payload | {"container": container, "view": view_json(surface)}
    container = {"type": "message", "message_ts": surface.ts, "channel_id": surface.channel}
    return payload | {"container": container}


def event_callback(event: dict[str, Any], event_id: str, now: float) -> dict[str, Any]:
    """Return an event in the Events API's envelope."""
    authorization = {
        "enterprise_id": None,
        "team_id": TEAM,
        "user_id": BOT_USER,
        "is_bot": True,
        "is_enterprise_install": False,
    }
    return {
        "type": "event_callback",
        "team_id": TEAM,
        "context_team_id": TEAM,
        "context_enterprise_id": None,
        "api_app_id": APP,
        "event": event,
        "event_id": event_id,
        "event_time": int(now),
        "authorizations": [authorization],
        "is_ext_shared_channel": False,
        "event_context": f"4-{event_id}",
    }


def _channel_json(channel: Channel) -> dict[str, str]:
    return {"id": channel.id, "name": _visible_channel_name(channel)}


def _visible_channel_name(channel: Channel) -> str:
    """Return a channel's name in payloads: private channels are "privategroup", except group direct messages."""
    is_plain = not channel.is_private or channel.id.startswith("D") or channel.name.startswith("mpdm-")
    return channel.name if is_plain else "privategroup"
