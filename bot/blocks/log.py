"""A job's log and its checkpoints."""

from collections.abc import Sequence

from bot.blocks.parts import (
    Message,
    code_span,
    context,
    format_date,
    format_utc,
    older_button,
    preformatted,
    safe_text,
    section,
    strip_invisible,
    truncate,
)
from bot.jobs.models import Checkpoint, Event
from bot.jobs.progress import progress_of
from bot.jobs.results import parse_measurement

LONGEST_LINE = 240
_LONGEST_LOG = 6000
_MOST_METRICS = 4
_LEVELS = {"warn": "WARNING", "warning": "WARNING", "error": "ERROR"}


def event_log(job_id: str, events: Sequence[Event], *, older: str | None, notes: Sequence[str] = ()) -> Message:
    """Draw lines of a log, oldest first.

    Args:
        job_id: whose log it is.
        events: the lines.
        older: the command that shows those before them, None without any.
        notes: what else is to be said, already safe.
    """
    title = f"The log of {code_span(job_id)}"
    if not events:
        said = f"{title} has no line here. A job logs its first ones when it is created."
        return Message(said, [section(said)])
    lines = "\n".join(_line(event) for event in events)
    box = preformatted(lines, _LONGEST_LOG, most_lines=len(events))
    last = safe_text(events[-1].message, LONGEST_LINE)
    return Message(
        f"The log of {safe_text(job_id)}, {len(events)} lines. The last one: {last}",
        [
            section(f"*{title}*"),
            box,
            *(older_button(older, f"lines of {job_id} from") if older else []),
            *map(context, notes),
        ],
    )


def _line(event: Event) -> str:
    when = format_utc(event.created_at) if event.created_at else "no time"
    level = f"{_LEVELS[event.level]} " if event.level in _LEVELS else ""
    return truncate(" ".join(f"{when}  {level}{strip_invisible(_event_text(event))}".split("\n")), LONGEST_LINE)


def _event_text(event: Event) -> str:
    """Return a line of the log; one that measures a step is short."""
    step = progress_of([event]) if event.type == "metrics" else None
    if step is None or not step.points:
        return event.message
    of = f"/{step.steps}" if step.steps else ""
    return f"step {step.step}{of}  {step.points[-1][1]:.4g}"


def checkpoint_list(
    job_id: str, checkpoints: Sequence[Checkpoint], *, older: str | None, notes: Sequence[str] = ()
) -> Message:
    """Draw checkpoints, newest first; ``older`` and ``notes`` as of ``event_log``."""
    if not checkpoints:
        said = f"{code_span(job_id)} has no checkpoints here. They come with the end of each epoch."
        return Message(said, [section(said)])
    rows = [section(_checkpoint(each)) for each in checkpoints]
    said = ", ".join(f"step {each.step_number}" for each in checkpoints)
    return Message(
        f"Checkpoints of {safe_text(job_id)}: {said}",
        [
            section(f"*Checkpoints* of {code_span(job_id)}"),
            *rows,
            *(older_button(older, f"checkpoints of {job_id} from") if older else []),
            *map(context, notes),
        ],
    )


def _checkpoint(each: Checkpoint) -> str:
    read = {key: parse_measurement(key, value) for key, value in (each.metrics or {}).items() if key != "step"}
    numbers = [(key, value) for key, value in read.items() if value is not None][:_MOST_METRICS]
    metrics = "".join(f" · {safe_text(key.replace('_', ' '), 40)} {value:.4g}" for key, value in numbers)
    step = f"step {each.step_number:,}" if each.step_number is not None else "a step"
    saved = f" · {format_date(each.created_at)}" if each.created_at else ""
    return f"*{step}*{metrics}{saved}\n{code_span(each.fine_tuned_model_checkpoint or '?')}"
