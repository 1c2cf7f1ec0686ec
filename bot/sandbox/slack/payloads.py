"""What Slack sends to an app, field by field."""

import re
from typing import Any

from bot.sandbox.slack.messages import ChannelMessage, EphemeralMessage, OpenView
from bot.sandbox.slack.web_api.shapes import message_json, view_json
from bot.sandbox.slack.workspace import APP, BOT_USER, TEAM, TEAM_DOMAIN, Channel, User, Workspace

_WORD = re.compile(
    r"(?P<url>https?://\S+)|(?P<mail>[\w.+-]+@[\w-]+(?:\.[\w-]+)*\.(?:com|org|net|io|ai))(?!\w)|"
    r"(?P<bare>(?<![\w.@/-])(?:[\w-]+\.)+(?:com|org|net|io|ai)(?![\w.-])(?:[/?]\S*[\w/])?)|(?P<who>[@#])(?P<name>[\w.-]+)",
    re.ASCII,
)
"""What Slack makes a link of: addresses, also without a scheme, of mail, and names of people and channels."""


def slash_command(person: User, channel: Channel, command: str, text: str) -> dict[str, str]:
    """Return the form of a slash command, without trigger and response URL."""
    return {
        "team_id": TEAM,
        "team_domain": TEAM_DOMAIN,
        "channel_id": channel.id,
        "channel_name": _name(channel),
        "user_id": person.id,
        "user_name": person.name,
        "command": command,
        "text": text,
        "api_app_id": APP,
        "is_enterprise_install": "false",
    }


def escape_text(workspace: Workspace, text: str) -> str:
    """Write typed text as Slack does where a command has ``should_escape``."""
    safe = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    people = {person.name: person.id for person in workspace.users.values()}
    channels = {channel.name: channel for channel in workspace.channels.values() if not channel.is_im}

    def resolve(word: re.Match[str]) -> str:
        name = word["name"]
        if word["url"]:
            return f"<{word['url']}>"
        if word["mail"]:
            return f"<mailto:{word['mail']}|{word['mail']}>"
        if word["bare"]:
            return f"<http://{word['bare']}|{word['bare']}>"
        if word["who"] == "@" and name in people:
            return f"<@{people[name]}>"
        if word["who"] == "@" and name in workspace.usergroup_handles:
            return f"<!subteam^{workspace.usergroup_handles[name]}>"
        if word["who"] == "#" and name in channels:
            channel = channels[name]
            return f"<#{channel.id}|{'' if channel.is_private else channel.name}>"
        return word[0]

    return _WORD.sub(resolve, safe)


def _interaction(kind: str, person: User) -> dict[str, Any]:
    # Of a person of an Enterprise Grid it names one workspace of theirs, not always the one where they act.
    enterprise = (person.enterprise or {}).get("enterprise_id")
    return {
        "type": kind,
        "team": {"id": TEAM, "domain": TEAM_DOMAIN, **({"enterprise_id": enterprise} if enterprise else {})},
        "user": {
            "id": person.id,
            "username": person.name,
            "name": person.name,
            "team_id": person.team_id,
        },
        "api_app_id": APP,
        "is_enterprise_install": False,
        "enterprise": {"id": enterprise} if enterprise else None,
    }


def block_action(
    person: User,
    where: ChannelMessage | EphemeralMessage | OpenView,
    channel: Channel | None,
    action: dict[str, Any],
    values: dict[str, Any],
) -> dict[str, Any]:
    """Return a click, without trigger and response URL."""
    payload = {**_interaction("block_actions", person), "actions": [action]}
    if isinstance(where, OpenView):
        return payload | {
            "container": {"type": "view", "view_id": where.id},
            "view": view_json(where, values=values),
        }
    assert channel  # noqa: S101 - messages stand in channels
    is_ephemeral = isinstance(where, EphemeralMessage)
    container = {
        "type": "message",
        "message_ts": where.ts,
        "channel_id": channel.id,
        "is_ephemeral": is_ephemeral,
    }
    if where.thread_ts:
        container["thread_ts"] = where.thread_ts
    payload |= {"container": container, "channel": _channel_part(channel), "state": {"values": values}}
    if isinstance(where, ChannelMessage):
        payload["message"] = message_json(where)
    return payload


def message_action(person: User, message: ChannelMessage, channel: Channel, callback_id: str) -> dict[str, Any]:
    """Return a message shortcut, without trigger and response URL."""
    return _interaction("message_action", person) | {
        "callback_id": callback_id,
        "action_ts": message.ts,
        "message_ts": message.ts,
        "channel": _channel_part(channel),
        "message": message_json(message),
    }


def global_shortcut(person: User, callback_id: str, ts: str) -> dict[str, Any]:
    """Return a shortcut from the search bar, without trigger."""
    return _interaction("shortcut", person) | {"callback_id": callback_id, "action_ts": ts}


def view_submission(person: User, view: OpenView, values: dict[str, Any]) -> dict[str, Any]:
    """Return a submitted modal, without trigger."""
    return _interaction("view_submission", person) | {
        "view": view_json(view, values=values),
        "response_urls": [],
    }


def view_closed(person: User, view: OpenView, *, is_cleared: bool) -> dict[str, Any]:
    """Return a modal that was closed without submitting."""
    return _interaction("view_closed", person) | {"view": view_json(view), "is_cleared": is_cleared}


def block_suggestion(
    person: User, where: ChannelMessage | EphemeralMessage | OpenView, element: dict[str, Any], block_id: str, text: str
) -> dict[str, Any]:
    """Return the question for the options of an external select."""
    payload = _interaction("block_suggestion", person) | {
        "action_id": element["action_id"],
        "block_id": block_id,
        "value": text,
    }
    if isinstance(where, OpenView):
        container = {"type": "view", "view_id": where.id}
        return payload | {"container": container, "view": view_json(where)}
    container = {"type": "message", "message_ts": where.ts, "channel_id": where.channel}
    return payload | {"container": container}


def event_callback(event: dict[str, Any], event_id: str, now: float) -> dict[str, Any]:
    """Return an event in its envelope."""
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


def _channel_part(channel: Channel) -> dict[str, str]:
    return {"id": channel.id, "name": _name(channel)}


def _name(channel: Channel) -> str:
    """Return what an app is told that a channel is called: messages of two or more people have names of their own."""
    is_plain = not channel.is_private or channel.id.startswith("D") or channel.name.startswith("mpdm-")
    return channel.name if is_plain else "privategroup"
