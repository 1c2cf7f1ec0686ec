"""Runs a command: whether its requester may, what to reply where it fails, and what the audit records.

The audit records every command that needs an operator, and what was denied to a person; commands over a rate limit leave no
row.
"""

import secrets
from dataclasses import replace

import structlog

from bot.blocks import Message
from bot.blocks.parts import section
from bot.blocks.replies import note_message, problem_message
from bot.commands.access import AccessControl
from bot.commands.accounts import Account
from bot.commands.command import Command, Reply
from bot.commands.confirm import ConfirmCommand
from bot.commands.error_messages import STOPPED, UNEXPECTED_ERROR, denial, rate_limited
from bot.commands.last_known import of_job, of_list
from bot.commands.list import ListCommand
from bot.commands.permissions import Denied, Permission, authorize
from bot.commands.rate_limit import Limited
from bot.commands.registry import VERBS
from bot.commands.services import Services
from bot.commands.unsubscribe import UnsubscribeCommand
from bot.errors import NotFound, ProviderError, UserError
from bot.jobs.actions import Decision
from bot.slack.directory.members import Person, UnknownReason
from bot.store.actions.audit import AuditEntry
from bot.store.actions.confirmations import PendingAction
from bot.telemetry import metrics

log = structlog.get_logger()


async def run(command: Command, person: Person | UnknownReason, services: Services, access: AccessControl) -> Reply:
    """Run a command if its requester may; return the reply. It never raises for what goes wrong.

    Args:
        command: the command.
        person: the requester as Slack describes them, or why nothing is known of them.
        services: the services to work with.
        access: the permissions and rate limits.
    """
    verb, account = VERBS[command.verb], services.accounts.default
    permission, decision = verb.permission_for(command), access.authorize(person, command)
    access.update_rate_limits(decision, permission, command.requester.person)
    if isinstance(decision, Denied):
        log.info("command.denied", verb=command.verb, reason=decision.reason)
        metrics.COMMANDS.labels(command.verb, "refused").inc()
        if verb.stops_own_alerts(command):
            return await _stop_own_alerts(command, services, access)
        text = denial(decision.reason, access.policy)
        reply = Reply(note_message(text), decision=Decision.DENIED, reason=decision.reason)
    else:
        reply, account = await _run_authorized(command, services, access)
    if reply.decision and (permission is Permission.OPERATE or reply.decision is Decision.DENIED):
        await _audit(command, reply.decision, reply.reason, services, account)
    return reply


def reply_to_invalid(error: UserError, person_id: str, person: Person | UnknownReason, access: AccessControl) -> Reply:
    """Return the reply to words that are no command, or why whoever typed them gets none."""
    decision = authorize(person, Permission.NONE, access.policy, changes_job=False)
    access.update_rate_limits(decision, Permission.NONE, person_id)
    if isinstance(decision, Denied):
        return Reply(note_message(denial(decision.reason, access.policy)))
    return Reply(problem_message(str(error)))


async def _stop_own_alerts(command: Command, services: Services, access: AccessControl) -> Reply:
    """Stop what somebody who may do nothing else gets in their direct messages; the reply tells nothing of any job.

    So it lists no subscriptions to choose from: who names none ends all.
    """
    if isinstance(command, UnsubscribeCommand) and command.names_none:
        command = replace(command, all_of_them=True)
    reply, _ = await _run_authorized(command, services, access)
    return reply if reply.decision is Decision.FAILED else Reply(note_message(STOPPED))


