"""A form that was handed in, as Slack sends it. Pure; nothing in it is believed unchecked."""

import re
from typing import Any

from bot.blocks.create import CREATE, CREATING
from bot.commands.command import Asker, Command, Verb
from bot.commands.create_form import WrongFields, read_creation
from bot.listeners.buttons import team_of
from bot.listeners.replies.responder import Door

_DOOR = "modal"
_PRIVATE = re.compile(r"(?P<key>[A-Za-z0-9_-]{1,100}) (?P<channel>[CDG][A-Z0-9]{1,30})", re.ASCII)


def door_of(body: dict[str, Any]) -> Door | None:
    """Return where the answer belongs, or None where the body does not say."""
    match body:
        case {"user": {"id": str(person)}, "view": {"id": str(view_id)}}:
            return Door(_private(body)[1] or person, person, None, view_id)
    return None


def command_of(body: dict[str, Any]) -> Command | None:
    """Return what a form asks for, or None where it is none of ours.

    Raises:
        WrongFields: some fields do not fit.
    """
    match body:
        case {
            "user": {"id": str()},
            "view": {"callback_id": str(callback), "state": {"values": dict(held)}},
        }:
            if callback != CREATE:
                return None
            key, channel = _private(body)
            asker = Asker(body["user"]["id"], channel, team_of(body))
            return Command(Verb.CONFIRM, asker, _DOOR, key=key, creation=read_creation(_values(held)))
    return None


def acknowledgement(body: dict[str, Any]) -> dict[str, Any]:
    """Return what to say to a form at once: what is wrong at its fields, or that the work has begun."""
    try:
        command = command_of(body)
    except WrongFields as wrong:
        return {"response_action": "errors", "errors": wrong.problems}
    return {"response_action": "update", "view": CREATING.body()} if command else {}


def _private(body: dict[str, Any]) -> tuple[str, str]:
    """Return the key and the channel that came back with a form, empty where something else did."""
    text = body["view"].get("private_metadata")
    found = _PRIVATE.fullmatch(text) if isinstance(text, str) else None
    return (found["key"], found["channel"]) if found else ("", "")


def _values(held: dict[str, Any]) -> dict[str, str]:
    """Return what stands in each field."""
    found = {}
    for block_id, elements in held.items():
        for element in elements.values() if isinstance(elements, dict) else ():
            match element:
                case {"selected_option": {"value": str(value)}} | {"value": str(value)}:
                    found[block_id] = value
    return found
