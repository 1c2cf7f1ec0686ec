"""What a change tells a channel."""

from collections.abc import Sequence

from bot.blocks.job import (
    JobLinks,
    failure_sentence,
    failure_text,
    status_emoji,
    status_label,
    status_phrase,
    tokens_and_cost,
    tracked_by,
)
from bot.blocks.parts import (
    Block,
    Message,
    code_span,
    context,
    fields,
    format_date,
    format_duration,
    preformatted,
    safe_text,
    section,
)
from bot.blocks.stuck import stall_advice, stalled_phrase
from bot.jobs.changes import Change, ChangeKind
from bot.jobs.failure import advice_for
from bot.jobs.models import Job
from bot.jobs.statuses import Phase, phase_of

MISSING_TEXT = (
    "The API does not know it any more. It was deleted, or this bot's API key now belongs to another project. If it "
    "comes back, that is told here; stop waiting for it with {command}."
)
NO_REASON = "The API gave no reason. /ftjob status shows everything it says of the job."

_STATUS_KINDS = (ChangeKind.NEW, ChangeKind.STATUS)


def alert(
    change: Change,
    job: Job,
    links: JobLinks,
    *,
    person: str | None,
    reason: str | None = None,
    late: bool = False,
    seen_at: float | None = None,
    notes: Sequence[str] = (),
) -> Message:
    """Draw one change of one job.

    Args:
        change: what changed.
        job: the job as it was at the change.
        links: what is known beside it.
        person: who tracks it here, by user id; None where a subscription does, or nobody does any more.
        reason: why it failed, from its log, where the job does not say.
        late: whether the change happened while nobody was looking.
        seen_at: when it was found, seconds since the epoch.
        notes: what is to be said of the message itself, already safe.
    """
    blocks: list[Block] = [section(_headline(change, job)), *fields(_facts(change, job, links))]
    if change.after.fine_tuned_model and change.after.fine_tuned_model != change.before.fine_tuned_model:
        blocks.append(preformatted(change.after.fine_tuned_model))
        if links.model_hint:
            blocks.append(section(links.model_hint))
    if change.kind is ChangeKind.MISSING:
        blocks.append(section(MISSING_TEXT.format(command=code_span(f"/ftjob untrack {job.id}"))))
    elif change.kind is ChangeKind.STALLED:
        blocks.append(section(f":bulb: {stall_advice(job, change.after.status)}"))
    elif phase_of(change.after.status) is Phase.FAILED and change.kind in _STATUS_KINDS:
        blocks.append(preformatted(failure_text(job.error, reason) or NO_REASON))
        if advice := advice_for(job.error, reason):
            blocks.append(section(f":bulb: {advice}"))
    said = _sentence(change, job, reason)
    last = [f"<{links.page_url}|Open page>"] if links.page_url else []
    last += [tracked_by(person)] if links.tracked else []
    if late:
        last.append(_found_late(job, seen_at))
        said = f"Found late: {said}"
    last += notes
    foot = [context(" · ".join(last))] if last else []
    return Message(" · ".join([said, *notes]), [*blocks, *foot])


def _headline(change: Change, job: Job) -> str:
    if change.kind is ChangeKind.MISSING:
        return f":ghost: *No longer visible* · {code_span(job.id)}"
    if change.kind is ChangeKind.REAPPEARED:
        return f"{status_emoji(change.after.status)} *Visible again* · {code_span(job.id)}"
    if change.kind is ChangeKind.STALLED:
        return (
            f":warning: *Stuck* · {code_span(job.id)} {stalled_phrase(change.after.status, change.stalled_for or 0.0)}"
        )
    if change.kind is ChangeKind.PROGRESSING:
        return f"{status_emoji(change.after.status)} *Moving again* · {code_span(job.id)}"
    if change.kind is ChangeKind.MODEL:
        what = "Fine-tuned model is ready" if change.after.fine_tuned_model else "Fine-tuned model is gone"
        return f":label: *{what}* · {code_span(job.id)}"
    return f"{status_emoji(change.after.status)} *{status_label(change.after.status)}* · {code_span(job.id)}"


def _facts(change: Change, job: Job, links: JobLinks) -> list[tuple[str, str]]:
    facts = []
    if change.kind is ChangeKind.STATUS:
        facts.append(("Was", status_label(change.before.status)))
    elif change.kind is ChangeKind.MISSING:
        facts.append(("Last seen as", status_label(change.before.status)))
    elif change.kind in (ChangeKind.REAPPEARED, ChangeKind.STALLED, ChangeKind.PROGRESSING):
        facts.append(("Status", status_label(change.after.status)))
    if change.stalled_for is not None and change.kind is not ChangeKind.STALLED:
        facts.append(("Stood still for", format_duration(change.stalled_for)))
    if job.model:
        facts.append(("Model", code_span(job.model)))
    if links.account:
        facts.append(("Account", code_span(links.account)))
    if change.kind is ChangeKind.MISSING:
        return facts
    if (taken := job.seconds_taken()) is not None:
        facts.append(("Took", format_duration(taken)))
    if job.trained_tokens is not None:
        facts.append(("Trained tokens", tokens_and_cost(job.trained_tokens, links.price)))
    return facts


def _found_late(job: Job, seen_at: float | None) -> str:
    if job.finished_at is None:
        return "found late: nobody was looking when it changed"
    ago = (
        f", {format_duration(seen_at - job.finished_at)} before it was seen"
        if seen_at and seen_at > job.finished_at
        else ""
    )
    return f"found late: finished {format_date(job.finished_at)}{ago}"


def _sentence(change: Change, job: Job, reason: str | None) -> str:
    who, model = f"Fine-tuning job {safe_text(job.id)}", change.after.fine_tuned_model
    if change.kind is ChangeKind.MODEL:
        return f"{who} has its fine-tuned model: {safe_text(model)}" if model else f"{who} lost its fine-tuned model."
    if change.kind is ChangeKind.MISSING:
        seen_as = status_label(change.before.status).lower()
        return f"{who} is no longer visible to the API key of this bot. It was last seen as {seen_as}."
    if change.kind is ChangeKind.REAPPEARED:
        return f"{who} is visible again: it {status_phrase(change.after.status)}."
    if change.kind is ChangeKind.STALLED:
        return f"{who} is stuck: it {stalled_phrase(change.after.status, change.stalled_for or 0.0)}."
    if change.kind is ChangeKind.PROGRESSING:
        return f"{who} moves again{_after_stall(change)}: it {status_phrase(change.after.status)}."
    taken = job.seconds_taken()
    after = f" after {format_duration(taken)}" if taken is not None else ""
    was = f" (was {status_label(change.before.status).lower()})" if change.kind is ChangeKind.STATUS else ""
    said = f"{who} {status_phrase(change.after.status)}{after}{was}{_after_stall(change)}"
    if phase_of(change.after.status) is Phase.FAILED:
        why = failure_sentence(job.error, reason)
        return f"{said}: {why}" if why else f"{said}. The API gave no reason."
    return f"{said}: {safe_text(model)}" if model else f"{said}."


def _after_stall(change: Change) -> str:
    return "" if change.stalled_for is None else f", after being stuck for {format_duration(change.stalled_for)}"
