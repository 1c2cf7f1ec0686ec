"""Run a command: the table of verbs, who may, what to say when it does not work, and what the audit keeps of it.

The audit holds every command that needs an operator, and what was refused to a person; what was too much to look at
(``flood``) leaves no row.
"""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace

import structlog

from bot.blocks import Message
from bot.blocks.answers import note_message, problem_message
from bot.commands import (
    about,
    audit,
    confirm,
    create,
    curves,
    details,
    events,
    models,
    mute,
    outbox,
    settings,
    status,
    subscribe,
    track,
)
from bot.commands.accounts import resolve_account
from bot.commands.command import Command, Reply, Verb
from bot.commands.context import Context
from bot.commands.error_messages import STOPPED, UNEXPECTED_ERROR, denial, rate_limited
from bot.commands.last_known import with_last_known
from bot.commands.permissions import NEVER_ALLOWED, Authorized, Denied, Permission, authorize
from bot.commands.rate_limit import Limited
from bot.commands.tokenizer import ACCOUNT
from bot.errors import NotFound, ProviderError, UserError
from bot.slack.members import Person, UnknownReason
from bot.store.actions.audit import AuditEntry, Decision
from bot.telemetry import metrics

log = structlog.get_logger()

_RUN: dict[Verb, Callable[[Command, Context], Awaitable[Reply]]] = {
    Verb.HELP: about.help_,
    Verb.STATUS: status.show_status,
    Verb.LIST: status.show_list,
    Verb.TRACK: track.track,
    Verb.UNTRACK: track.untrack,
    Verb.TRACKED: track.tracked,
    Verb.SUBSCRIBE: subscribe.subscribe,
    Verb.SUBSCRIPTIONS: subscribe.subscriptions,
    Verb.UNSUBSCRIBE: subscribe.unsubscribe,
    Verb.EVENTS: events.show_events,
    Verb.CHECKPOINTS: events.show_checkpoints,
    Verb.MUTE: mute.mute,
    Verb.UNMUTE: mute.unmute,
    Verb.SETTINGS: settings.settings,
    Verb.CURVES: curves.show,
    Verb.DETAILS: details.show,
    Verb.CANCEL: confirm.ask,
    Verb.PAUSE: confirm.ask,
    Verb.RESUME: confirm.ask,
    Verb.CREATE: create.ask,
    Verb.CONFIRM: confirm.confirm,
    Verb.MODELS: models.show,
    Verb.OUTBOX: outbox.show,
    Verb.RETRY: outbox.retry,
    Verb.AUDIT: audit.show,
    Verb.ABOUT: about.about,
}

_ON_THE_STORE = frozenset({Verb.UNTRACK, Verb.MUTE, Verb.UNMUTE, Verb.AUDIT})
"""They ask no API about the job that they name."""


async def run(command: Command, who: Person | UnknownReason, context: Context) -> Reply:
    """Do what somebody asked, if they may, and return what to tell them. It never raises for what goes wrong.

    Args:
        command: what was asked.
        who: who asked, as Slack describes them, or why nothing is known of them.
        context: the parts to work with.
    """
    changes = {"changes_job": command.changes_job, "changes_channel": command.changes_channel}
    decision = authorize(who, command.permission, context.policy, **changes)
    update_rate_limits(decision, command.permission, command.requester.person, context)
    if isinstance(decision, Denied):
        log.info("command.refused", verb=command.verb, why=decision.reason)
        metrics.COMMANDS.labels(command.verb, "refused").inc()
        if command.stops_own:
            return await _stopped(command, context)
        text = denial(decision.reason, context.policy)
        reply = Reply(note_message(text), decision=Decision.DENIED, reason=decision.reason)
    else:
        reply, context = await _done(command, context)
    if reply.decision and (command.permission is Permission.OPERATE or reply.decision is Decision.DENIED):
        await _audit(command, reply.decision, reply.reason, context)
    return reply


def answer_invalid(error: UserError, person: str, who: Person | UnknownReason, context: Context) -> Reply:
    """Return what to say of words that are no command, or why whoever typed them gets no answer."""
    decision = authorize(who, Permission.NONE, context.policy, changes_job=False)
    update_rate_limits(decision, Permission.NONE, person, context)
    if isinstance(decision, Denied):
        return Reply(note_message(denial(decision.reason, context.policy)))
    return Reply(problem_message(str(error)))


