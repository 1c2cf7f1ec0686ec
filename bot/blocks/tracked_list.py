"""The list of a channel's tracked jobs."""

from collections.abc import Sequence

from bot.blocks.job import UNTRACK, job_line
from bot.blocks.job_list import list_fallback
from bot.blocks.parts import Message, and_more, button, context, counted, more_button, section

MAX_ROWS = 40
"""Rows of two columns in one message: Slack accepts 50 blocks."""
_SUBSCRIBED = "This channel is subscribed: `/ftjob subscriptions` shows to what."
_EMPTY = "Nothing is tracked here. Start with `/ftjob track &lt;id&gt;` or `/ftjob subscribe`."


def tracked_list(
    jobs: Sequence[tuple[str, str]], *, subscribed: bool, notes: Sequence[str] = (), start: int = 0
) -> Message:
    """Return a page of a channel's tracked jobs.

    Args:
        jobs: ID and last known status of all of them.
        subscribed: whether the channel has a subscription.
        notes: remarks below the list, safe mrkdwn.
        start: index of the first job on the page.
    """
    if not jobs:
        text = _SUBSCRIBED if subscribed else _EMPTY
        return Message(text, [section(text)])
    end = start + MAX_ROWS
    rows = [
        section(
            job_line(job_id, status),
            accessory=button("Untrack", UNTRACK, job_id, accessibility_label=f"Untrack {job_id} in this channel"),
        )
        for job_id, status in jobs[start:end]
    ]
    notes = [*and_more(len(jobs) - end, "press *More*"), *notes, *([_SUBSCRIBED] if subscribed else [])]
    count = f"{counted(len(jobs), 'job')} tracked here"
    title = f"{count}, from number {start + 1:,} on" if start else count
    more = more_button(f"tracked after:{end}", f"jobs, after {jobs[end - 1][0]}") if len(jobs) > end else []
    return Message(list_fallback(title, jobs[start:]), [section(f"*{title}*"), *rows, *map(context, notes), *more])
