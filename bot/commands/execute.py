"""Orders to the fine-tuning API: each is given at most once, and what became of it is always found out and written down.

The order and its audit row are committed before the request. Where no answer came, the job is read; it is never ordered
a second time, whatever happened: a bot that comes back after an hour must not act on what somebody wanted then.
"""

import asyncio
from dataclasses import dataclass, replace

import structlog

from bot.blocks.action_results import (
    action_checked,
    action_not_sent,
    action_refused,
    action_sent,
    action_unconfirmed,
    action_unresolved,
    already_submitted,
    job_after_action,
)
from bot.blocks.notice import NoticeKind
from bot.blocks.parts import code_span, user_mention
from bot.commands.command import Command, Requester
from bot.commands.context import Context
from bot.commands.error_messages import expired
from bot.errors import (
    AccessDenialReason,
    AccessDenied,
    InvalidResponse,
    ProviderError,
    RequestRejected,
    TrainingClosed,
    Unreachable,
    UserError,
)
from bot.jobs.actions import ACTION_WORDING, JobAction, came_too_late, is_resolved
from bot.jobs.creation import REQUEST_KEY, JobRequest
from bot.providers.wire import FetchedJob
from bot.runtime.failpoints import failpoint
from bot.runtime.loops import Loop
from bot.store.actions.audit import AuditEntry, Decision
from bot.store.actions.confirmations import PendingAction
from bot.store.db.engine import Transaction
from bot.store.jobs.jobs import KnownJob
from bot.tracking.notices import DAY
from bot.tracking.transitions import PollResult

READS_WHEN_UNCONFIRMED = (0.0, 1.0, 3.0)
"""Seconds before each look at a job whose order got no answer."""

UNCONFIRMED_TIMEOUT = 60.0
"""Seconds for which a job is watched for the effect of an order that got no answer."""

RECOVERY_INTERVAL = 5.0
"""Seconds between two rounds for abandoned orders."""

_HOW = {Decision.DONE: "carried out", Decision.FINISHED: "came too late"}
"""Ends of which the job's own change tells its channels, in words for whoever gave the order."""

log = structlog.get_logger()


@dataclass(frozen=True)
class Outcome:
    """What became of an order."""

    decision: Decision
    said: str
    reading: FetchedJob | None = None
    reason: str | None = None
    request_id: str | None = None
    refused_key: str | None = None
    """What the API said of the key for orders, where that was the matter."""

    def for_audit(self) -> dict[str, str | None]:
        """Return what the audit keeps of it, beside the decision."""
        told = {"reason": self.reason, "request_id": self.request_id}
        if self.reading is None:
            return told
        return {**told, "job_id": self.reading.snapshot.id, "status_after": self.reading.snapshot.status}


async def submit(asked: PendingAction, command: Command, context: Context) -> PendingAction | None:
    """Store an order, its audit row and the line in the job's threads, unless there is one; return that one, or None.

    Raises:
        UserError: the question grew too old in this moment.
    """
    store, question = context.store, asked.confirmation
    async with store.db.transaction() as tx:
        await store.db.advisory_lock(tx)
        if rival := await store.actions.confirmations.conflicting(tx, question):
            return rival
        if not await store.actions.confirmations.confirm(tx, asked.key, status=question.status):
            raise UserError(expired(asked))
        facts = {"verb": question.verb, "person": question.person}
        await context.notices.enqueue_for_action(tx, question, NoticeKind.ACTION_SUBMITTED, asked.key, **facts)
        await store.actions.audit.write(
            tx, _audit_entry(asked, command.door, Decision.SUBMITTED, status_before=question.status)
        )
    return None


