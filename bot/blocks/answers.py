"""Short answers: help, notes, problems, and the question before a cancel."""

from collections.abc import Sequence

from bot.blocks.job import doing, emoji, word
from bot.blocks.parts import Message, actions, button, code, context, duration, escape, fields, plain, section, spoken
from bot.jobs.models import Job

CONFIRM_CANCEL = "ftjob_confirm_cancel"


def note(text: str) -> Message:
    """Draw one sentence or two that are already safe."""
    return Message(spoken(text), [section(text)])


def problem(text: str, *, ref: str | None = None) -> Message:
    """Draw what went wrong and what to do about it; ``ref`` leads to the log."""
    said = f":warning: {text}"
    return Message(spoken(said), [section(said), *([context(f"ref: {code(ref)}")] if ref else [])])


def help_text(rows: Sequence[tuple[str, str]]) -> Message:
    """Draw the verbs: how each is written and what it does."""
    lines = [f"`/ftjob {escape(form)}`  {does}" for form, does in rows]
    intro = "I watch fine-tuning jobs and tell this channel when they change."
    start = "Start with `/ftjob subscribe`, or `/ftjob track` and a job's id."
    return Message(f"{intro} {start}", [section(f"{intro}\n{start}"), section("\n".join(lines))])


def usage(form: str, does: str, example: str) -> Message:
    """Draw one verb."""
    text = f"`/ftjob {escape(form)}`  {does}\nExample: `/ftjob {example}`"
    return Message(f"/ftjob {escape(form)}: {does}. Example: /ftjob {example}", [section(text)])


def facts(title: str, pairs: Sequence[tuple[str, str]]) -> Message:
    """Draw labelled values, already safe."""
    said = ", ".join(f"{label.lower()} {value}" for label, value in pairs)
    return Message(spoken(f"{title}: {said}."), [section(f"*{title}*"), *fields(pairs)])


def cancel_question(job: Job, key: str, *, now: float, instead: str = "") -> Message:
    """Ask whether to end a job; only the red button does it.

    Args:
        job: as it was just read.
        key: the stored question's.
        now: seconds since the epoch.
        instead: why it is asked again, safe mrkdwn.
    """
    pairs = [("Status", f"{emoji(job.status)} {word(job.status)}")]
    if job.model:
        pairs.append(("Model", code(job.model)))
    if job.created_at:
        pairs.append(("Created", f"{duration(max(0.0, now - job.created_at))} ago"))
    tokens = "the API does not say before the end" if job.trained_tokens is None else f"{job.trained_tokens:,}"
    pairs.append(("Tokens so far", tokens))
    text = f"Cancel {code(job.id)}? This cannot be undone, and work already done may be billed."
    red = button("Cancel this job", CONFIRM_CANCEL, key, style="danger", says=f"Cancel {job.id} for good")
    leave = context("Do nothing to let it run. The button works for 10 minutes, for you alone.")
    said = f"Cancel fine-tuning job {plain(job.id)}? It {doing(job.status)}. This cannot be undone."
    head = [section(instead)] if instead else []
    return Message(f"{instead} {said}".strip(), [*head, section(text), *fields(pairs), actions(red), leave])
