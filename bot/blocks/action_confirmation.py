"""The confirmation of an action: a message whose button executes it."""

from bot.blocks.card import CardState
from bot.blocks.interactive import actions, button
from bot.blocks.job import JobLinks, account_fact, cost_phrase, job_title, model_fact, plain_name, status_phrase
from bot.blocks.parts import Message, context, format_duration, section
from bot.jobs.actions import ACTION_WORDING, JobAction
from bot.jobs.models import Job, display_name
from bot.jobs.statuses import Phase, phase_of

CONFIRM = "ftjob_confirm"
"""Action ID of the one button that executes an action; its value is the key of the pending action."""
DISMISS = "ftjob_dismiss"
"""Action ID of the button that leaves the job as it is; its value is the action."""
_KEEP = {Phase.ACTIVE: "Keep running", Phase.HELD: "Keep paused"}
"""Label of that button by the phase of the job."""


def action_confirmation(
    action: JobAction, job: Job, links: JobLinks, state: CardState, *, key: str, reconfirm_reason: str = ""
) -> Message:
    """Return the confirmation of an action; only its button executes the action.

    Args:
        action: what to confirm.
        job: as it was just read.
        links: what else is known of the job.
        state: its present state.
        key: of the pending action.
        reconfirm_reason: why a new confirmation is needed, safe mrkdwn.
    """
    verb, warning = action.capitalize(), ACTION_WORDING[action].warning
    style, label = ("danger" if action is JobAction.CANCEL else "primary"), f"{verb} {display_name(job)}"
    yes = button(f"{verb} job", CONFIRM, key, style=style, accessibility_label=label)
    keep = _KEEP.get(phase_of(job.status), "Keep job")
    no = button(keep, DISMISS, action.value, accessibility_label=f"{keep}: {display_name(job)}")
    now = _state_sentence(job, links, state)
    text = f"{verb} {plain_name(job)}? {now} {warning.split(',')[0].rstrip('.')}."
    prompt = " ".join(filter(None, [reconfirm_reason, f"{verb} {job_title(job)}? {now} {warning}"]))
    footer = " · ".join([*model_fact(job), *account_fact(links), "Only you can confirm", "Expires in 10 minutes"])
    return Message(f"{reconfirm_reason} {text}".strip(), [section(prompt), actions(yes, no), context(footer)])


def _state_sentence(job: Job, links: JobLinks, state: CardState) -> str:
    """Return since when a job has its status, how far it is, and what it cost so far, as far as that is known."""
    phrase = status_phrase(job.status)
    sentence = f"It's {phrase.removeprefix('is ')}" if phrase.startswith("is ") else f"It {phrase}"
    if state.status_since is not None and phrase.startswith("is ") and not phrase.startswith(("is being ", "is not ")):
        lasted = format_duration(max(0.0, state.now - state.status_since))
        sentence = f"It's been {phrase.removeprefix('is ')} for {lasted}"
    progress, cost = state.progress, cost_phrase(job, links.price)
    facts = [f"step {progress.step:,} of {progress.steps:,}"] if progress and progress.share is not None else []
    if state.status_since is None and job.created_at:
        facts.append(f"created {format_duration(max(0.0, state.now - job.created_at))} ago")
    if job.trained_tokens:
        facts.append(f"{cost or f'{job.trained_tokens:,} tokens'} so far")
    return f"{sentence} ({', '.join(facts)})." if facts else f"{sentence}."
