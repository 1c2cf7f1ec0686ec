"""A pressed button, as Slack sends it. Buttons carry the id of a job, a delivery or a subscription, or a question's key.

None of them is believed unchecked.
"""

import re
from dataclasses import replace
from typing import Any

from bot.blocks.action_confirmation import CONFIRM
from bot.blocks.create import CREATE
from bot.blocks.job import CANCEL, DETAILS, PAUSE, REFRESH, RESUME, SHOW, TRACK, UNTRACK
from bot.blocks.mute import EVERY_JOB, UNMUTE
from bot.blocks.outbox import ALL_MESSAGES, RETRY, RETRY_ALL
from bot.blocks.parts import SHOW_PAGE
from bot.blocks.subscriptions import UNSUBSCRIBE
from bot.commands.command import Command, Requester, Verb
from bot.commands.parse import parse
from bot.errors import UserError
from bot.jobs.ids import is_valid_id
from bot.listeners.replies.responder import ReplyTarget

_VERBS = {
    REFRESH: Verb.STATUS,
    SHOW: Verb.STATUS,
    TRACK: Verb.TRACK,
    UNTRACK: Verb.UNTRACK,
    DETAILS: Verb.DETAILS,
    CANCEL: Verb.CANCEL,
    PAUSE: Verb.PAUSE,
    RESUME: Verb.RESUME,
    UNMUTE: Verb.UNMUTE,
}

_PAGED = (Verb.LIST, Verb.EVENTS, Verb.CHECKPOINTS, Verb.AUDIT, Verb.TRACKED, Verb.MODELS)
_SOURCE = "button"
_NUMBER = re.compile(r"[0-9]{1,18}")
"""What fits into a row's id."""


def reply_target_of(body: dict[str, Any]) -> ReplyTarget | None:
    """Return where the button was pressed, or None where the body does not say."""
    asker, url = requester_of(body), body.get("response_url")
    return ReplyTarget(asker.channel, asker.person, url if isinstance(url, str) else None) if asker else None


def requester_of(body: dict[str, Any]) -> Requester | None:
    """Return who pressed it, or None where the body does not say."""
    match body:
        case {"user": {"id": str(person)}, "channel": {"id": str(channel), **more}}:
            name = more.get("name")
            return Requester(person, channel, team_of(body), name if isinstance(name, str) else "")
    return None


def team_of(body: dict[str, Any]) -> str:
    """Return the team that an interaction names beside the person, for the audit: it decides nothing."""
    match body:
        case {"user": {"team_id": str(team)}} if team:
            return team
        case {"team": {"id": str(team)}}:
            return team
    return ""


def command_of(body: dict[str, Any]) -> Command | None:
    """Return what a button asks for, or None where it is none of ours or only opens a page."""
    asker = requester_of(body)
    match body.get("actions"):
        case [{"action_id": str(action_id), "value": str(value)}] if asker:
            return _command(action_id, value, asker, body)
    return None


def _command(action_id: str, value: str, requester: Requester, body: dict[str, Any]) -> Command | None:
    if action_id == SHOW_PAGE:
        return _page(value, requester, body)
    if action_id == CONFIRM:
        return Command(Verb.CONFIRM, requester, _SOURCE, key=value)
    if action_id == CREATE:
        return Command(Verb.CREATE, requester, _SOURCE)
    pressed = action_id.split(":", 1)[0]
    if action_id == RETRY_ALL and value == ALL_MESSAGES:
        return Command(Verb.RETRY, requester, _SOURCE, replaces=is_ephemeral(body))
    if pressed == RETRY and _NUMBER.fullmatch(value):
        return Command(Verb.RETRY, requester, _SOURCE, delivery=int(value), replaces=is_ephemeral(body))
    if pressed == UNSUBSCRIBE and _NUMBER.fullmatch(value):
        return Command(Verb.UNSUBSCRIBE, requester, _SOURCE, subscription=int(value))
    if pressed == UNMUTE and value == EVERY_JOB:
        return Command(Verb.UNMUTE, requester, _SOURCE, everything=True, replaces=not is_ephemeral(body))
    verb = _VERBS.get(pressed)
    if verb is None or not is_valid_id(value):
        return None
    # What is muted no more needs no button that ends it.
    replaces = is_ephemeral(body) if pressed == REFRESH else pressed == UNMUTE and not is_ephemeral(body)
    return Command(verb, requester, _SOURCE, job_ids=(value,), fresh=pressed == REFRESH, replaces=replaces)


def _page(value: str, requester: Requester, body: dict[str, Any]) -> Command | None:
    """Return the command that a paging button carries: it shows what comes after, and nothing else."""
    try:
        command = parse(value, requester)
    except UserError:
        return None
    if command.verb not in _PAGED or command.after is None:
        return None
    return replace(command, door=_SOURCE, replaces=is_ephemeral(body))


def is_ephemeral(body: dict[str, Any]) -> bool:
    """Whether the button's message is seen by one person alone, so that the answer may take its place."""
    match body:
        case {"container": {"is_ephemeral": True}}:
            return True
    return False
