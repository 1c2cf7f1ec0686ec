"""Texts for each kind of change: the one table behind alerts, digests and the list of undelivered messages."""

from dataclasses import dataclass

from bot.blocks.job import (
    failure_sentence,
    job_title,
    plain_name,
    result_phrase,
    status_emoji,
    status_label,
    status_phrase,
)
from bot.blocks.parts import MAX_ID_LENGTH, code_span, format_date, format_duration, job_mention_with_id, safe_text
from bot.blocks.stalled import stall_advice, stalled_phrase
from bot.jobs.changes import Change, ChangeKind
from bot.jobs.models import Job
from bot.jobs.statuses import Phase, is_final, phase_of


@dataclass(frozen=True)
class Wording:
    """Templates (``str.format``) for one kind of change; `_terms` lists the placeholders that all of them have."""

    step: str
    """The alert in the thread of the job's card, one line of mrkdwn. Also: run, since."""
    headline: str
    """The alert's first line elsewhere, mrkdwn. Also: job, run, since."""
    sentence: str
    """The alert as plain text, for notifications and screen readers. Also: name, result, outcome, run, since."""
    line: str
    """The change within a line of a digest, after the job's name, mrkdwn. Also: result, run, since."""
    brief: str = "{phrase}"
    """The same in a digest's plain text, as the rest of a sentence about the job."""
    label: str = "{job}: {was_lower} → {status_lower}"
    """Name of the alert in the list of undelivered messages, mrkdwn. Also: job."""
    advice: str = ""
    """What to do, mrkdwn below the alert; empty for none. Also: untrack, stall_advice."""


WORDINGS = {
    ChangeKind.NEW: Wording(
        step="{emoji} *{status}*",
        headline="{emoji} {job} {phrase}",
        sentence="{name} {result}{after_stall}{outcome}",
        line="is new: {status_lower}",
        brief="is new: {status_lower}",
        label="Card for {job}",
    ),
    ChangeKind.STATUS: Wording(
        step="{emoji} *{status}*{after_stall}",
        headline="{emoji} {job} {phrase}{after_stall}",
        sentence="{name} {result}{after_stall}{outcome}",
        line="{result}",
    ),
    ChangeKind.MODEL: Wording(
        step=":label: {model_step}",
        headline=":label: {job} · {model_line}",
        sentence="{name} {model_brief}{model_end}",
        line="· {model_line}",
        brief="{model_brief}",
        label="Model update for {job}",
    ),
    ChangeKind.MISSING: Wording(
        step=":ghost: *Job not found* (last status: {was_lower})",
        headline=":ghost: {job} wasn't found (last status: {was_lower})",
        sentence="{name} is no longer listed by the API (last status: {was_lower}).",
        line="wasn't found (last status: {was_lower})",
        brief="is no longer listed by the API (last status: {was_lower})",
        label="{job}: not found",
        advice="The API no longer lists this job. It may have been deleted, or ftjob's API key may belong to a different "
        "project now. I'll post here if it comes back. To stop tracking it, run {untrack}.",
    ),
    ChangeKind.REAPPEARED: Wording(
        step="{emoji} *Job is back*: it {phrase}",
        headline="{emoji} {job} is back: it {phrase}",
        sentence="{name} is back: it {phrase}.",
        line="is back: it {phrase}",
        brief="is back: it {phrase}",
        label="{job}: back",
    ),
    ChangeKind.STALLED: Wording(
        step=":warning: *Stuck*: {stalled}",
        headline=":warning: {job} is stuck: {stalled}",
        sentence="{name} is stuck: {stalled}.",
        line="is stuck: {stalled}",
        brief="is stuck: {stalled}",
        label="{job}: stuck",
        advice=":bulb: {stall_advice}",
    ),
    ChangeKind.PROGRESSING: Wording(
        step="{emoji} *Moving again*{after_stall}",
        headline="{emoji} {job} is moving again{after_stall}",
        sentence="{name} is moving again{after_stall}: it {phrase}.",
        line="is moving again: {status_lower}",
        brief="is moving again: it {phrase}",
        label="{job}: moving again",
    ),
    ChangeKind.RESTARTED: Wording(
        step=":arrows_counterclockwise: *Restarted* ({run}): {status_lower}",
        headline=":arrows_counterclockwise: {job} restarted ({run}): {status_lower}",
        sentence="{name} restarted ({run}): it {phrase}.",
        line="restarted ({run}): {status_lower}",
        brief="restarted: it {phrase}",
        label="{job}: restarted",
    ),
    ChangeKind.SILENT: Wording(
        step=":warning: *No heartbeat* since {since}",
        headline=":warning: {job}: no heartbeat since {since}",
        sentence="{name} hasn't sent a heartbeat since {since}.",
        line="hasn't sent a heartbeat since {since}",
        brief="stopped sending heartbeats",
        label="{job}: no heartbeat",
        advice=":bulb: Its training process may have been killed, or can't reach me. Check the machine it runs on. I'll post here when "
        "it's back.",
    ),
    ChangeKind.HEARD: Wording(
        step="{emoji} *Heartbeat is back*{after_silence}",
        headline="{emoji} {job}: heartbeat is back{after_silence}",
        sentence="{name} is sending heartbeats again{after_silence}: it {phrase}.",
        line="is sending heartbeats again: {status_lower}",
        brief="is sending heartbeats again: it {phrase}",
        label="{job}: heartbeat is back",
    ),
}