async def execute(asked: PendingAction, command: Command, context: Context, *, meanwhile: str = "") -> Outcome:
    """Send an order that was placed, once, and return what became of it.

    Args:
        asked: the order; its status is the one that the job had just before.
        command: the press or form that it came from.
        context: the parts to work with.
        meanwhile: what the job went through since the question, safe mrkdwn.
    """
    known = await context.store.jobs.states.find(context.account, asked.confirmation.job_id)
    failpoint("before_action")
    log.info("order.sent", verb=asked.confirmation.verb, job=asked.confirmation.job_id)
    end = await _send(asked, command.creation, context)
    end = replace(end, said=f"{end.said} {meanwhile}".strip())
    failpoint("after_action")
    context.reads.invalidate()
    if end.decision is Decision.UNKNOWN:
        # Not over: it is watched until its effect shows, or until it is clear that there is none.
        await context.store.actions.confirmations.release(asked.key)
    else:
        await _complete(asked, end, known, command.door, context)
    return end


def duplicate_text(order: PendingAction, requester: Requester) -> str:
    """Return what to say to somebody who presses the button of an order that was given already, maybe by another."""
    if order.confirmation.verb == JobAction.CREATE:
        return already_submitted(order.result_text)
    if order.confirmation.person == requester.person and order.result_text:
        return order.result_text
    words = ACTION_WORDING[JobAction(order.confirmation.verb)]
    whose = "you" if order.confirmation.person == requester.person else user_mention(order.confirmation.person)
    if order.completed:
        return f"{code_span(order.confirmation.job_id)} was {words.done} by {whose} a moment ago."
    return f"{code_span(order.confirmation.job_id)} is already {words.in_progress} by {whose}."


async def finish_abandoned(context: Context) -> None:
    """Find out, again and again, what became of actions that no one works on: a process died, or no answer came."""

    async def finish() -> float:
        for asked, age in await context.store.actions.confirmations.abandoned():
            await _finish(asked, age, context)
        return RECOVERY_INTERVAL

    await Loop("actions", finish, retry_after=RECOVERY_INTERVAL).run()


async def _finish(asked: PendingAction, age: float, context: Context) -> None:
    order = JobAction(asked.confirmation.verb)
    if asked.confirmation.account not in context.accounts:
        if age > UNCONFIRMED_TIMEOUT:
            lost = Outcome(Decision.UNKNOWN, action_unresolved(order, asked.confirmation.job_id, None))
            await _complete(asked, lost, None, "start", context, tells_person=True)
        return
    context = context.for_account(asked.confirmation.account)
    known = await context.store.jobs.states.find(context.account, asked.confirmation.job_id)
    reading = await _read_job(asked, context)
    if reading and is_resolved(order, reading.snapshot.status):
        await _complete(asked, _confirmed(order, reading), known, "start", context, tells_person=True)
    elif age > UNCONFIRMED_TIMEOUT:
        said = action_unresolved(order, asked.confirmation.job_id, reading.job if reading else None)
        await _complete(asked, Outcome(Decision.UNKNOWN, said, reading), known, "start", context, tells_person=True)


async def _send(asked: PendingAction, creation: JobRequest | None, context: Context) -> Outcome:
    order, job_id = JobAction(asked.confirmation.verb), asked.confirmation.job_id
    try:
        reading = await _request(asked, creation, context)
    except Unreachable as error:
        if error.may_have_executed:
            return await _unconfirmed(asked, context)
        return Outcome(Decision.UNSENT, action_not_sent(order), reason=str(error))
    except InvalidResponse:
        return await _unconfirmed(asked, context)
    except RequestRejected as error:
        return await _rejected(asked, error, context)
    except ProviderError as error:
        said = context.error_text(error, None if creation else job_id)
        is_key = isinstance(error, AccessDenied) and error.reason in (
            AccessDenialReason.KEY,
            AccessDenialReason.PERMISSION,
        )
        key = str(error) if is_key else None
        return Outcome(Decision.REFUSED, said, reason=str(error), request_id=error.request_id, refused_key=key)
    return Outcome(_decision(order, reading), action_sent(order, reading.job), reading, request_id=reading.request_id)


async def _request(asked: PendingAction, creation: JobRequest | None, context: Context) -> FetchedJob:
    question = asked.confirmation
    if creation:
        return await context.client.create(creation.body(request=question.job_id, owner=question.person))
    return await context.client.execute(JobAction(question.verb), question.job_id)


