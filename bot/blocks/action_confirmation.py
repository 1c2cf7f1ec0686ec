"""The confirmation of an action: a message whose button executes it."""

from collections.abc import Iterator

from bot.blocks.interactive import actions, button
from bot.blocks.job import job_title, plain_name, status_emoji, status_label, status_phrase
from bot.blocks.parts import Message, code_span, context, fields, format_duration, section
from bot.jobs.actions import ACTION_WORDING, JobAction
from bot.jobs.models import Job, display_name

CONFIRM = "ftjob_confirm"
"""Action ID of the one button that executes an action; its value is the key of the pending action."""
DISMISS = "ftjob_dismiss"
"""Action ID of the button that leaves the job as it is; its value is the action."""
_KEEP = {JobAction.RESUME: "Keep paused"}


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
    style, label = ("danger" if action is JobAction.CANCEL else "primary"), f"{verb} {display_name(job)}"
    yes = button(f"{verb} job", CONFIRM, key, style=style, accessibility_label=label)
    keep = _KEEP.get(action, "Keep running")
    no = button(keep, DISMISS, action.value, accessibility_label=f"{keep}: {display_name(job)}")
    footer = context("Only you can confirm · expires in 10 minutes")
    first_warning = warning.split(",")[0].rstrip(".")
    text = f"{verb} {plain_name(job)}? It {status_phrase(job.status)}. {first_warning}."
    head = [section(reconfirm_reason)] if reconfirm_reason else []
    prompt = section(f"{verb} {job_title(job)}? {warning}")
    facts = fields(list(_facts(job, now=now, account=account)))
    return Message(f"{reconfirm_reason} {text}".strip(), [*head, prompt, *facts, actions(yes, no), footer])


def _facts(job: Job, *, now: float, account: str | None) -> Iterator[tuple[str, str]]:
    """Yield what to know of the job, as labels and safe values."""
    yield "Status", f"{status_emoji(job.status)} {status_label(job.status)}"
    if account:
        yield "Account", code_span(account)
    if job.model:
        yield "Model", code_span(job.model)
    if job.created_at:
        yield "Created", f"{format_duration(max(0.0, now - job.created_at))} ago"
    if job.trained_tokens is not None:
        yield "Tokens so far", f"{job.trained_tokens:,}"
