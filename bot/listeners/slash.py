"""Slash commands, as Slack sends them."""

from typing import Any

from bot.commands.command import Command, Requester
from bot.commands.registry import parse
from bot.jobs.ids import JobPages
from bot.listeners.replies.responder import ReplyTarget

COMMAND = "/ftjob"


def reply_target_of(body: dict[str, Any]) -> ReplyTarget | None:
    """Return where the reply goes, or None where the body does not say where the command was typed."""
    return ReplyTarget.of(requester_of(body), body.get("response_url"))


def requester_of(body: dict[str, Any]) -> Requester | None:
    """Return who typed it, or None where the body does not say; without a team it is nobody of ours."""
    match body:
        case {"user_id": str(person), "channel_id": str(channel)} if person and channel:
            team, name = (
                each if isinstance(each, str) else "" for each in (body.get("team_id"), body.get("channel_name"))
            )
            return Requester(person, channel, team, name)
    return None


def command_of(body: dict[str, Any], job_pages: JobPages | None = None) -> Command | None:
    """Return what was typed, or None where the body does not say by whom; ``job_pages`` are those of the accounts.

    Raises:
        UserError: it is no command.
    """
    requester, text = requester_of(body), body.get("text")
    return parse(text if isinstance(text, str) else "", requester, job_pages) if requester else None
