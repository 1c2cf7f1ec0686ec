"""Texts for each kind of change: the one table behind alerts, digests and the list of undelivered messages."""

from dataclasses import dataclass

from bot.blocks.job import failure_sentence, status_emoji, status_label, status_phrase
from bot.blocks.parts import MAX_ID_LENGTH, code_span, format_duration, safe_text
from bot.blocks.stalled import stall_advice, stalled_phrase
from bot.jobs.changes import Change, ChangeKind
from bot.jobs.models import Job
from bot.jobs.statuses import Phase, phase_of


@dataclass(frozen=True)
class Wording:
    """Templates (``str.format``) for one kind of change; `_terms` lists the placeholders that all of them have."""

    headline: str
    """First line of the alert, mrkdwn. Also: job."""
    sentence: str
    """The alert as plain text, for notifications and screen readers. Also: id, took, outcome."""
    line: str
    """The change within a line of a digest, mrkdwn."""
    brief: str = "{phrase}"
    """The same in a digest's plain text, as the rest of a sentence about the job."""
    label: str = "{job} {was_lower} → {status_lower}"
    """Name of the alert in the list of undelivered messages, mrkdwn. Also: job."""
    status_fact: tuple[str, str] | None = None
    """The status among the alert's labeled values; None for none."""
    advice: str = ""
    """What to do, mrkdwn below the alert's values; empty for none. Also: untrack, stall_advice."""


WORDINGS = {
    ChangeKind.NEW: Wording(
        headline="{emoji} *{status}* · {job}",
        sentence="Fine-tuning job {id} {phrase}{took}{after_stall}{outcome}",
        line="*New*, {status_lower}",
        brief="is new: {status_lower}",
        label="the card of {job}",
    ),
    ChangeKind.STATUS: Wording(
        headline="{emoji} *{status}* · {job}",
        sentence="Fine-tuning job {id} {phrase}{took} (was {was_lower}){after_stall}{outcome}",
        line="{was} → *{status}*",
        status_fact=("Was", "{was}"),
    ),
    ChangeKind.MODEL: Wording(
        headline=":label: *Fine-tuned model is {model_state}* · {job}",
        sentence="Fine-tuning job {id} {model_change}",
        line="*Model is {model_state}*",
        label="the model of {job}",
    ),
    ChangeKind.MISSING: Wording(
        headline=":ghost: *No longer visible* · {job}",
        sentence="Fine-tuning job {id} is no longer visible to the API key of this bot. It was last seen as {was_lower}.",
        line="*No longer visible*",
        label="that {job} is no longer visible",
        status_fact=("Last seen as", "{was}"),
        advice="The API does not know it any more. It was deleted, or this bot's API key now belongs to another project. "
        "If it comes back, that is told here; stop waiting for it with {untrack}.",
    ),
    ChangeKind.REAPPEARED: Wording(
        headline="{emoji} *Visible again* · {job}",
        sentence="Fine-tuning job {id} is visible again: it {phrase}.",
        line="*Visible again*, {status_lower}",
        label="that {job} is visible again",
        status_fact=("Status", "{status}"),
    ),
    ChangeKind.STALLED: Wording(
        headline=":warning: *Stuck* · {job} {stalled}",
        sentence="Fine-tuning job {id} is stuck: it {stalled}.",
        line="*Stuck*: {stalled}",
        brief="{stalled}",
        label="that {job} is stuck",
        status_fact=("Status", "{status}"),
        advice=":bulb: {stall_advice}",
    ),
    ChangeKind.PROGRESSING: Wording(
        headline="{emoji} *Moving again* · {job}",
        sentence="Fine-tuning job {id} moves again{after_stall}: it {phrase}.",
        line="*Moving again*, {status_lower}",
        label="that {job} moves again",
        status_fact=("Status", "{status}"),
    ),
}


def change_headline(change: Change, job: Job) -> str:
    """Return the first line of an alert, safe mrkdwn."""
    return WORDINGS[change.kind].headline.format(job=code_span(job.id), **_terms(change))


def change_sentence(change: Change, job: Job, reason: str | None) -> str:
    """Return an alert as safe text; ``reason`` is why the job failed, from its log, where the job does not say."""
    duration = job.duration()
    took = "" if duration is None else f" after {format_duration(duration)}"
    outcome = _outcome(change, job, reason)
    return WORDINGS[change.kind].sentence.format(id=safe_text(job.id), took=took, outcome=outcome, **_terms(change))


def change_line(change: Change) -> str:
    """Return a change for a line of a digest, safe mrkdwn."""
    return WORDINGS[change.kind].line.format(**_terms(change))


def change_brief(change: Change) -> str:
    """Return a change as the rest of a sentence about its job, safe text."""
    return WORDINGS[change.kind].brief.format(**_terms(change))


def change_label(change: Change, job_id: str) -> str:
    """Return the name of an alert in the list of undelivered messages, safe mrkdwn."""
    return WORDINGS[change.kind].label.format(job=code_span(job_id, MAX_ID_LENGTH), **_terms(change))


def status_facts(change: Change) -> list[tuple[str, str]]:
    """Return the status as a labeled value of an alert, if its kind of change shows one."""
    fact = WORDINGS[change.kind].status_fact
    return [(fact[0], fact[1].format(**_terms(change)))] if fact else []


def change_advice(change: Change, job: Job) -> str:
    """Return what to do about a change, safe mrkdwn; empty for a kind of change without advice."""
    untrack, stalled = code_span(f"/ftjob untrack {job.id}"), stall_advice(job, change.after.status)
    return WORDINGS[change.kind].advice.format(untrack=untrack, stall_advice=stalled)


def _terms(change: Change) -> dict[str, str]:
    """Return the placeholders of all templates, safe mrkdwn."""
    before, after, model = change.before.status, change.after.status, change.after.fine_tuned_model
    after_stall = "" if change.stalled_for is None else f", after being stuck for {format_duration(change.stalled_for)}"
    return {
        "emoji": status_emoji(after),
        "status": status_label(after),
        "status_lower": status_label(after).lower(),
        "phrase": status_phrase(after),
        "was": status_label(before),
        "was_lower": status_label(before).lower(),
        "stalled": stalled_phrase(after, change.stalled_for or 0.0),
        "after_stall": after_stall,
        "model_state": "ready" if model else "gone",
        "model_change": f"has its fine-tuned model: {safe_text(model)}" if model else "lost its fine-tuned model.",
    }


def _outcome(change: Change, job: Job, reason: str | None) -> str:
    """Return how the sentence about a status ends: with the reason of a failure, or the model."""
    if phase_of(change.after.status) is Phase.FAILED:
        why = failure_sentence(job.error, reason)
        return f": {why}" if why else ". The API gave no reason."
    model = change.after.fine_tuned_model
    return f": {safe_text(model)}" if model else "."
