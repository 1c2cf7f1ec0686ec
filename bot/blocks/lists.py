"""Lists of jobs."""

from collections.abc import Sequence
from itertools import accumulate, zip_longest

from bot.blocks.choices import Choice, distinct_labels
from bot.blocks.job import SHOW, UNTRACK, status_emoji, status_label
from bot.blocks.parts import (
    LONGEST_ID,
    LONGEST_VALUE,
    Block,
    Message,
    actions,
    button,
    code_span,
    context,
    fallback_text,
    format_date,
    more_button,
    older_button,
    safe_text,
    section,
    truncate_markup,
)
from bot.jobs.models import Job

MOST_ROWS = 40
"""Rows of two columns in one message: Slack takes 50 blocks."""
MOST_JOBS = 25
"""Rows of two lines: Slack refuses blocks that hold much more than 8,000 characters."""
_ROOM_FOR_COMMANDS = 2500
_MOST_IN_FALLBACK = 10
_LONGEST_TITLE = 500


def job_list(
    jobs: Sequence[Job],
    *,
    title: str,
    empty: str,
    counts: str = "",
    older: str | None = None,
    accounts: Sequence[str] = (),
    notes: Sequence[str] = (),
) -> Message:
    """Draw jobs, newest first.

    Args:
        jobs: what is shown.
        title: what they are, already safe.
        empty: what to say where there are none, already safe.
        counts: how many there are of each state, already safe.
        older: the command that shows what comes after them, None without any.
        accounts: whose each of the jobs is, where there are several accounts.
        notes: what else is to be said, already safe.
    """
    if not jobs:
        return Message(fallback_text(" ".join([empty, *notes])), [section(empty), *map(context, notes)])
    rows = [_row(job, account) for job, account in zip_longest(jobs[:MOST_JOBS], accounts[: len(jobs[:MOST_JOBS])])]
    notes = [
        *notes,
        *_hidden(len(jobs) - MOST_JOBS, "`/ftjob list active` shows them, in pages"),
        *([counts] if counts else []),
    ]
    paging = older_button(older, f"the jobs from {jobs[-1].id} and") if older else []
    text = _list_fallback(title, [(job.id, job.status) for job in jobs])
    return Message(text, [section(f"*{truncate_markup(title, _LONGEST_TITLE)}*"), *rows, *map(context, notes), *paging])


def tracked_list(
    jobs: Sequence[tuple[str, str]], *, subscribed: bool, notes: Sequence[str] = (), start: int = 0
) -> Message:
    """Draw what a channel tracks, from ``start`` on: job ids and their last known statuses; ``notes`` are safe already."""
    follows = "This channel is subscribed: `/ftjob subscriptions` shows to what." if subscribed else ""
    if not jobs:
        text = follows or "Nothing is tracked here. Start with `/ftjob track <id>` or `/ftjob subscribe`."
        text = text.replace("<id>", "&lt;id&gt;")
        return Message(text, [section(text)])
    rows = [
        section(
            f"{status_emoji(status)} {status_label(status)} · {code_span(job_id, LONGEST_ID)}",
            accessory=button("Untrack", UNTRACK, job_id, accessibility_label=f"Untrack {job_id} in this channel"),
        )
        for job_id, status in jobs[start : start + MOST_ROWS]
    ]
    end = start + MOST_ROWS
    notes = [*_hidden(len(jobs) - end, "press *More*"), *notes, *([follows] if follows else [])]
    count = f"{len(jobs)} job{'s' if len(jobs) > 1 else ''} tracked here"
    title = f"{count}, from number {start + 1:,} on" if start else count
    more = more_button(f"tracked after:{end}", f"jobs, after {jobs[end - 1][0]}") if len(jobs) > end else []
    return Message(_list_fallback(title, jobs[start:]), [section(f"*{title}*"), *rows, *map(context, notes), *more])


def show_buttons(jobs: Sequence[Choice]) -> Block:
    """Draw a button for each of a few jobs, which shows everything about it."""
    named = zip(jobs, distinct_labels(jobs), strict=True)
    return actions(
        *(
            button(label, f"{SHOW}:{nth}", job.id, accessibility_label=f"Show everything about {job.id}")
            for nth, (job, label) in enumerate(named)
        )
    )


def track_remainder_message(said: str, job_ids: Sequence[str], *, at_once: int) -> Message:
    """Draw what was done about some jobs, already safe, and the commands that track those which were too many.

    Args:
        said: what was done.
        job_ids: the jobs that were left out.
        at_once: how many one command takes.
    """
    if not job_ids:
        return Message(fallback_text(said), [section(said)])
    parts = [job_ids[start : start + at_once] for start in range(0, len(job_ids), at_once)]
    lines = [code_span(f"/ftjob track {' '.join(part)}", LONGEST_VALUE) for part in parts]
    ends = list(accumulate(len(line) + 1 for line in lines))
    fitting = max(1, sum(end < _ROOM_FOR_COMMANDS for end in ends))
    jobs, them = ("1 more job", "it") if len(job_ids) == 1 else (f"{len(job_ids)} more jobs", "them")
    text = f"{jobs} {'is' if len(job_ids) == 1 else 'are'} named there; I take {at_once} at once. To track {them}:"
    hidden = sum(map(len, parts[fitting:]))
    last = [f"And {hidden} more: copy their ids from the message."] if hidden else []
    rest = "\n".join([text, *lines[:fitting], *last])
    return Message(fallback_text(f"{text} {said}"), [section(said), section(rest)])


def _hidden(count: int, how: str) -> list[str]:
    """Return how many rows are not shown, and how to get them, as safe mrkdwn."""
    return [f"And {count} more: {how}."] if count > 0 else []


def _list_fallback(title: str, jobs: Sequence[tuple[str, str]]) -> str:
    """Return a list as a sentence: the first few jobs, and how many more there are."""
    rows = [
        f"{safe_text(job_id, LONGEST_ID)} {status_label(status).lower()}" for job_id, status in jobs[:_MOST_IN_FALLBACK]
    ]
    if len(jobs) > _MOST_IN_FALLBACK:
        rows.append(f"and {len(jobs) - _MOST_IN_FALLBACK} more")
    return f"{truncate_markup(fallback_text(title), _LONGEST_TITLE)}: {'; '.join(rows)}."


def _row(job: Job, account: str | None) -> Block:
    whose = f" · {safe_text(account)}" if account else ""
    model = code_span(job.fine_tuned_model or job.model or "?", LONGEST_ID - len(whose))
    created = f" · {format_date(job.created_at)}" if job.created_at else ""
    return section(
        f"{status_emoji(job.status)} {status_label(job.status)} · {code_span(job.id, LONGEST_ID)}\n{model}{created}{whose}",
        accessory=button("Status", SHOW, job.id, accessibility_label=f"Show {job.id}"),
    )
