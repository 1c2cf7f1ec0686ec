"""What a change tells a channel."""

from collections.abc import Sequence

from bot.blocks.job import doing, emoji, failure, followed_by, reason_in_words, word
from bot.blocks.parts import (
    Block,
    Message,
    code,
    context,
    date,
    duration,
    fields,
    plain,
    preformatted,
    section,
)
from bot.jobs.changes import Change, ChangeKind
from bot.jobs.failure import advice_for
from bot.jobs.models import Job
from bot.jobs.statuses import Phase, phase_of

GONE = (
    "The API does not know it any more. It was deleted, or this bot's API key now belongs to another project. If it "
    "comes back, that is told here; stop waiting for it with {command}."
)
NO_REASON = "The API gave no reason. /ftjob status shows everything it says of the job."

_TELL_OF_STATUS = (ChangeKind.NEW, ChangeKind.STATUS)


def alert(
    change: Change,
    job: Job,
    *,
    page: str,
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
        page: the address of the provider's page for it.
        person: who tracks it here, by user id; None where the channel's subscription does.
        reason: why it failed, from its log, where the job does not say.
        late: whether the change happened while nobody was looking.
        seen_at: when it was found, seconds since the epoch.
        notes: what is to be said of the message itself, already safe.
    """
    blocks: list[Block] = [section(_headline(change, job)), *fields(_facts(change, job))]
    if change.after.fine_tuned_model and change.after.fine_tuned_model != change.before.fine_tuned_model:
        blocks.append(preformatted(change.after.fine_tuned_model))
    if change.kind is ChangeKind.GONE:
        blocks.append(section(GONE.format(command=code(f"/ftjob untrack {job.id}"))))
    elif phase_of(change.after.status) is Phase.FAILED and change.kind in _TELL_OF_STATUS:
        blocks.append(preformatted(failure(job.error, reason) or NO_REASON))
        if advice := advice_for(job.error, reason):
            blocks.append(section(f":bulb: {advice}"))
    said = _sentence(change, job, reason)
    whose = [f"<{page}|Open page>", followed_by(person)]
    if late:
        whose.append(_found_late(job, seen_at))
        said = f"Found late: {said}"
    last = " · ".join([*whose, *notes])
    return Message(" · ".join([said, *notes]), [*blocks, context(last)])


def _headline(change: Change, job: Job) -> str:
    if change.kind is ChangeKind.GONE:
        return f":ghost: *No longer visible* · {code(job.id)}"
    if change.kind is ChangeKind.BACK:
        return f"{emoji(change.after.status)} *Visible again* · {code(job.id)}"
    if change.kind is ChangeKind.MODEL:
        what = "Fine-tuned model is ready" if change.after.fine_tuned_model else "Fine-tuned model is gone"
        return f":label: *{what}* · {code(job.id)}"
    return f"{emoji(change.after.status)} *{word(change.after.status)}* · {code(job.id)}"


def _facts(change: Change, job: Job) -> list[tuple[str, str]]:
    facts = []
    if change.kind is ChangeKind.STATUS:
        facts.append(("Was", word(change.before.status)))
    elif change.kind is ChangeKind.GONE:
        facts.append(("Last seen as", word(change.before.status)))
    elif change.kind is ChangeKind.BACK:
        facts.append(("Status", word(change.after.status)))
    if job.model:
        facts.append(("Model", code(job.model)))
    if change.kind is ChangeKind.GONE:
        return facts
    if (taken := job.seconds_taken()) is not None:
        facts.append(("Took", duration(taken)))
    if job.trained_tokens is not None:
        facts.append(("Trained tokens", f"{job.trained_tokens:,}"))
    return facts


def _found_late(job: Job, seen_at: float | None) -> str:
    if job.finished_at is None:
        return "found late: nobody was looking when it changed"
    ago = f", {duration(seen_at - job.finished_at)} before it was seen" if seen_at and seen_at > job.finished_at else ""
    return f"found late: finished {date(job.finished_at)}{ago}"


def _sentence(change: Change, job: Job, reason: str | None) -> str:
    who, model = f"Fine-tuning job {plain(job.id)}", change.after.fine_tuned_model
    if change.kind is ChangeKind.MODEL:
        return f"{who} has its fine-tuned model: {plain(model)}" if model else f"{who} lost its fine-tuned model."
    if change.kind is ChangeKind.GONE:
        seen_as = word(change.before.status).lower()
        return f"{who} is no longer visible to the API key of this bot. It was last seen as {seen_as}."
    if change.kind is ChangeKind.BACK:
        return f"{who} is visible again: it {doing(change.after.status)}."
    taken = job.seconds_taken()
    after = f" after {duration(taken)}" if taken is not None else ""
    was = f" (was {word(change.before.status).lower()})" if change.kind is ChangeKind.STATUS else ""
    said = f"{who} {doing(change.after.status)}{after}{was}"
    if phase_of(change.after.status) is Phase.FAILED:
        why = reason_in_words(job.error, reason)
        return f"{said}: {why}" if why else f"{said}. The API gave no reason."
    return f"{said}: {plain(model)}" if model else f"{said}."
