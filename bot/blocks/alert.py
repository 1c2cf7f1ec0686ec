"""What a change tells a channel."""

from collections.abc import Sequence

from bot.blocks.job import Surroundings, doing, emoji, failure, followed_by, reason_in_words, tokens_and_cost, word
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
from bot.blocks.stuck import advice_on_standstill, stuck_for
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
    around: Surroundings,
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
        around: what is known beside it.
        person: who tracks it here, by user id; None where a subscription does, or nobody does any more.
        reason: why it failed, from its log, where the job does not say.
        late: whether the change happened while nobody was looking.
        seen_at: when it was found, seconds since the epoch.
        notes: what is to be said of the message itself, already safe.
    """
    blocks: list[Block] = [section(_headline(change, job)), *fields(_facts(change, job, around))]
    if change.after.fine_tuned_model and change.after.fine_tuned_model != change.before.fine_tuned_model:
        blocks.append(preformatted(change.after.fine_tuned_model))
        if around.hint:
            blocks.append(section(around.hint))
    if change.kind is ChangeKind.GONE:
        blocks.append(section(GONE.format(command=code(f"/ftjob untrack {job.id}"))))
    elif change.kind is ChangeKind.STUCK:
        blocks.append(section(f":bulb: {advice_on_standstill(job, change.after.status)}"))
    elif phase_of(change.after.status) is Phase.FAILED and change.kind in _TELL_OF_STATUS:
        blocks.append(preformatted(failure(job.error, reason) or NO_REASON))
        if advice := advice_for(job.error, reason):
            blocks.append(section(f":bulb: {advice}"))
    said = _sentence(change, job, reason)
    last = [f"<{around.page}|Open page>"] if around.page else []
    last += [followed_by(person)] if around.tracked else []
    if late:
        last.append(_found_late(job, seen_at))
        said = f"Found late: {said}"
    last += notes
    foot = [context(" · ".join(last))] if last else []
    return Message(" · ".join([said, *notes]), [*blocks, *foot])


def _headline(change: Change, job: Job) -> str:
    if change.kind is ChangeKind.GONE:
        return f":ghost: *No longer visible* · {code(job.id)}"
    if change.kind is ChangeKind.BACK:
        return f"{emoji(change.after.status)} *Visible again* · {code(job.id)}"
    if change.kind is ChangeKind.STUCK:
        return f":warning: *Stuck* · {code(job.id)} {stuck_for(change.after.status, change.stuck_for or 0.0)}"
    if change.kind is ChangeKind.MOVED:
        return f"{emoji(change.after.status)} *Moving again* · {code(job.id)}"
    if change.kind is ChangeKind.MODEL:
        what = "Fine-tuned model is ready" if change.after.fine_tuned_model else "Fine-tuned model is gone"
        return f":label: *{what}* · {code(job.id)}"
    return f"{emoji(change.after.status)} *{word(change.after.status)}* · {code(job.id)}"


def _facts(change: Change, job: Job, around: Surroundings) -> list[tuple[str, str]]:
    facts = []
    if change.kind is ChangeKind.STATUS:
        facts.append(("Was", word(change.before.status)))
    elif change.kind is ChangeKind.GONE:
        facts.append(("Last seen as", word(change.before.status)))
    elif change.kind in (ChangeKind.BACK, ChangeKind.STUCK, ChangeKind.MOVED):
        facts.append(("Status", word(change.after.status)))
    if change.stuck_for is not None and change.kind is not ChangeKind.STUCK:
        facts.append(("Stood still for", duration(change.stuck_for)))
    if job.model:
        facts.append(("Model", code(job.model)))
    if around.account:
        facts.append(("Account", code(around.account)))
    if change.kind is ChangeKind.GONE:
        return facts
    if (taken := job.seconds_taken()) is not None:
        facts.append(("Took", duration(taken)))
    if job.trained_tokens is not None:
        facts.append(("Trained tokens", tokens_and_cost(job.trained_tokens, around.price)))
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
    if change.kind is ChangeKind.STUCK:
        return f"{who} is stuck: it {stuck_for(change.after.status, change.stuck_for or 0.0)}."
    if change.kind is ChangeKind.MOVED:
        return f"{who} moves again{_after_standstill(change)}: it {doing(change.after.status)}."
    taken = job.seconds_taken()
    after = f" after {duration(taken)}" if taken is not None else ""
    was = f" (was {word(change.before.status).lower()})" if change.kind is ChangeKind.STATUS else ""
    said = f"{who} {doing(change.after.status)}{after}{was}{_after_standstill(change)}"
    if phase_of(change.after.status) is Phase.FAILED:
        why = reason_in_words(job.error, reason)
        return f"{said}: {why}" if why else f"{said}. The API gave no reason."
    return f"{said}: {plain(model)}" if model else f"{said}."


def _after_standstill(change: Change) -> str:
    return "" if change.stuck_for is None else f", after being stuck for {duration(change.stuck_for)}"
