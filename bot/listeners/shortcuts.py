"""Message shortcuts, as Slack sends them: they work where slash commands do not, as in threads."""

from collections.abc import Iterator
from typing import Any

from bot.commands.arguments import MAX_IDS
from bot.commands.track import TrackCommand
from bot.errors import UserError
from bot.jobs.ids import find_job_ids
from bot.listeners.buttons import requester_of

TRACK_FROM_MESSAGE = "ftjob_track_from_message"

NO_JOB = (
    "I couldn't find a job ID, such as `ftjob-abc123`, in that message. To see the latest jobs, run `/ftjob list`. To track "
    "one, run `/ftjob track &lt;id&gt;`."
)


def command_of(body: dict[str, Any]) -> TrackCommand | None:
    """Return the command of a shortcut, or None where it is none of ours: to track the jobs that a message names.

    Raises:
        UserError: the message names none.
    """
    requester = requester_of(body, "shortcut")
    match body:
        case {"type": "message_action", "callback_id": callback_id, "message": dict(message)} if requester:
            if callback_id != TRACK_FROM_MESSAGE:
                return None
            found = find_job_ids(" ".join(_texts(message)))
            if not found:
                raise UserError(NO_JOB)
            return TrackCommand(requester, tuple(found[:MAX_IDS]), omitted_ids=tuple(found[MAX_IDS:]))
    return None


def _texts(node: Any) -> Iterator[str]:
    """Yield the texts and links of a message; its other strings, such as names of actions, are nobody's words."""
    if isinstance(node, list):
        for item in node:
            yield from _texts(item)
    elif isinstance(node, dict):
        yield from (node[key] for key in ("text", "url", "title_link") if isinstance(node.get(key), str))
        for value in node.values():
            yield from _texts(value)
