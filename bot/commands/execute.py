"""Executes actions of the fine-tuning API: each at most once, and its outcome is always found out and recorded.

The action and its audit row are committed before the request. Where no response came, the job is read; the request is never
sent again, whatever happened: a bot that comes back after an hour must not act on what somebody wanted then.
"""

from dataclasses import replace

import structlog

from bot.blocks.action_results import action_unresolved, already_submitted
from bot.blocks.notice import NoticeKind
from bot.blocks.parts import job_mention, user_mention
from bot.commands.accounts import Account
from bot.commands.command import Requester
from bot.commands.error_messages import expired
from bot.commands.outcome import Outcome, confirmed, read_job, send
from bot.commands.services import Services
from bot.errors import UserError
from bot.jobs.actions import ACTION_WORDING, Decision, JobAction, is_resolved
from bot.jobs.creation import JobRequest
from bot.jobs.models import job_name
from bot.runtime.failpoints import failpoint
from bot.runtime.loops import Loop
from bot.store.actions.audit import AuditEntry
from bot.store.actions.confirmations import PendingAction
from bot.store.db.engine import Transaction
from bot.store.jobs.jobs import KnownJob
from bot.tracking.notices import DAY
from bot.tracking.transitions import PollResult

UNCONFIRMED_TIMEOUT = 60.0
"""Seconds for which a job is read for the effect of an action that got no response."""

RECOVERY_INTERVAL = 5.0
"""Seconds between two rounds for abandoned actions."""

_HOW = {Decision.DONE: "carried out", Decision.FINISHED: "came too late"}
"""Outcomes of which the job's own change alerts its channels, in words for the requester."""

log = structlog.get_logger()


async def submit(pending: PendingAction, source: str, services: Services) -> PendingAction | None:
    """Store an action, its audit row and the line in the job's threads; return the conflicting action where there is one.

    Raises:
        UserError: the confirmation expired at this moment.
    """
    store, confirmation = services.store, pending.confirmation
    async with store.db.transaction() as tx:
        await store.db.advisory_lock(tx)
        if conflicting := await store.actions.confirmations.conflicting(tx, confirmation):
            return conflicting
        if not await store.actions.confirmations.confirm(tx, pending.key, status=confirmation.status):
            raise UserError(expired(pending))
        facts = {"verb": confirmation.verb, "person": confirmation.person}
        kind = NoticeKind.ACTION_SUBMITTED
        await services.notices.enqueue_for_action(tx, confirmation, kind, pending.key, **facts)
        entry = _audit_entry(pending, source, Decision.SUBMITTED, status_before=confirmation.status)
        await store.actions.audit.write(tx, entry)
    return None


async def execute(
    pending: PendingAction,
    source: str,
    services: Services,
    account: Account,
    *,
    job_request: JobRequest | None = None,
    meanwhile: str = "",
) -> Outcome:
    """Send a submitted action, once, and return its outcome.

    Args:
        pending: the action; its status is the one that the job had just before.
        source: how its confirmation came in, for the audit.
        services: the services to work with.
        account: the account of the job.
        job_request: the job to create, where that is the action.
        meanwhile: which statuses the job went through since the confirmation was asked for, safe mrkdwn.
    """
    known = await services.store.jobs.states.find(account.name, pending.confirmation.job_id)
    failpoint("before_action")
    log.info("action.sent", verb=pending.confirmation.verb, job=pending.confirmation.job_id)
    outcome = await send(pending, job_request, account)
    outcome = replace(outcome, said=f"{outcome.said} {meanwhile}".strip())
    failpoint("after_action")
    account.reads.invalidate()
    if outcome.decision is Decision.UNKNOWN:
        # Not complete: the job is read until the effect shows, or until it is clear that there is none.
        await services.store.actions.confirmations.release(pending.key)
    else:
        await _complete(pending, outcome, known, source, services)
    return outcome


