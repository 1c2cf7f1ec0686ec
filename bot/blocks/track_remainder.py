"""The result of tracking more jobs than one command accepts, with the commands for the remaining ones."""

from collections.abc import Sequence
from itertools import accumulate

from bot.blocks.interactive import MAX_VALUE_LENGTH
from bot.blocks.parts import Message, code_span, fallback_text, section

_ROOM_FOR_COMMANDS = 2500
"""Characters."""


def track_remainder_message(result: str, job_ids: Sequence[str], *, batch_size: int) -> Message:
    """Return the result of tracking several jobs, and the commands that track the remaining ones.

    Args:
        result: what was tracked, safe mrkdwn.
        job_ids: the remaining jobs.
        batch_size: how many jobs one command accepts.
    """
    if not job_ids:
        return Message(fallback_text(result), [section(result)])
    parts = [job_ids[start : start + batch_size] for start in range(0, len(job_ids), batch_size)]
    lines = [code_span(f"/ftjob track {' '.join(part)}", MAX_VALUE_LENGTH) for part in parts]
    ends = list(accumulate(len(line) + 1 for line in lines))
    fitting = max(1, sum(end < _ROOM_FOR_COMMANDS for end in ends))
    jobs, them, ids = (
        ("1 more job", "it", "its ID") if len(job_ids) == 1 else (f"{len(job_ids)} more jobs", "them", "their IDs")
    )
    text = f"That message mentions {jobs} (limit: {batch_size} at a time). To track {them}, run"
    hidden = sum(map(len, parts[fitting:]))
    last = [f"And {hidden} more. Copy their IDs from the message."] if hidden else []
    commands = "\n".join([f"{text}:", *lines[:fitting], *last])
    fallback = f"{result}\n{text} `/ftjob track` with {ids}."
    return Message(fallback_text(fallback), [section(result), section(commands)])