def change_headline(change: Change, job: Job, *, in_thread: bool) -> str:
    """Return the first line of an alert, safe mrkdwn; in the thread of its card, only a result names the job."""
    if change.ends_job:
        return f"{status_emoji(change.after.status)} {job_title(job)} {result_phrase(job, change.after.status)}"
    wording = WORDINGS[change.kind]
    template = wording.step if in_thread else wording.headline
    return template.format(job=job_title(job), **_terms(change), **_run_terms(job))


def change_sentence(change: Change, job: Job, reason: str | None) -> str:
    """Return an alert as safe text; ``reason`` is why the job failed, from its log, where the job does not say."""
    result = result_phrase(job, change.after.status)
    terms = {"name": plain_name(job), "result": result, **_terms(change), **_run_terms(job)}
    if is_final(change.after.status):
        terms["after_stall"] = ""  # the sentence already says how long the job took
    return WORDINGS[change.kind].sentence.format(outcome=_outcome(change, job, reason), **terms)


def change_line(change: Change, job: Job) -> str:
    """Return a change for a line of a digest, after the job's name, safe mrkdwn."""
    result = result_phrase(job, change.after.status)
    return _line_wording(change).line.format(result=result, **_terms(change), **_run_terms(job))


def change_brief(change: Change) -> str:
    """Return a change as the rest of a sentence about its job, safe text."""
    return _line_wording(change).brief.format(**_terms(change))


def _line_wording(change: Change) -> Wording:
    """Return the wording of a change within a digest, where a new job that has a result is like any other result."""
    return WORDINGS[ChangeKind.STATUS if change.ends_job else change.kind]


def change_label(change: Change, job_id: str, name: str | None) -> str:
    """Return what to call an alert in the list of undelivered messages, safe mrkdwn; ``name`` is its job's, if any."""
    is_result = change.kind is ChangeKind.NEW and change.ends_job
    template = "{job}: {status_lower}" if is_result else WORDINGS[change.kind].label
    return template.format(job=job_mention_with_id(job_id, name, MAX_ID_LENGTH), **_terms(change))


def change_advice(change: Change, job: Job) -> str:
    """Return what to do about a change, safe mrkdwn; empty for a kind of change without advice."""
    untrack, stalled = code_span(f"/ftjob untrack {job.id}"), stall_advice(job, change.after.status)
    return WORDINGS[change.kind].advice.format(untrack=untrack, stall_advice=stalled)


def log_may_say_why(change: Change, job: Job) -> bool:
    """Return whether the log of a failed job may have a reason that wasn't looked for: a new job's, or a pushed job's."""
    return change.kind is ChangeKind.NEW or job.run_number is not None


def _terms(change: Change) -> dict[str, str]:
    """Return the placeholders of all templates, safe mrkdwn."""
    before, after, model = change.before.status, change.after.status, change.after.fine_tuned_model
    after_stall = "" if change.stalled_for is None else f" after being stuck for {format_duration(change.stalled_for)}"
    return {
        "emoji": status_emoji(after),
        "status": status_label(after),
        "status_lower": status_label(after).lower(),
        "phrase": status_phrase(after),
        "was_lower": status_label(before).lower(),
        "stalled": stalled_phrase(after, change.stalled_for or 0.0),
        "after_stall": after_stall,
        "after_silence": "" if change.stalled_for is None else f" after {format_duration(change.stalled_for)}",
        "model_step": f"*Fine-tuned model*: {code_span(model)}" if model else "*Fine-tuned model is no longer listed*",
        "model_line": f"fine-tuned model: {code_span(model)}" if model else "fine-tuned model is no longer listed",
        "model_brief": f"has a fine-tuned model: {safe_text(model)}" if model else "no longer lists a fine-tuned model",
        "model_end": "" if model else ".",
    }


def _run_terms(job: Job) -> dict[str, str]:
    """Return the placeholders for a job that a trainer pushes, safe mrkdwn."""
    return {
        "run": f"run {job.run_number or 1}",
        "since": format_date(job.silent_since) if job.silent_since else "its last call",
    }


def _outcome(change: Change, job: Job, reason: str | None) -> str:
    """Return how the sentence about a status ends: with the reason of a failure, or the model."""
    if phase_of(change.after.status) is Phase.FAILED:
        why = failure_sentence(job.error, reason)
        return f": {why}" if why else "." if log_may_say_why(change, job) else ". The API gave no reason."
    if phase_of(change.after.status) is Phase.CANCELLED and reason:
        return f": {failure_sentence(job.error, reason)}"
    model = change.after.fine_tuned_model
    return f": {safe_text(model)}" if model else "."
