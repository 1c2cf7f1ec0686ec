"""A job's log."""

from collections.abc import Sequence

from bot.blocks.interactive import older_button
from bot.blocks.job import account_note
from bot.blocks.parts import (
    Message,
    code_span,
    context,
    counted,
    format_utc,
    preformatted,
    safe_text,
    section,
    strip_invisible,
    truncate,
)
from bot.jobs.models import Event
from bot.jobs.progress import progress_of

MAX_LINE_LENGTH = 240
_MAX_LOG_LENGTH = 6000
_LEVELS = {"warn": "WARNING", "warning": "WARNING", "error": "ERROR"}


def event_log(
    job_id: str,
    events: Sequence[Event],
    *,
    older: str | None,
    notes: Sequence[str] = (),
    is_first: bool = True,
    is_final: bool = False,
    account: str | None = None,
) -> Message:
    """Return a page of a job's log, oldest event first.

    Args:
        job_id: the job.
        events: the events on the page.
        older: command that shows the page before; None if there is none.
        notes: remarks below the page, safe mrkdwn.
        is_first: whether this is the first page.
        is_final: whether the job is finished.
        account: name of its account, if there are several.
    """
    if not events:
        lines, yet = ("log lines", "" if is_final else " yet") if is_first else ("older log lines", "")
        text = f"No {lines} for {code_span(job_id)}{yet}."
        return Message(text, [section(text)])
    lines = "\n".join(_line(event) for event in events)
    box = preformatted(lines, _MAX_LOG_LENGTH, most_lines=len(events))
    last = safe_text(events[-1].message, MAX_LINE_LENGTH)
    text = f"Log for {safe_text(job_id)}, {counted(len(events), 'line')}. Latest: {last}"
    paging = older_button(older, f"log lines for {job_id}")
    return Message(
        text, [section(f"*Log for {code_span(job_id)}*{account_note(account)}"), box, *paging, *map(context, notes)]
    )


def _line(event: Event) -> str:
    when = format_utc(event.created_at) if event.created_at else "no time"
    level = f"{_LEVELS[event.level]} " if event.level in _LEVELS else ""
    return truncate(" ".join(f"{when}  {level}{strip_invisible(_event_text(event))}".split("\n")), MAX_LINE_LENGTH)


def _event_text(event: Event) -> str:
    """Return the message of an event; metrics become "step 10/100  1.234"."""
    step = progress_of([event]) if event.type == "metrics" else None
    if step is None or not step.points:
        return event.message
    of = f"/{step.steps}" if step.steps else ""
    return f"step {step.step}{of}  {step.points[-1][1]:.4g}"
