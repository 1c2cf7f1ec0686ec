"""Submitted forms, as Slack sends them. Pure; nothing in them is trusted unchecked."""

import re
from typing import Any

from bot.blocks.create import CREATE, CREATING
from bot.commands.command import Requester
from bot.commands.confirm import ConfirmCommand
from bot.commands.create_form import InvalidFields, read_job_request
from bot.listeners.buttons import team_of
from bot.listeners.replies.responder import ReplyTarget

_PRIVATE_METADATA = re.compile(r"(?P<key>[A-Za-z0-9_-]{1,100}) (?P<channel>[CDG][A-Z0-9]{1,30})", re.ASCII)


def reply_target_of(body: dict[str, Any]) -> ReplyTarget | None:
    """Return where the reply goes, or None where the body does not say."""
    match body:
        case {"user": {"id": str(person)}, "view": {"id": str(view_id)}}:
            return ReplyTarget(_private_metadata(body)[1] or person, person, None, view_id)
    return None


def command_of(body: dict[str, Any]) -> ConfirmCommand | None:
    """Return the command of a form, or None where it is none of ours.

    Raises:
        InvalidFields: some fields are invalid.
    """
    match body:
        case {
            "user": {"id": str()},
            "view": {"callback_id": str(callback_id), "state": {"values": dict(state)}},
        }:
            if callback_id != CREATE:
                return None
            key, channel = _private_metadata(body)
            requester = Requester(body["user"]["id"], channel, team_of(body), source="modal")
            return ConfirmCommand(requester, key=key, job_request=read_job_request(_values(state)))
    return None


def acknowledgement(body: dict[str, Any]) -> dict[str, Any]:
    """Return the immediate response to a form: the errors of its fields, or that the work has started."""
    try:
        command = command_of(body)
    except InvalidFields as invalid:
        return {"response_action": "errors", "errors": invalid.errors}
    return {"response_action": "update", "view": CREATING.payload()} if command else {}


def _private_metadata(body: dict[str, Any]) -> tuple[str, str]:
    """Return the key and the channel that came back with a form, empty where something else did."""
    text = body["view"].get("private_metadata")
    found = _PRIVATE_METADATA.fullmatch(text) if isinstance(text, str) else None
    return (found["key"], found["channel"]) if found else ("", "")


def _values(state: dict[str, Any]) -> dict[str, str]:
    """Return the value of each field."""
    found = {}
    for block_id, elements in state.items():
        for element in elements.values() if isinstance(elements, dict) else ():
            match element:
                case {"selected_option": {"value": str(value)}} | {"value": str(value)}:
                    found[block_id] = value
    return found