async def _run_authorized(command: Command, services: Services, access: AccessControl) -> tuple[Reply, Account]:
    """Run an authorized command; return the reply, also to what went wrong, and the account that it was about."""
    account, verb = services.accounts.default, VERBS[command.verb]
    if verb.changes_job:
        allowed = access.rate_limiter.admit_action(command.verb, access.monotonic())
        if isinstance(allowed, Limited):
            metrics.RATE_LIMITED.labels(allowed.kind).inc()
            return Reply(
                note_message(rate_limited(allowed)), decision=Decision.DENIED, reason="too many actions"
            ), account
    try:
        command = replace(command, job_ids=await services.accounts.full_ids(command.job_ids))
        account = await _account_of(command, services)
        reply = await verb.run(command, services, account)
    except UserError as error:
        metrics.COMMANDS.labels(command.verb, "user_error").inc()
        return Reply(problem_message(str(error)), decision=Decision.INVALID, reason=str(error)), account
    except ProviderError as error:
        metrics.COMMANDS.labels(command.verb, "upstream").inc()
        said = await _provider_failed(error, command, services, account)
        return Reply(said, decision=Decision.FAILED, reason=str(error)), account
    except Exception:
        metrics.COMMANDS.labels(command.verb, "bug").inc()
        ref = secrets.token_hex(4)
        log.exception("command.failed", verb=command.verb, ref=ref)
        return Reply(problem_message(UNEXPECTED_ERROR, ref=ref), decision=Decision.FAILED, reason=f"ref {ref}"), account
    metrics.COMMANDS.labels(command.verb, "ok").inc()
    return reply, account


async def _account_of(command: Command, services: Services) -> Account:
    """Return the account that a command is about; of several jobs each finds its own.

    A button may name an account that is gone: another one may have its jobs now.
    """
    accounts = services.accounts
    if command.account and (command.requester.source == "command" or accounts.find(command.account)):
        return accounts.one(command.account)
    if pending := await _pending(command, services):
        return accounts.one(pending.confirmation.account)
    if len(command.job_ids) == 1 and not VERBS[command.verb].is_local:
        return await accounts.with_job(command.job_ids[0])
    return accounts.default


async def _pending(command: Command, services: Services) -> PendingAction | None:
    """Return the action that a command confirms, None where it confirms none."""
    if isinstance(command, ConfirmCommand) and command.key:
        return await services.store.actions.confirmations.find(command.key)
    return None


async def _audit(
    command: Command, decision: Decision, reason: str | None, services: Services, account: Account
) -> None:
    """Add a row to the audit. One that cannot be written is logged: the reply must not wait for it."""
    requester, jobs = command.requester, ",".join(command.job_ids) or None
    who = (requester.person, requester.team, requester.channel, requester.source, command.verb)
    entry = AuditEntry(*who, decision, account=account.name, job_id=jobs, reason=reason)
    try:
        if pending := await _pending(command, services):
            confirmed = pending.confirmation
            entry = replace(entry, job_id=confirmed.job_id, account=confirmed.account)
        async with services.store.db.transaction() as tx:
            await services.store.actions.audit.write(tx, entry)
    except Exception:
        log.exception("audit.not_written", **vars(entry))


async def _provider_failed(error: ProviderError, command: Command, services: Services, account: Account) -> Message:
    """Return what went wrong, and what is known all the same of the jobs that a command is about."""
    ref = error.request_id or secrets.token_hex(4)
    log.warning("command.provider_error", verb=command.verb, error=f"{type(error).__name__}: {error}", ref=ref)
    job_id = command.job_ids[0] if len(command.job_ids) == 1 else None
    message = problem_message(account.error_text(error, job_id), ref=ref)
    if isinstance(error, NotFound):
        return message
    try:
        lines = await _last_known(command, services, account)
    except Exception:
        # Where the store does not answer either, what went wrong is all there is to say.
        log.exception("last_known.unread")
        return message
    return replace(message, blocks=[*message.blocks, *(section(line) for line in lines if line)])


async def _last_known(command: Command, services: Services, account: Account) -> list[str]:
    if isinstance(command, ListCommand):
        accounts = services.accounts.selected(command.account)
        return [await of_list(command.filter, command.after, each, services) for each in accounts]
    return [await of_job(job_id, account, services) for job_id in command.job_ids[:1]]