async def _stopped(command: Command, context: Context) -> Reply:
    """Stop what somebody who may do nothing else gets in their direct messages; the answer tells nothing of any job.

    So it lists no subscriptions to choose from: who names none ends all.
    """
    everything = command.everything or subscribe.names_none(command)
    reply, _ = await _done(replace(command, everything=everything), context)
    return reply if reply.decision is Decision.FAILED else Reply(note_message(STOPPED))


def update_rate_limits(decision: Authorized | Denied, need: Permission, person: str, context: Context) -> None:
    """Let people who may not do this draw on no limit of those who may."""
    if isinstance(decision, Denied):
        context.rate_limiter.record_denied(person, context.monotonic(), for_good=decision.reason in NEVER_ALLOWED)
    elif need is not Permission.NONE:
        context.rate_limiter.record_authorized(person)


async def _done(command: Command, context: Context) -> tuple[Reply, Context]:
    """Do what somebody asked and may; return what to tell them, also of what went wrong, and where it was done."""
    if command.changes_job:
        room = context.rate_limiter.admit_action(command.verb, context.monotonic())
        if isinstance(room, Limited):
            metrics.RATE_LIMITED.labels(room.kind).inc()
            return Reply(note_message(rate_limited(room)), decision=Decision.DENIED, reason="too many orders"), context
    try:
        context = await _where(command, context)
        reply = await _RUN[command.verb](command, context)
    except UserError as error:
        metrics.COMMANDS.labels(command.verb, "user_error").inc()
        return Reply(problem_message(str(error)), decision=Decision.INVALID, reason=str(error)), context
    except ProviderError as error:
        metrics.COMMANDS.labels(command.verb, "upstream").inc()
        said = _upstream(error, command, context)
        said = said if isinstance(error, NotFound) else await with_last_known(said, command, context)
        return Reply(said, decision=Decision.FAILED, reason=str(error)), context
    except Exception:
        metrics.COMMANDS.labels(command.verb, "bug").inc()
        ref = secrets.token_hex(4)
        log.exception("command.broke", verb=command.verb, ref=ref)
        return Reply(problem_message(UNEXPECTED_ERROR, ref=ref), decision=Decision.FAILED, reason=f"ref {ref}"), context
    metrics.COMMANDS.labels(command.verb, "ok").inc()
    return reply, context


async def _where(command: Command, context: Context) -> Context:
    """Return the context of the account that a command is about; of several jobs each finds its own."""
    if command.account:
        return context.for_account(command.account)
    name = dict(command.filter.metadata).get(ACCOUNT[:-1], "").casefold()
    if name in context.accounts and len(context.accounts) > 1:
        raise UserError(f"`account={name}` asks for what jobs carry. Did you mean `{ACCOUNT}{name}`?")
    if command.key and (asked := await context.store.actions.confirmations.find(command.key)):
        return context.for_account(asked.confirmation.account)
    if len(command.job_ids) == 1 and command.verb not in _ON_THE_STORE:
        return await resolve_account(command.job_ids[0], context)
    return context


async def _audit(command: Command, decision: Decision, reason: str | None, context: Context) -> None:
    """Add what was tried to the audit. What could not be written is in the log: the answer must not wait for it."""
    asker, jobs = command.requester, ",".join(command.job_ids) or None
    where = (asker.person, asker.team, asker.channel, command.door, command.verb.value)
    entry = AuditEntry(*where, decision, account=context.account, job_id=jobs, reason=reason)
    try:
        if command.key and (asked := await context.store.actions.confirmations.find(command.key)):
            entry = replace(entry, job_id=asked.confirmation.job_id, account=asked.confirmation.account)
        async with context.store.db.transaction() as tx:
            await context.store.actions.audit.write(tx, entry)
    except Exception:
        log.exception("audit.not_written", **vars(entry))


def _upstream(error: ProviderError, command: Command, context: Context) -> Message:
    ref = error.request_id or secrets.token_hex(4)
    log.warning("command.upstream", verb=command.verb, error=f"{type(error).__name__}: {error}", ref=ref)
    job_id = command.job_ids[0] if len(command.job_ids) == 1 else None
    return problem_message(context.error_text(error, job_id), ref=ref)
