"""Parser of Slack request bodies, over HTTP and over Socket Mode. Pure."""

from dataclasses import dataclass
from typing import Any, Literal
from urllib.parse import parse_qsl

from bot.listeners.slash import COMMAND
from bot.net.strict_json import loads

MAX_FIELDS = 100
"""Form fields of one request; a slash command has about fifteen."""

MAX_CHALLENGE_BYTES = 1024
"""Largest ``url_verification`` challenge; Slack's have about fifty bytes."""


@dataclass(frozen=True)
class Payload:
    """A payload for Bolt."""

    body: dict[str, Any]


@dataclass(frozen=True)
class Challenge:
    """A ``url_verification`` request: Slack expects this text back."""

    text: str


@dataclass(frozen=True)
class Ignored:
    """A valid request that needs no action."""

    kind: Literal["ssl_check", "interaction", "event", "envelope"]


@dataclass(frozen=True)
class Rejected:
    """A malformed request, which Slack does not send."""

    status: Literal[400, 404]


ParsedRequest = Payload | Challenge | Ignored | Rejected


def parse_request(body: bytes, *, is_form: bool) -> ParsedRequest:
    """Parse a verified HTTP body. Never raises."""
    try:
        text = body.decode()
        if text.startswith("\ufeff"):  # a byte order mark: JSON rejects it, a form would keep it
            return Rejected(400)
        if not is_form:
            return _event(loads(text))
        fields = parse_qsl(text, keep_blank_values=True, errors="strict", max_num_fields=MAX_FIELDS)
        form = dict(fields)
        if len(form) != len(fields) or {"payload", "command"} <= form.keys():  # ambiguous
            return Rejected(400)
        if "payload" in form:
            return _interaction(loads(form["payload"]))
    except (ValueError, RecursionError):  # not UTF-8, not JSON, ambiguous, or nested too deeply
        return Rejected(400)
    return Ignored("ssl_check") if form.get("ssl_check") == "1" else _slash_command(form)


def parse_envelope(kind: str, payload: Any) -> ParsedRequest:
    """Parse a Socket Mode envelope; ``kind`` is its type, as Slack states it."""
    match kind:
        case "interactive":
            return _interaction(payload)
        case "events_api":
            return _event(payload)
        case "slash_commands" if isinstance(payload, dict):
            return _slash_command(payload)
    return Ignored("envelope")


def _event(envelope: Any) -> ParsedRequest:
    match envelope:
        case {"type": "url_verification", "challenge": str(text)}:
            return Challenge(text) if len(text.encode(errors="replace")) <= MAX_CHALLENGE_BYTES else Rejected(400)
        case {"type": "url_verification"}:
            return Rejected(400)
        case {"type": "event_callback", "event": {"type": str()}}:
            return Payload(envelope)
        case dict():
            return Ignored("event")
    return Rejected(400)


def _interaction(payload: Any) -> ParsedRequest:
    match payload:
        case (
            {"type": "block_actions", "actions": [{"action_id": str()}]}
            | {"type": "view_submission" | "view_closed", "view": {"type": str(), "callback_id": str()}}
            | {"type": "shortcut" | "message_action", "callback_id": str()}
            | {"type": "block_suggestion", "action_id": str()}
        ):
            return Payload(payload)
        case dict():
            return Ignored("interaction")
    return Rejected(400)


def _slash_command(form: dict[str, Any]) -> ParsedRequest:
    if not all(form.get(name) for name in ("command", "user_id", "team_id", "channel_id")):
        return Rejected(400)
    return Payload(dict(form)) if form["command"] == COMMAND else Rejected(404)
