"""Short answers: help, notes, problems, and the question before a cancel."""

from collections.abc import Sequence

from bot.blocks.job import status_emoji, status_label, status_phrase
from bot.blocks.parts import (
    Block,
    Message,
    actions,
    button,
    code_span,
    context,
    escape,
    fallback_text,
    fields,
    format_date,
    format_duration,
    safe_text,
    section,
)
from bot.jobs.actions import ACTION_WORDING, JobAction
from bot.jobs.models import Job

CONFIRM = "ftjob_confirm"
"""The one button that gives an order; its value is the question's key."""

STILL_CHECKING = ":hourglass_flowing_sand: Still checking…"
"""What is said where an answer takes long."""
UNCONFIRMED = "Slack didn't confirm that it took my answer. If you don't see it, please ask again."


def note_message(text: str) -> Message:
    """Draw one sentence or two that are already safe."""
    return Message(fallback_text(text), [section(text)])


def problem_message(text: str, *, ref: str | None = None) -> Message:
    """Draw what went wrong and what to do about it; ``ref`` leads to the log."""
    said = f":warning: {text}"
    return Message(fallback_text(said), [section(said), *([context(f"ref: {code_span(ref)}")] if ref else [])])


def late_reply_note(asked: float) -> Block:
    """Draw under an answer to what it belongs, where Slack took it long after it was asked."""
    return context(f":hourglass: You asked at {format_date(asked)}; Slack took my answer only now.")


def help_message(rows: Sequence[tuple[str, str]]) -> Message:
    """Draw the verbs: how each is written and what it does."""
    lines = [f"`/ftjob {escape(form)}`  {does}" for form, does in rows]
    intro = "I watch fine-tuning jobs and tell this channel when they change."
    start = "Start with `/ftjob subscribe`, or `/ftjob track` and a job's id."
    return Message(f"{intro} {start}", [section(f"{intro}\n{start}"), section("\n".join(lines))])


def usage_message(form: str, does: str, example: str) -> Message:
    """Draw one verb."""
    text = f"`/ftjob {escape(form)}`  {does}\nExample: `/ftjob {example}`"
    return Message(f"/ftjob {escape(form)}: {does}. Example: /ftjob {example}", [section(text)])


def labeled_values(title: str, pairs: Sequence[tuple[str, str]]) -> Message:
    """Draw labelled values, already safe."""
    said = ", ".join(f"{label.lower()} {value}" for label, value in pairs)
    return Message(fallback_text(f"{title}: {said}."), [section(f"*{title}*"), *fields(pairs)])


def action_confirmation(
    action: JobAction, job: Job, key: str, *, now: float, reconfirm_reason: str = "", account: str | None = None
) -> Message:
    """Ask whether to give an order; only the button does it.

    Args:
        action: what is asked.
        job: as it was just read.
        key: the stored question's.
        now: seconds since the epoch.
        reconfirm_reason: why it is asked again, safe mrkdwn.
        account: whose job it is, where there are several accounts.
    """
    pairs = [("Status", f"{status_emoji(job.status)} {status_label(job.status)}")]
    if account:
        pairs.append(("Account", code_span(account)))
    if job.model:
        pairs.append(("Model", code_span(job.model)))
    if job.created_at:
        pairs.append(("Created", f"{format_duration(max(0.0, now - job.created_at))} ago"))
    tokens = "the API does not say before the end" if job.trained_tokens is None else f"{job.trained_tokens:,}"
    pairs.append(("Tokens so far", tokens))
    asked, warning = action.capitalize(), ACTION_WORDING[action].warning
    is_for_good = action is JobAction.CANCEL
    style, says = ("danger", f"Cancel {job.id} for good") if is_for_good else ("primary", f"{asked} {job.id}")
    yes = button(f"{asked} this job", CONFIRM, key, style=style, accessibility_label=says)
    leave = "let it run" if action is not JobAction.RESUME else "leave it paused"
    small = context(f"Do nothing to {leave}. The button works for 10 minutes, for you alone.")
    said = f"{asked} fine-tuning job {safe_text(job.id)}? It {status_phrase(job.status)}. {warning.split(',')[0].rstrip('.')}."
    head = [section(reconfirm_reason)] if reconfirm_reason else []
    text = section(f"{asked} {code_span(job.id)}? {warning}")
    return Message(f"{reconfirm_reason} {said}".strip(), [*head, text, *fields(pairs), actions(yes), small])
