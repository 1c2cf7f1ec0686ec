"""`confirm`: the button of a confirmation, or the form for a new job, executes its action, once.

The action is checked against the job as it is at this moment.
"""

from dataclasses import dataclass, field, replace

from bot.blocks.action_results import status_moved_on
from bot.blocks.job import status_label, status_phrase
from bot.blocks.replies import note_message
from bot.commands import create
from bot.commands.accounts import Account
from bot.commands.actions import NOT_APPLICABLE, not_applicable_text, request_confirmation, status_reason
from bot.commands.command import Command, Reply
from bot.commands.error_messages import expired, not_yours
from bot.commands.execute import duplicate_text, execute, submit
from bot.commands.services import Services
from bot.jobs.actions import Applicability, Decision, JobAction, applicability
from bot.jobs.creation import JobRequest
from bot.jobs.models import Job
from bot.store.actions.confirmations import Confirmation, PendingAction
from bot.telemetry.metrics import FORGED_CONFIRMATIONS


@dataclass(frozen=True)
class ConfirmCommand(Command):
    """The button that confirms an action, or the submitted form for a new job."""

    verb = "confirm"

    key: str = field(kw_only=True)
    """The key of the pending action."""
    job_request: JobRequest | None = None
    """The job that the form asks for."""


async def run(command: ConfirmCommand, services: Services, account: Account) -> Reply:
    """Confirm a pending action, once, and execute it, once."""
    pending = await services.store.actions.confirmations.find(command.key)
    if pending is None or not _is_confirmed_by(command, pending.confirmation):
        FORGED_CONFIRMATIONS.inc()
        said = not_yours(pending, is_form=command.job_request is not None)
        return Reply(note_message(said), decision=Decision.TAMPERED)
    if pending.confirmed_at is not None or pending.completed:
        # It replaces nothing: what came of the first press stays to be read.
        said = await duplicate_text(pending, command.requester, services)
        return Reply(note_message(said), decision=Decision.DUPLICATE)
    if command.job_request:
        return await create.submit_form(command.job_request, pending, command.requester, services, account)
    if pending.expired:
        return Reply(note_message(expired(pending)), replaces=True, decision=Decision.EXPIRED, reason="expired")
    job = (await account.client.retrieve(pending.confirmation.job_id)).job
    if superseded := await _superseded(pending, job, command, services, account):
        return superseded
    return await _execute(pending, job.status, command, services, account)


async def _execute(
    pending: PendingAction, status: str, command: ConfirmCommand, services: Services, account: Account
) -> Reply:
    """Execute an action on a job of this status, unless another one is in progress; say which statuses it went through."""
    meanwhile = status_moved_on(pending.confirmation.status, status)
    pending = replace(pending, confirmation=replace(pending.confirmation, status=status))
    if conflicting := await submit(pending, command.requester.source, services):
        others = conflicting.key != pending.key
        said = await duplicate_text(conflicting, command.requester, services)
        return Reply(note_message(said), replaces=others, decision=Decision.DUPLICATE)
    outcome = await execute(pending, command.requester.source, services, account, meanwhile=meanwhile)
    return Reply(note_message(outcome.said), replaces=True, decision=None)


def _is_confirmed_by(command: ConfirmCommand, confirmation: Confirmation) -> bool:
    """Whether a command comes from where the confirmation was asked for: a form for a form, a button for a button."""
    requester = (command.requester.person, command.requester.channel)
    same = (confirmation.person, confirmation.channel) == requester
    return same and (confirmation.verb == JobAction.CREATE) == (command.job_request is not None)


async def _superseded(
    pending: PendingAction, job: Job, command: ConfirmCommand, services: Services, account: Account
) -> Reply | None:
    """Return the reply where the action does not apply any more, or means something else; None where it applies."""
    action, displayed_status = JobAction(pending.confirmation.verb), pending.confirmation.status
    found = applicability(action, job.status, displayed_status=displayed_status)
    if found is Applicability.APPLICABLE:
        return None
    reconfirms = found is Applicability.RECONFIRM
    said = f"{not_applicable_text(action, job)} This button is out of date."
    confirmations = services.store.actions.confirmations
    if not await confirmations.supersede(pending.key, result_text=expired(pending) if reconfirms else said):
        # Another press of this button was quicker. Maybe its action changed the job, and must keep its own result.
        quicker = await confirmations.find(pending.key)
        said = await duplicate_text(quicker or pending, command.requester, services)
        return Reply(note_message(said), decision=Decision.DUPLICATE)
    if reconfirms:
        was, is_now = status_label(displayed_status or "").lower(), status_phrase(job.status)
        why = f"The job was {was} when I asked. It {is_now} now. Confirm again to go ahead."
        return await request_confirmation(action, job, command.requester, services, account, reconfirm_reason=why)
    decision = Decision.EXPIRED if found is Applicability.TOO_LATE else NOT_APPLICABLE[found]
    return Reply(note_message(said), replaces=True, decision=decision, reason=status_reason(job))
