"""Lists of jobs."""

from collections.abc import Sequence

from bot.blocks.job import REFRESH, UNTRACK, emoji, word
from bot.blocks.parts import Block, Message, button, code, context, date, plain, section
from bot.jobs.models import Job

MOST_ROWS = 40
"""Rows in one message: Slack takes 50 blocks."""


def job_list(jobs: Sequence[Job], *, title: str, empty: str, more: bool) -> Message:
    """Draw jobs, newest first; ``title`` and ``empty`` are already safe, ``more`` says that there are others."""
    if not jobs:
        return Message(empty, [section(empty)])
    rows = [_row(job) for job in jobs[:MOST_ROWS]]
    note = "There are more: `/ftjob list 25`, or a state or key=value to narrow it." if more else ""
    text = f"{title}: " + "; ".join(f"{plain(job.id)} {word(job.status).lower()}" for job in jobs[:10]) + "."
    return Message(text, [section(f"*{title}*"), *rows, *([context(note)] if note else [])])


def tracked_list(jobs: Sequence[tuple[str, str]], *, subscribed: bool) -> Message:
    """Draw what a channel tracks: job ids and their last known statuses."""
    follows = "This channel is subscribed: it tracks every new job." if subscribed else ""
    if not jobs:
        text = follows or "Nothing is tracked here. Start with `/ftjob track <id>` or `/ftjob subscribe`."
        text = text.replace("<id>", "&lt;id&gt;")
        return Message(text, [section(text)])
    rows = [
        section(
            f"{emoji(status)} {word(status)} · {code(job_id)}",
            accessory=button("Untrack", UNTRACK, job_id, says=f"Untrack {job_id} in this channel"),
        )
        for job_id, status in jobs[:MOST_ROWS]
    ]
    hidden = len(jobs) - MOST_ROWS
    notes = [follows, f"And {hidden} more." if hidden > 0 else ""]
    count = f"{len(jobs)} job{'s' if len(jobs) > 1 else ''} tracked here"
    text = f"{count}: " + "; ".join(f"{plain(job_id)} {word(status).lower()}" for job_id, status in jobs[:10]) + "."
    return Message(text, [section(f"*{count}*"), *rows, *(context(note) for note in notes if note)])


def _row(job: Job) -> Block:
    facts = [code(job.fine_tuned_model or job.model or "?"), date(job.created_at) if job.created_at else ""]
    return section(
        f"{emoji(job.status)} {word(job.status)} · {code(job.id)}\n{' · '.join(fact for fact in facts if fact)}",
        accessory=button("Status", REFRESH, job.id, says=f"Show {job.id}"),
    )
