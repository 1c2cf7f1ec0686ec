"""A message shortcut, as Slack sends it: it works where commands do not, as in threads."""

from collections.abc import Iterator
from typing import Any

from bot.commands.command import Command, Verb
from bot.commands.parse import MOST_IDS
from bot.errors import UserError
from bot.jobs.ids import find_job_ids
from bot.listeners.buttons import requester_of

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
    asker = requester_of(body)
    match body:
        case {"type": "message_action", "callback_id": callback, "message": dict(message)} if asker:
            if callback != TRACK_FROM_MESSAGE:
                return None
            found = find_job_ids(" ".join(_texts(message)))
            if not found:
                raise UserError(NO_JOB)
            taken, left_out = tuple(found[:MOST_IDS]), tuple(found[MOST_IDS:])
            return Command(Verb.TRACK, asker, "shortcut", job_ids=taken, left_out=left_out)
    return None


def _texts(node: Any) -> Iterator[str]:
    """Yield what a message says and where it links to: its other strings, such as names of actions, are nobody's words."""
    if isinstance(node, list):
        for item in node:
            yield from _texts(item)
    elif isinstance(node, dict):
        yield from (node[key] for key in ("text", "url", "title_link") if isinstance(node.get(key), str))
        for value in node.values():
            yield from _texts(value)