async def duplicate_text(action: PendingAction, requester: Requester, services: Services) -> str:
    """Return the reply to somebody who presses the button of an action that was submitted already, maybe by another."""
    confirmation, is_mine = action.confirmation, action.confirmation.person == requester.person
    if confirmation.verb == JobAction.CREATE:
        return already_submitted(action.result_text)
    if is_mine and action.result_text:
        return action.result_text
    words = ACTION_WORDING[JobAction(confirmation.verb)]
    person = user_mention(confirmation.person)
    job = job_mention(confirmation.job_id, await services.store.jobs.names.find(confirmation.job_id))
    if action.completed:
        return f"{'You' if is_mine else person} {words.done} {job} a moment ago."
    who = "You're" if is_mine else f"{person} is"
    return f"{who} already {words.in_progress} {job}."


async def finish_abandoned(services: Services) -> None:
    """Complete, again and again, actions that no process works on: one died, or no response came."""

    async def finish() -> float:
        for pending, age in await services.store.actions.confirmations.abandoned():
            await _finish(pending, age, services)
        return RECOVERY_INTERVAL

    await Loop("actions", finish, retry_after=RECOVERY_INTERVAL).run()


async def _finish(pending: PendingAction, age: float, services: Services) -> None:
    action, confirmation = JobAction(pending.confirmation.verb), pending.confirmation
    account = services.accounts.find(confirmation.account)
    known = await services.store.jobs.states.find(confirmation.account, confirmation.job_id) if account else None
    fetched = await read_job(pending, account) if account else None
    if fetched and is_resolved(action, fetched.snapshot.status):
        outcome = confirmed(action, fetched)
    elif age > UNCONFIRMED_TIMEOUT:
        said = action_unresolved(action, fetched.job if fetched else None)
        outcome = Outcome(Decision.UNKNOWN, said, fetched)
    else:
        return
    await _complete(pending, outcome, known, "start", services, tells_requester=True)


async def _complete(
    pending: PendingAction,
    outcome: Outcome,
    known: KnownJob | None,
    source: str,
    services: Services,
    *,
    tells_requester: bool = False,
) -> None:
    """Record the job as it was read, the outcome of its action, and the notices of it, in one transaction."""
    store = services.store

    async def complete(tx: Transaction) -> None:
        failpoint("before_action_outcome")
        accepted = outcome.decision is Decision.DONE
        if await store.actions.confirmations.complete(tx, pending.key, accepted=accepted, result_text=outcome.said):
            await _notify(tx, pending, outcome, services, tells_requester=tells_requester)
            before = pending.confirmation.status
            entry = _audit_entry(pending, source, outcome.decision, status_before=before, **outcome.for_audit())
            await store.actions.audit.write(tx, entry)

    fetched = [outcome.fetched] if outcome.fetched else []
    account = pending.confirmation.account
    await services.recorder.record(PollResult(account, fetched, {known.id: known} if known else {}), at_end=complete)


async def _notify(
    tx: Transaction, pending: PendingAction, outcome: Outcome, services: Services, *, tells_requester: bool
) -> None:
    notices, action, kind = services.notices, pending.confirmation, NoticeKind.ACTION_COMPLETED
    unsure = "not confirmed" if outcome.decision is Decision.UNKNOWN else "not carried out"
    how = _HOW.get(outcome.decision, unsure)
    facts: dict[str, str | None] = {"verb": action.verb, "how": how, "said": outcome.said}
    if outcome.fetched:
        action = replace(action, job_id=outcome.fetched.snapshot.id)
        facts["name"] = job_name(outcome.fetched.job)
    if outcome.decision not in _HOW:
        await notices.enqueue_for_action(tx, action, kind, pending.key, **facts)
    if tells_requester:
        await notices.enqueue_for_requester(tx, action, kind, pending.key, **facts)
    if outcome.key_error:
        today = services.now() // DAY * DAY
        account = action.account
        await notices.enqueue(tx, NoticeKind.ACTIONS_REFUSED, account, began_at=today, error=outcome.key_error)


def _audit_entry(pending: PendingAction, source: str, decision: Decision, **more: str | None) -> AuditEntry:
    confirmation = pending.confirmation
    return AuditEntry(
        confirmation.person,
        confirmation.team,
        confirmation.channel,
        source,
        confirmation.verb,
        decision,
        account=confirmation.account,
        confirmation_key=pending.key,
        **{"job_id": confirmation.job_id, **more},
    )
