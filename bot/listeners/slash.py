"""A typed command, as Slack sends it."""

from typing import Any

from bot.commands.command import Command, Requester
from bot.commands.parse import parse
from bot.listeners.replies.responder import ReplyTarget

COMMAND = "/ftjob"


def reply_target_of(body: dict[str, Any]) -> ReplyTarget | None:
    """Return where the command was typed, or None where the body does not say."""
    asker, url = requester_of(body), body.get("response_url")
    return ReplyTarget(asker.channel, asker.person, url if isinstance(url, str) else None) if asker else None


def requester_of(body: dict[str, Any]) -> Requester | None:
    """Return who typed it, or None where the body does not say; without a team it is nobody of ours."""
    match body:
        case {"user_id": str(person), "channel_id": str(channel)} if person and channel:
            team, name = (
                each if isinstance(each, str) else "" for each in (body.get("team_id"), body.get("channel_name"))
            )
            return Requester(person, channel, team, name)
    return None


def command_of(body: dict[str, Any]) -> Command | None:
    """Return what was typed, or None where the body does not say by whom.

    Raises:
        UserError: it is no command.
    """
    asker, text = requester_of(body), body.get("text")
    return parse(text if isinstance(text, str) else "", asker) if asker else None
