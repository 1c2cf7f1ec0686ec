"""Pressed buttons and chosen options, as Slack sends them. A value is the id of a job and maybe its account, the id of a delivery or a subscription, or a pending action's key.

None of them is trusted unchecked.
"""

import re
from dataclasses import replace
from typing import Any

from bot.blocks import job
from bot.blocks.action_confirmation import CONFIRM, DISMISS
from bot.blocks.channel_settings import CHANGE_SETTING
from bot.blocks.create import CREATE
from bot.blocks.interactive import SHOW_PAGE
from bot.blocks.job import CANCEL, DETAILS, PAUSE, REFRESH, RESUME, RETRY_JOB, SHOW, TRACK, UNTRACK
from bot.blocks.mute import EVERY_JOB, UNMUTE
from bot.blocks.outbox import ALL_MESSAGES, RETRY, RETRY_ALL
from bot.blocks.subscriptions import UNSUBSCRIBE
from bot.commands import settings
from bot.commands.actions import CancelCommand, PauseCommand, ResumeCommand
from bot.commands.audit import AuditCommand
from bot.commands.checkpoints import CheckpointsCommand
from bot.commands.command import Command, Requester
from bot.commands.confirm import ConfirmCommand
from bot.commands.create import CreateCommand
from bot.commands.dismiss import DismissCommand
from bot.commands.events import EventsCommand
from bot.commands.filters import is_account_name
from bot.commands.list import ListCommand
from bot.commands.models import ModelsCommand
from bot.commands.outbox import RetryCommand
from bot.commands.registry import parse
from bot.commands.status import DetailsCommand, StatusCommand
from bot.commands.track import TrackCommand
from bot.commands.tracked import TrackedCommand
from bot.commands.unmute import UnmuteCommand
from bot.commands.unsubscribe import UnsubscribeCommand
from bot.commands.untrack import UntrackCommand
from bot.errors import UserError
from bot.jobs.ids import is_valid_id
from bot.listeners.replies.responder import ReplyTarget

_OF_JOB: dict[str, type[Command]] = {
    SHOW: StatusCommand,
    TRACK: TrackCommand,
    UNTRACK: UntrackCommand,
    DETAILS: DetailsCommand,
    CANCEL: CancelCommand,
    PAUSE: PauseCommand,
    RESUME: ResumeCommand,
    RETRY_JOB: CreateCommand,
}
"""The commands of buttons whose value is a job's."""
_PAGED = (ListCommand, EventsCommand, CheckpointsCommand, AuditCommand, TrackedCommand, ModelsCommand)
_ROW_ID = re.compile(r"[0-9]{1,18}")


def reply_target_of(body: dict[str, Any]) -> ReplyTarget | None:
    """Return where the reply goes, or None where the body does not say where the button was pressed."""
    return ReplyTarget.of(requester_of(body), body.get("response_url"))


def requester_of(body: dict[str, Any], source: str = "button") -> Requester | None:
    """Return who pressed it, or None where the body does not say."""
    match body:
        case {"user": {"id": str(person)}, "channel": {"id": str(channel), **more}}:
            name = more.get("name")
            return Requester(person, channel, team_of(body), name if isinstance(name, str) else "", source)
    return None


def team_of(body: dict[str, Any]) -> str:
    """Return the team that an interaction names beside the user, for the audit: it decides nothing."""
    match body:
        case {"user": {"team_id": str(team)}} if team:
            return team
        case {"team": {"id": str(team)}}:
            return team
    return ""


def command_of(body: dict[str, Any]) -> Command | None:
    """Return the command of a button or a menu, or None if it isn't ours or only opens a page."""
    requester, pressed = requester_of(body), _pressed(body.get("actions"))
    if requester is None or pressed is None:
        return None
    return _command(*pressed, requester, is_private=is_ephemeral(body))


def _pressed(actions: Any) -> tuple[str, str] | None:
    """Return the action id and the value of a button, or of what was chosen from a menu."""
    match actions:
        case [{"action_id": job.MENU, "selected_option": {"value": str(option)}}]:
            action_id, _, value = option.partition(" ")
            return action_id, value
        case [{"action_id": str(action_id), "selected_option": {"value": str(value)}}]:
            return action_id, value
        case [{"action_id": str(action_id), "value": str(value)}]:
            return action_id, value
    return None


def _command(action_id: str, value: str, requester: Requester, *, is_private: bool) -> Command | None:
    action = action_id.split(":", 1)[0]
    if action_id == SHOW_PAGE:
        return _page(value, requester, is_private=is_private)
    if action_id == CONFIRM:
        return ConfirmCommand(requester, key=value)
    if action_id == DISMISS:
        return DismissCommand(requester)
    if action_id == CREATE:
        return CreateCommand(requester)
    if action_id == RETRY_ALL and value == ALL_MESSAGES:
        return RetryCommand(requester, replaces=is_private)
    if action == CHANGE_SETTING:
        return _setting(value, requester, is_private=is_private)
    if action == RETRY and _ROW_ID.fullmatch(value):
        return RetryCommand(requester, delivery=int(value), replaces=is_private)
    if action == UNSUBSCRIBE and _ROW_ID.fullmatch(value):
        return UnsubscribeCommand(requester, subscription_id=int(value))
    if action == UNMUTE and value == EVERY_JOB:
        return UnmuteCommand(requester, replaces=not is_private)
    return _of_job(action, value, requester, is_private=is_private)


def _of_job(action: str, value: str, requester: Requester, *, is_private: bool) -> Command | None:
    job_id, _, account_name = value.partition(" ")
    if not is_valid_id(job_id) or (account_name and not is_account_name(account_name)):
        return None
    account = account_name or None
    if action == REFRESH:
        return StatusCommand(requester, (job_id,), account, fresh=True, replaces=is_private)
    if action == UNMUTE:
        # A message about a mute that has ended needs no button that ends it.
        return UnmuteCommand(requester, (job_id,), account, replaces=not is_private)
    command = _OF_JOB.get(action)
    return command(requester, (job_id,), account) if command else None


def _setting(value: str, requester: Requester, *, is_private: bool) -> Command | None:
    """Return the command that a button of a setting carries."""
    try:
        return replace(settings.parse(value.split(), requester), replaces=is_private)
    except UserError:
        return None


def _page(value: str, requester: Requester, *, is_private: bool) -> Command | None:
    """Return the command that a paging button carries: it lists something, and changes nothing."""
    try:
        command = parse(value, requester)
    except UserError:
        return None
    if not isinstance(command, _PAGED):
        return None
    return replace(command, replaces=is_private)


def is_ephemeral(body: dict[str, Any]) -> bool:
    """Whether the button's message is seen by one person alone, so that the reply may replace it."""
    match body:
        case {"container": {"is_ephemeral": True}}:
            return True
    return False
