"""The alert for one change of a job: a message in the thread of its card."""

from collections.abc import Iterator, Sequence

from bot.blocks.changes import change_advice, change_headline, change_sentence, status_facts
from bot.blocks.job import JobLinks, failure_text, tokens_and_cost, tracked_by
from bot.blocks.parts import (
    Block,
    Message,
    code_span,
    context,
    fields,
    format_date,
    format_duration,
    preformatted,
    section,
)
from bot.jobs.changes import Change, ChangeKind
from bot.jobs.failure import advice_for
from bot.jobs.models import Job
from bot.jobs.statuses import Phase, phase_of

NO_REASON = "The API gave no reason. /ftjob status shows everything it says of the job."

_STATUS_KINDS = (ChangeKind.NEW, ChangeKind.STATUS)


def alert(
    change: Change,
    job: Job,
    links: JobLinks,
    *,
    person: str | None,
    reason: str | None = None,
    late_at: float | None = None,
    notes: Sequence[str] = (),
) -> Message:
    """Return the alert for one change of one job.

    Args:
        change: what changed.
        job: snapshot of the job at the change.
        links: what else is known of the job.
        person: Slack user ID of who tracks the job here; None for a subscription, or if no one tracks it anymore.
        reason: failure reason from the job's log, if the job itself has none.
        late_at: when a change was found that happened while the bot was down, Unix seconds; None for one found in time.
        notes: remarks about the message itself, safe mrkdwn.
    """
    blocks = [section(change_headline(change, job)), *fields(list(_facts(change, job, links)))]
    blocks += [*_model(change, links), *_advice(change, job, reason)]
    footer = [f"<{links.page_url}|Open page>"] if links.page_url else []
    footer += [tracked_by(person)] if links.tracked else []
    footer += [_found_late(job, late_at)] if late_at is not None else []
    footer += notes
    sentence = f"{'' if late_at is None else 'Found late: '}{change_sentence(change, job, reason)}"
    return Message(" · ".join([sentence, *notes]), [*blocks, *([context(" · ".join(footer))] if footer else [])])


def _facts(change: Change, job: Job, links: JobLinks) -> Iterator[tuple[str, str]]:
    """Yield the labeled values of an alert, safe mrkdwn."""
    yield from status_facts(change)
    if change.stalled_for is not None and change.kind is not ChangeKind.STALLED:
        yield "Stood still for", format_duration(change.stalled_for)
    if job.model:
        yield "Model", code_span(job.model)
    if links.account:
        yield "Account", code_span(links.account)
    if change.kind is ChangeKind.MISSING:
        return
    if (duration := job.duration()) is not None:
        yield "Took", format_duration(duration)
    if job.trained_tokens is not None:
        yield "Trained tokens", tokens_and_cost(job.trained_tokens, links.price)


def _model(change: Change, links: JobLinks) -> list[Block]:
    """Return the name of a new model, ready to copy, and what its provider requires before it can be called."""
    model = change.after.fine_tuned_model
    if not model or model == change.before.fine_tuned_model:
        return []
    return [preformatted(model), *([section(links.model_hint)] if links.model_hint else [])]


def _advice(change: Change, job: Job, reason: str | None) -> list[Block]:
    """Return why a job failed, and what to do about a change."""
    if phase_of(change.after.status) is Phase.FAILED and change.kind in _STATUS_KINDS:
        advice = advice_for(job.error, reason)
        hint = [section(f":bulb: {advice}")] if advice else []
        return [preformatted(failure_text(job.error, reason) or NO_REASON), *hint]
    advice = change_advice(change, job)
    return [section(advice)] if advice else []


def _found_late(job: Job, seen_at: float) -> str:
    if job.finished_at is None:
        return "found late: nobody was looking when it changed"
    ago = f", {format_duration(seen_at - job.finished_at)} before it was seen" if seen_at > job.finished_at else ""
    return f"found late: finished {format_date(job.finished_at)}{ago}"
