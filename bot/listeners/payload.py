"""What stands in a request of Slack's, whichever door it came through. Pure."""

from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl

from bot.listeners.slash import COMMAND
from bot.net.strict_json import loads

MOST_FIELDS = 100
"""Of a form; a slash command of Slack's has about fifteen."""

LONGEST_CHALLENGE = 1024
"""Bytes; Slack's are about fifty."""


@dataclass(frozen=True)
class Payload:
    """Something for the listeners."""

    body: dict[str, Any]


@dataclass(frozen=True)
class Challenge:
    """Slack tries whether the address is ours, and wants this said back."""

    text: str


@dataclass(frozen=True)
class Idle:
    """Something that asks for nothing."""

    kind: Literal["ssl_check", "interaction", "event", "envelope"]


@dataclass(frozen=True)
class Refused:
    """Something that Slack does not send."""

    status: Literal[400, 404]


Read = Payload | Challenge | Idle | Refused


def read(body: bytes, *, is_form: bool) -> Read:
    """Return what a verified body asks for; nothing that can stand in one raises."""
    try:
        text = body.decode()
        if text.startswith("\ufeff"):  # JSON refuses this mark of a byte order, but a form takes it for a letter
            return Refused(400)
        if not is_form:
            return _event(loads(text))
        fields = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MOST_FIELDS)
        form = dict(fields)
        if len(form) != len(fields) or {"payload", "command"} <= form.keys():  # it asks for two things
            return Refused(400)
        if "payload" in form:
            return _interaction(loads(form["payload"]))
    except (ValueError, RecursionError):  # what is no UTF-8, no JSON or ambiguous, and what is nested too deeply
        return Refused(400)
    return Idle("ssl_check") if form.get("ssl_check") == "1" else _typed(form)


def of_envelope(kind: str, payload: Any) -> Read:
    """Return what an envelope of Socket Mode asks for; ``kind`` is its type, which Slack vouches for."""
    match kind:
        case "interactive":
            return _interaction(payload)
        case "events_api":
            return _event(payload)
        case "slash_commands" if isinstance(payload, dict):
            return _typed(payload)
    return Idle("envelope")


def _event(envelope: Any) -> Read:
    match envelope:
        case {"type": "url_verification", "challenge": str(text)}:
            return Challenge(text) if len(text.encode(errors="replace")) <= LONGEST_CHALLENGE else Refused(400)
        case {"type": "url_verification"}:
            return Refused(400)
        case {"type": "event_callback", "event": {"type": str()}}:
            return Payload(envelope)
        case dict():
            return Idle("event")
    return Refused(400)


def _interaction(payload: Any) -> Read:
    match payload:
        case (
            {"type": "block_actions", "actions": [{"action_id": str()}]}
            | {"type": "view_submission" | "view_closed", "view": {"type": str(), "callback_id": str()}}
            | {"type": "shortcut" | "message_action", "callback_id": str()}
            | {"type": "block_suggestion", "action_id": str()}
        ):
            return Payload(payload)
        case dict():
            return Idle("interaction")
    return Refused(400)


def _typed(form: dict[str, Any]) -> Read:
    if not all(form.get(name) for name in ("command", "user_id", "team_id", "channel_id")):
        return Refused(400)
    return Payload(dict(form)) if form["command"] == COMMAND else Refused(404)
