"""Sends an action to the fine-tuning API, and finds out its outcome."""

import asyncio
from dataclasses import dataclass

import structlog

from bot.blocks.action_results import (
    action_checked,
    action_not_sent,
    action_refused,
    action_sent,
    action_unconfirmed,
    job_after_action,
)
from bot.commands.accounts import Account
from bot.errors import (
    AccessDenialReason,
    AccessDenied,
    InvalidResponse,
    ProviderError,
    RequestRejected,
    TrainingClosed,
    Unreachable,
)
from bot.jobs.actions import Decision, JobAction, came_too_late, is_resolved
from bot.jobs.creation import REQUEST_KEY, JobRequest
from bot.providers.http.wire import FetchedJob
from bot.store.actions.confirmations import PendingAction

READS_WHEN_UNCONFIRMED = (0.0, 1.0, 3.0)
"""Seconds before each read of a job whose action got no response."""

log = structlog.get_logger()


@dataclass(frozen=True)
class Outcome:
    """What became of an action."""

    decision: Decision
    said: str
    """For the requester, safe mrkdwn."""
    fetched: FetchedJob | None = None
    """The job as it was read after the action."""
    reason: str | None = None
    request_id: str | None = None
    key_error: str | None = None
    """What the API said of the key for actions, where it rejected that."""

    def for_audit(self) -> dict[str, str | None]:
        """Return what the audit records of it, beside the decision."""
        facts = {"reason": self.reason, "request_id": self.request_id}
        if self.fetched is None:
            return facts
        return {**facts, "job_id": self.fetched.snapshot.id, "status_after": self.fetched.snapshot.status}


async def send(pending: PendingAction, job_request: JobRequest | None, account: Account) -> Outcome:
    """Send the request of an action, once, and return its outcome; where no response comes, read the job."""
    action, job_id = JobAction(pending.confirmation.verb), pending.confirmation.job_id
    try:
        fetched = await _request(pending, job_request, account)
    except Unreachable as error:
        if error.may_have_executed:
            return await _unconfirmed(pending, account)
        return Outcome(Decision.UNSENT, action_not_sent(action), reason=str(error))
    except InvalidResponse:
        return await _unconfirmed(pending, account)
    except RequestRejected as error:
        return await _rejected(pending, error, account)
    except ProviderError as error:
        said = account.error_text(error, None if job_request else job_id)
        reasons = (AccessDenialReason.KEY, AccessDenialReason.PERMISSION)
        key_error = str(error) if isinstance(error, AccessDenied) and error.reason in reasons else None
        return Outcome(Decision.REFUSED, said, reason=str(error), request_id=error.request_id, key_error=key_error)
    return Outcome(_decision(action, fetched), action_sent(action, fetched.job), fetched, request_id=fetched.request_id)


async def _request(pending: PendingAction, job_request: JobRequest | None, account: Account) -> FetchedJob:
    confirmation = pending.confirmation
    if job_request:
        return await account.client.create(job_request.body(request=confirmation.job_id, owner=confirmation.person))
    return await account.client.execute(JobAction(confirmation.verb), confirmation.job_id)


async def _unconfirmed(pending: PendingAction, account: Account) -> Outcome:
    """Read a job whose action got no usable response, a few times: the effect may take a moment to show."""
    action, fetched = JobAction(pending.confirmation.verb), None
    for wait in READS_WHEN_UNCONFIRMED:
        await asyncio.sleep(wait)
        fetched = await read_job(pending, account) or fetched
        if fetched and is_resolved(action, fetched.snapshot.status):
            return confirmed(action, fetched)
    return Outcome(Decision.UNKNOWN, action_unconfirmed(action, fetched.job if fetched else None), fetched)


def confirmed(action: JobAction, fetched: FetchedJob) -> Outcome:
    """Return the outcome of an action without a response whose effect the job shows by now."""
    return Outcome(_decision(action, fetched), action_checked(action, fetched.job), fetched)


def _decision(action: JobAction, fetched: FetchedJob) -> Decision:
    """Return whether an action took effect, by the job as it was read after it: not where that had finished otherwise."""
    return Decision.FINISHED if came_too_late(action, fetched.snapshot.status) else Decision.DONE


async def read_job(pending: PendingAction, account: Account) -> FetchedJob | None:
    """Read the job of an action whose outcome is not known; None where it cannot be read, or does not exist yet."""
    confirmation = pending.confirmation
    try:
        if confirmation.verb == JobAction.CREATE:
            return await account.client.find(REQUEST_KEY, confirmation.job_id)
        return await account.client.retrieve(confirmation.job_id)
    except ProviderError as error:
        log.info("action.still_unconfirmed", job=confirmation.job_id, error=type(error).__name__)
        return None


async def _rejected(pending: PendingAction, error: RequestRejected, account: Account) -> Outcome:
    action, fetched = JobAction(pending.confirmation.verb), None
    is_closed = isinstance(error, TrainingClosed)
    said = account.error_text(error) if is_closed else action_refused(action, str(error))
    if action is not JobAction.CREATE and (fetched := await read_job(pending, account)):
        said = f"{said} {job_after_action(action, fetched.job)}"
    return Outcome(Decision.REFUSED, said, fetched, reason=str(error), request_id=error.request_id)
