"""A message shortcut, as Slack sends it: it works where commands do not, as in threads."""

import json
from typing import Any

from bot.commands.command import Command, Verb
from bot.commands.parse import MOST_IDS
from bot.errors import UserError
from bot.jobs.ids import job_ids_in
from bot.slack.buttons import asker_of

TRACK_FROM_MESSAGE = "ftjob_track_from_message"

NO_JOB = (
    "There is no job id in that message: one looks like `ftjob-abc123`. `/ftjob list` shows the newest jobs, and "
    "`/ftjob track` follows one by its id."
)


def command_of(body: dict[str, Any]) -> Command | None:
    """Return what a shortcut asks for, or None where it is none of ours: to track the jobs that a message names.

    Raises:
        UserError: the message names none.
    """
    asker = asker_of(body)
    match body:
        case {"type": "message_action", "callback_id": callback, "message": dict(message)} if asker:
            if callback != TRACK_FROM_MESSAGE:
                return None
            found = job_ids_in(json.dumps([message.get("text"), message.get("blocks"), message.get("attachments")]))
            if not found:
                raise UserError(NO_JOB)
            return Command(Verb.TRACK, asker, "shortcut", job_ids=tuple(found[:MOST_IDS]))
    return None
