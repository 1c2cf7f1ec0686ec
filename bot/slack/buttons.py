"""A pressed button, as Slack sends it. Buttons carry a job's id or a question's key; neither is believed unchecked."""

from typing import Any

from bot.blocks.answers import CONFIRM_CANCEL
from bot.blocks.job import CANCEL, REFRESH, TRACK, UNTRACK
from bot.commands.command import Asker, Command, Verb
from bot.jobs.ids import is_job_id
from bot.slack.gateway import Door

_VERBS = {REFRESH: Verb.STATUS, TRACK: Verb.TRACK, UNTRACK: Verb.UNTRACK, CANCEL: Verb.CANCEL}


def door_of(body: dict[str, Any]) -> Door:
    """Return where the button was pressed."""
    return Door(body["channel"]["id"], body["user"]["id"], body.get("response_url"))


def asker_of(body: dict[str, Any]) -> Asker:
    """Return who pressed it; a person from another workspace brings their own team."""
    team = body["user"].get("team_id") or (body.get("team") or {}).get("id") or ""
    return Asker(body["user"]["id"], body["channel"]["id"], team)


def command_of(body: dict[str, Any]) -> Command | None:
    """Return what a button asks for, or None where it is none of ours or only opens a page."""
    actions = body.get("actions")
    if not isinstance(actions, list) or len(actions) != 1 or not isinstance(actions[0], dict):
        return None
    action_id, value = str(actions[0].get("action_id", "")), str(actions[0].get("value", ""))
    asker = asker_of(body)
    if action_id == CONFIRM_CANCEL:
        return Command(Verb.CONFIRM_CANCEL, asker, key=value)
    verb = _VERBS.get(action_id.split(":", 1)[0])
    if verb is None or not is_job_id(value):
        return None
    return Command(verb, asker, job_ids=(value,), replaces=verb is Verb.STATUS and _is_ephemeral(body))


def _is_ephemeral(body: dict[str, Any]) -> bool:
    """Whether the button's message is seen by one person alone, so that the answer may take its place."""
    return bool((body.get("container") or {}).get("is_ephemeral"))
