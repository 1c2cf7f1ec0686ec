"""Lists of jobs, and buttons to choose one of a few."""

from collections.abc import Sequence
from itertools import zip_longest

from bot.blocks.choices import Choice, distinct_labels
from bot.blocks.interactive import actions, button, older_button, select_menus
from bot.blocks.job import SHOW, job_line, status_label
from bot.blocks.parts import (
    MAX_ID_LENGTH,
    Block,
    Message,
    and_more,
    context,
    fallback_text,
    format_date,
    plain,
    section,
    sections,
    truncate_markup,
)
from bot.jobs.models import Job, display_name, job_name

MAX_JOBS = 25
"""Rows of a page."""
_MAX_IN_FALLBACK = 10
_MAX_TITLE_LENGTH = 500


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
    """Return a page of jobs, newest first.

    Args:
        jobs: the jobs on the page.
        title: what they have in common, safe mrkdwn.
        empty: text of an empty list, safe mrkdwn.
        counts: how many jobs are in each status, safe mrkdwn.
        older: command that shows the next page; None on the last page.
        accounts: account of each job, if there are several.
        notes: remarks below the list, safe mrkdwn.
    """
    if not jobs:
        return Message(fallback_text(" ".join([empty, *notes])), [section(empty), *map(context, notes)])
    visible = jobs[:MAX_JOBS]
    rows = [_row(job, account) for job, account in zip_longest(visible, accounts[: len(visible)])]
    choices = [
        Choice(job.id, job_name(job), status_label(job.status), account or None)
        for job, account in zip_longest(visible, accounts[: len(visible)])
    ]
    hidden = and_more(len(jobs) - MAX_JOBS, "run `/ftjob list active` to page through them")
    notes = [*notes, *hidden, *([counts] if counts else [])]
    paging = older_button(older, "jobs")
    text = list_fallback(title, [(display_name(job), job.status) for job in jobs])
    return Message(
        text,
        [
            section(f"*{truncate_markup(title, _MAX_TITLE_LENGTH)}*"),
            *sections(rows),
            *map(context, notes),
            *job_select(choices),
            *paging,
        ],
    )


def show_buttons(jobs: Sequence[Choice]) -> Block:
    """Return a button for each of a few jobs that shows its status."""
    buttons = (
        button(label, f"{SHOW}:{nth}", job.value, accessibility_label=f"Show details for {job.id}")
        for nth, (job, label) in enumerate(zip(jobs, distinct_labels(jobs), strict=True))
    )
    return actions(*buttons)


def job_select(jobs: Sequence[Choice], placeholder: str = "Show a job", action_id: str = SHOW) -> list[Block]:
    """Return a menu of up to 100 jobs, below a list; what is done with the chosen one is that of a button."""
    distinct = list({job.value: job for job in jobs}.values())
    options = [(label, job.value) for job, label in zip(distinct, distinct_labels(distinct), strict=True)]
    return select_menus(placeholder, action_id, options)


def list_fallback(title: str, jobs: Sequence[tuple[str, str]]) -> str:
    """Return a list of jobs (name and status) as a sentence: the first few, and how many more there are."""
    rows = [f"{plain(name)} {status_label(status).lower()}" for name, status in jobs[:_MAX_IN_FALLBACK]]
    if len(jobs) > _MAX_IN_FALLBACK:
        rows.append(f"and {len(jobs) - _MAX_IN_FALLBACK} more")
    return f"{truncate_markup(fallback_text(title), _MAX_TITLE_LENGTH)}: {'; '.join(rows)}."


def _row(job: Job, account: str | None) -> str:
    """Return one line for a job: its name, status and base model, and when it was created."""
    facts = [plain(job.model, MAX_ID_LENGTH)] if job.model else []
    facts += [format_date(job.created_at)] if job.created_at else []
    facts += [plain(account)] if account else []
    return " · ".join([job_line(display_name(job), job.status), *facts])
