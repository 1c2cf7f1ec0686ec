"""The confirmation of an action: a message whose button executes it."""

from collections.abc import Iterator

from bot.blocks.job import status_emoji, status_label, status_phrase
from bot.blocks.parts import (
    Message,
    actions,
    button,
    code_span,
    context,
    fields,
    format_duration,
    safe_text,
    section,
)
from bot.jobs.actions import ACTION_WORDING, JobAction
from bot.jobs.models import Job

CONFIRM = "ftjob_confirm"
"""Action ID of the one button that executes an action; its value is the key of the pending action."""


def action_confirmation(
    action: JobAction, job: Job, key: str, *, now: float, reconfirm_reason: str = "", account: str | None = None
) -> Message:
    """Return the confirmation of an action; only its button executes the action.

    Args:
        action: what to confirm.
        job: as it was just read.
        key: of the pending action.
        now: Unix seconds.
        reconfirm_reason: why a new confirmation is needed, safe mrkdwn.
        account: name of the job's account, if there are several.
    """
    verb, warning = action.capitalize(), ACTION_WORDING[action].warning
    style, label = (
        ("danger", f"Cancel {job.id} for good") if action is JobAction.CANCEL else ("primary", f"{verb} {job.id}")
    )
    yes = button(f"{verb} this job", CONFIRM, key, style=style, accessibility_label=label)
    no = "leave it paused" if action is JobAction.RESUME else "let it run"
    footer = context(f"Do nothing to {no}. The button works for 10 minutes, for you alone.")
    first_warning = warning.split(",")[0].rstrip(".")
    text = f"{verb} fine-tuning job {safe_text(job.id)}? It {status_phrase(job.status)}. {first_warning}."
    head = [section(reconfirm_reason)] if reconfirm_reason else []
    prompt = section(f"{verb} {code_span(job.id)}? {warning}")
    facts = fields(list(_facts(job, now=now, account=account)))
    return Message(f"{reconfirm_reason} {text}".strip(), [*head, prompt, *facts, actions(yes), footer])


def _facts(job: Job, *, now: float, account: str | None) -> Iterator[tuple[str, str]]:
    """Yield what to know of the job, as labels and safe values."""
    yield "Status", f"{status_emoji(job.status)} {status_label(job.status)}"
    if account:
        yield "Account", code_span(account)
    if job.model:
        yield "Model", code_span(job.model)
    if job.created_at:
        yield "Created", f"{format_duration(max(0.0, now - job.created_at))} ago"
    tokens = "the API does not say before the end" if job.trained_tokens is None else f"{job.trained_tokens:,}"
    yield "Tokens so far", tokens
