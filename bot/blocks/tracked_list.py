"""The list of a channel's tracked jobs."""

from collections.abc import Sequence
from dataclasses import replace

from bot.blocks.choices import Choice
from bot.blocks.interactive import more_button
from bot.blocks.job import UNTRACK, job_line, status_label
from bot.blocks.job_list import job_select, list_fallback
from bot.blocks.parts import Message, and_more, context, counted, plain, section, sections
from bot.jobs.ids import short_id

MAX_ROWS = 40
"""Rows of two columns in one message: Slack accepts 50 blocks."""
_SUBSCRIBED = "This channel has subscriptions. Run `/ftjob subscriptions` to see them."
_SUBSCRIBED_AND_EMPTY = (
    "No jobs are tracked here right now. This channel has subscriptions, so new matching jobs will be tracked. To see "
    "the subscriptions, run `/ftjob subscriptions`."
)
_EMPTY = "Nothing is tracked here. To get started, run `/ftjob track &lt;id&gt;` or `/ftjob subscribe`."


def tracked_list(
    jobs: Sequence[Choice],
    *,
    subscribed: bool,
    notes: Sequence[str] = (),
    start: int = 0,
) -> Message:
    """Return a page of a channel's tracked jobs.

    Args:
        jobs: all of them; the detail of each is its last known status.
        subscribed: whether the channel has a subscription.
        notes: remarks below the list, safe mrkdwn.
        start: index of the first job on the page.
    """
    if not jobs:
        text = _SUBSCRIBED_AND_EMPTY if subscribed else _EMPTY
        return Message(text, [section(text)])
    end = start + MAX_ROWS
    visible = jobs[start:end]
    listed = [(each.name or short_id(each.id), each.detail) for each in jobs[start:]]
    rows = sections([_row(each) for each in visible])
    notes = [*and_more(len(jobs) - end, "click *More*"), *notes, *([_SUBSCRIBED] if subscribed else [])]
    count = f"{counted(len(jobs), 'job')} tracked here"
    title = f"{count} (showing {start + 1:,}\u2013{min(end, len(jobs)):,})" if start else count
    more = more_button(f"tracked after:{end}", "tracked jobs") if len(jobs) > end else []
    text = list_fallback(title, listed)
    labels = [replace(each, detail=status_label(each.detail)) for each in visible]
    menus = [*job_select(labels), *job_select(labels, "Untrack a job", UNTRACK)]
    return Message(text, [section(f"*{title}*"), *rows, *map(context, notes), *menus, *more])


def _row(job: Choice) -> str:
    line = job_line(job.name or short_id(job.id), job.detail)
    return f"{line} · {plain(job.account)}" if job.account else line
