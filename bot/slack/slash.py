"""A typed command, as Slack sends it."""

from typing import Any

from bot.commands.command import Asker, Command
from bot.commands.parse import parse
from bot.slack.gateway import Door

COMMAND = "/ftjob"


def door_of(body: dict[str, Any]) -> Door:
    """Return where the command was typed."""
    return Door(body["channel_id"], body["user_id"], body.get("response_url"))


def asker_of(body: dict[str, Any]) -> Asker:
    """Return who typed it."""
    return Asker(body["user_id"], body["channel_id"], body.get("team_id", ""))


def command_of(body: dict[str, Any]) -> Command:
    """Return what was typed.

    Raises:
        UserError: it is no command.
    """
    return parse(body.get("text") or "", asker_of(body))