async def _unconfirmed(asked: PendingAction, context: Context) -> Outcome:
    """Read a job whose order got no usable answer, a few times: the order may take a moment to show."""
    order, reading = JobAction(asked.confirmation.verb), None
    for wait in READS_WHEN_UNCONFIRMED:
        await asyncio.sleep(wait)
        reading = await _read_job(asked, context) or reading
        if reading and is_resolved(order, reading.snapshot.status):
            return _confirmed(order, reading)
    return Outcome(Decision.UNKNOWN, action_unconfirmed(order, reading.job if reading else None), reading)


def _confirmed(order: JobAction, reading: FetchedJob) -> Outcome:
    """Return the end of an order without an answer whose job shows it by now."""
    return Outcome(_decision(order, reading), action_checked(order, reading.job), reading)


def _decision(order: JobAction, reading: FetchedJob) -> Decision:
    """Return whether an order worked, by what was read of its job after it: not on one that had ended in another way."""
    return Decision.FINISHED if came_too_late(order, reading.snapshot.status) else Decision.DONE


async def _read_job(asked: PendingAction, context: Context) -> FetchedJob | None:
    """Read the job of an order whose end is not known; None where it cannot be read, or is not there yet."""
    question = asked.confirmation
    try:
        if question.verb == JobAction.CREATE:
            return await context.client.find(REQUEST_KEY, question.job_id)
        return await context.client.retrieve(question.job_id)
    except ProviderError as error:
        log.info("order.still_in_doubt", job=question.job_id, error=type(error).__name__)
        return None


async def _rejected(asked: PendingAction, error: RequestRejected, context: Context) -> Outcome:
    order, reading = JobAction(asked.confirmation.verb), None
    said = context.error_text(error) if isinstance(error, TrainingClosed) else action_refused(order, str(error))
    if order is not JobAction.CREATE and (reading := await _read_job(asked, context)):
        said = f"{said} {job_after_action(order, reading.job)}"
    return Outcome(Decision.REFUSED, said, reading, reason=str(error), request_id=error.request_id)


async def _complete(
    asked: PendingAction,
    outcome: Outcome,
    known: KnownJob | None,
    door: str,
    context: Context,
    *,
    tells_person: bool = False,
) -> None:
    """Record what was read of the job; then write down what became of the order, and tell whom it concerns, at once."""
    store = context.store

    async def close(tx: Transaction) -> None:
        failpoint("before_action_outcome")
        if await store.actions.confirmations.complete(
            tx, asked.key, accepted=outcome.decision is Decision.DONE, result_text=outcome.said
        ):
            await _notify(tx, asked, outcome, context, tells_person=tells_person)
            entry = _audit_entry(
                asked, door, outcome.decision, status_before=asked.confirmation.status, **outcome.for_audit()
            )
            await store.actions.audit.write(tx, entry)

    readings = [outcome.reading] if outcome.reading else []
    seen = PollResult(context.account, readings, {known.id: known} if known else {})
    await context.recorder.record(seen, at_end=close)


async def _notify(
    tx: Transaction, asked: PendingAction, outcome: Outcome, context: Context, *, tells_person: bool
) -> None:
    notices, order, kind = context.notices, asked.confirmation, NoticeKind.ACTION_COMPLETED
    if outcome.reading:
        order = replace(order, job_id=outcome.reading.snapshot.id)
    facts = {"verb": order.verb, "how": _HOW.get(outcome.decision, "not carried out"), "said": outcome.said}
    if outcome.decision not in _HOW:
        await notices.enqueue_for_action(tx, order, kind, asked.key, **facts)
    if tells_person:
        await notices.enqueue_for_requester(tx, order, kind, asked.key, **facts)
    if outcome.refused_key:
        today = context.clock() // DAY * DAY
        await notices.enqueue(
            tx, NoticeKind.ACTIONS_REFUSED, context.account, began_at=today, error=outcome.refused_key
        )


def _audit_entry(asked: PendingAction, door: str, decision: Decision, **more: str | None) -> AuditEntry:
    question = asked.confirmation
    return AuditEntry(
        question.person,
        question.team,
        question.channel,
        door,
        question.verb,
        decision,
        account=question.account,
        confirmation_key=asked.key,
        **{"job_id": question.job_id, **more},
    )
