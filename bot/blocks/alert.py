"""The alert for one change of a job: one line in the thread of its card, or its result, which the channel sees too."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from bot.blocks.changes import change_advice, change_headline, change_sentence, log_may_say_why
from bot.blocks.interactive import actions, button, job_value
from bot.blocks.job import (
    DETAILS,
    RETRY_JOB,
    JobLinks,
    cost_phrase,
    error_codes,
    failure_advice,
    failure_sentence,
    job_facts,
    owner_of,
    page_button,
)
from bot.blocks.parts import (
    MAX_ID_LENGTH,
    Block,
    Message,
    code_span,
    context,
    format_date,
    format_metric,
    safe_text,
    section,
    user_mention,
)
from bot.jobs.actions import JobAction
from bot.jobs.changes import Change
from bot.jobs.creation import request_like
from bot.jobs.models import Job, display_name
from bot.jobs.progress import Point
from bot.jobs.statuses import Phase, phase_of

NO_REASON = "The API gave no reason."
_MAX_MESSAGE_LENGTH = 500


@dataclass(frozen=True)
class Posting:
    """Where and when an alert is posted."""

    in_thread: bool = False
    """Whether in the thread of the job's card, which names the job."""
    late: bool = False
    """Whether the job was not read for some time before the change was found."""
    notes: Sequence[str] = ()
    """Remarks about the message itself, safe mrkdwn."""


def alert(
    change: Change,
    job: Job,
    links: JobLinks,
    *,
    person: str | None,
    reason: str | None = None,
    losses: Sequence[Point] = (),
    posting: Posting | None = None,
) -> Message:
    """Return the alert for one change of one job.

    Args:
        change: what changed.
        job: snapshot of the job at the change.
        links: what else is known of the job.
        person: Slack user ID of who tracks the job here; None for a subscription, or if no one tracks it anymore.
        reason: why the job failed or the provider canceled it, from its log, if the job itself does not say.
        losses: training losses by step, first to last, for the result.
        posting: where and when it is posted.
    """
    posting = posting or Posting()
    lines = [change_headline(change, job, in_thread=posting.in_thread)]
    text, notes = change_sentence(change, job, reason), list(posting.notes)
    if posting.late:
        notes, text = [_delayed(job), *notes], f"Delayed: {text}"
    remarks = [context(" · ".join(notes))] if notes else []
    message_text = " · ".join([text, *posting.notes])
    if not change.ends_job:
        advice = change_advice(change, job)
        return Message(message_text, [section("\n".join([*lines, *([advice] if advice else [])])), *remarks])
    lines += _result(change, job, links, reason, losses)
    facts = _facts(job, links, person, reason)
    buttons = _retry_button(change, job, links)
    value = job_value(job.id, links.account)
    buttons += [button("Details", DETAILS, value, accessibility_label=f"Show all details for {display_name(job)}")]
    buttons += [page_button(job, links)] if links.page_url else []
    return Message(message_text, [section("\n".join(lines)), *_context(facts), *remarks, actions(*buttons)])


def _retry_button(change: Change, job: Job, links: JobLinks) -> list[Block]:
    """Return the button that opens the form for a failed job's successor, where its account can create jobs."""
    is_failed = phase_of(change.after.status) is Phase.FAILED
    if not is_failed or JobAction.CREATE not in links.actions or request_like(job) is None:
        return []
    value = job_value(job.id, links.account)
    return [button("Retry…", RETRY_JOB, value, accessibility_label=f"Create {display_name(job)} again")]


def _context(facts: Sequence[str]) -> list[Block]:
    return [context(" · ".join(facts))] if facts else []


def _result(change: Change, job: Job, links: JobLinks, reason: str | None, losses: Sequence[Point]) -> Iterator[str]:
    """Yield the lines of a result below its headline: the model and the losses, or why the job failed and what to do."""
    phase = phase_of(change.after.status)
    if phase is Phase.FAILED or (phase is Phase.CANCELLED and reason):
        unread = log_may_say_why(change, job)
        no_reason = f"To see why, run {code_span(f'/ftjob events {job.id}', MAX_ID_LENGTH)}." if unread else NO_REASON
        yield failure_advice(job, reason) or failure_sentence(job.error, reason) or no_reason
        return
    if change.after.fine_tuned_model:
        yield code_span(change.after.fine_tuned_model)
        if links.model_hint:
            yield links.model_hint
    if len(losses) > 1:
        metric = "Reward" if job.is_reinforcement else "Training loss"
        yield f"{metric} {format_metric(losses[0][1])} → {format_metric(losses[-1][1])}"


def _facts(job: Job, links: JobLinks, person: str | None, reason: str | None) -> list[str]:
    """Return the small line of a result: who is concerned, each once, the error as the provider words it, and the job."""
    people = dict.fromkeys(filter(None, [owner_of(job), person if links.tracked else None]))
    facts = [user_mention(each) for each in people]
    if phase_of(job.status) is Phase.FAILED or reason:
        facts += error_codes(job.error, reason)
        message = (job.error.message if job.error else None) or reason
        facts += [safe_text(message, _MAX_MESSAGE_LENGTH)] if message and failure_advice(job, reason) else []
    cost = cost_phrase(job, links.price)
    return [*facts, *job_facts(job, links), *([cost] if cost else [])]


def _delayed(job: Job) -> str:
    when = (
        f"finished {format_date(job.finished_at)}"
        if job.finished_at is not None
        else "I couldn't check this job when its status changed"
    )
    return f":alarm_clock: Delayed: {when}"
