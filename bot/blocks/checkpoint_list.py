"""The list of a job's checkpoints."""

from collections.abc import Sequence

from bot.blocks.interactive import older_button
from bot.blocks.job import account_note
from bot.blocks.parts import Message, code_span, context, format_date, safe_text, section
from bot.jobs.models import Checkpoint
from bot.jobs.results import parse_measurement

_METRIC_WORDS = {"train": "training", "valid": "validation"}
_MAX_METRICS = 4


def checkpoint_list(
    job_id: str,
    checkpoints: Sequence[Checkpoint],
    *,
    older: str | None,
    notes: Sequence[str] = (),
    is_first: bool = True,
    is_final: bool = False,
    account: str | None = None,
) -> Message:
    """Return a page of a job's checkpoints, newest first.

    Args:
        job_id: the job.
        checkpoints: the checkpoints on the page.
        older: command that shows the page before; None if there is none.
        notes: remarks below the page, safe mrkdwn.
        is_first: whether this is the first page.
        is_final: whether the job is finished.
        account: name of its account, if there are several.
    """
    if not checkpoints:
        text = _empty_text(job_id, is_first=is_first, is_final=is_final)
        return Message(text, [section(text)])
    rows = [section(_row(each)) for each in checkpoints]
    paging = older_button(older, f"checkpoints for {job_id}")
    steps = ", ".join(map(_step, checkpoints))
    title = section(f"*Checkpoints* for {code_span(job_id)}{account_note(account)}")
    return Message(f"Checkpoints for {safe_text(job_id)}: {steps}", [title, *rows, *paging, *map(context, notes)])


def _empty_text(job_id: str, *, is_first: bool, is_final: bool) -> str:
    if not is_first:
        return f"No older checkpoints for {code_span(job_id)}."
    if is_final:
        return f"{code_span(job_id)} has no checkpoints."
    return f"{code_span(job_id)} has no checkpoints yet."


def _step(checkpoint: Checkpoint) -> str:
    return "unknown step" if checkpoint.step_number is None else f"step {checkpoint.step_number:,}"


def _metric(key: str) -> str:
    """Return the name of a metric in words: "full validation loss" of "full_valid_loss"."""
    return " ".join(_METRIC_WORDS.get(word, word) for word in key.split("_"))


def _row(checkpoint: Checkpoint) -> str:
    values = (
        (key, parse_measurement(key, value)) for key, value in (checkpoint.metrics or {}).items() if key != "step"
    )
    measured = [(key, value) for key, value in values if value is not None][:_MAX_METRICS]
    metrics = "".join(f" · {safe_text(_metric(key), 40)} {value:.4g}" for key, value in measured)
    saved = f" · {format_date(checkpoint.created_at)}" if checkpoint.created_at else ""
    return f"*{_step(checkpoint).capitalize()}*{metrics}{saved}\n{code_span(checkpoint.fine_tuned_model_checkpoint or '?')}"
