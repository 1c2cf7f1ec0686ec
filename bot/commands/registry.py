"""Run a command: the table of verbs, who may, what to say when it does not work, and what the audit keeps of it.

The audit holds every command that needs an operator, and what was refused to a person; what was too much to look at
(``flood``) leaves no row.
"""

import secrets
from collections.abc import Awaitable, Callable
from dataclasses import replace

import structlog

from bot.blocks import Message
from bot.blocks.answers import note, problem
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
from bot.commands.accounts import at_job
from bot.commands.command import Command, Reply, Verb
from bot.commands.context import Context
from bot.commands.error_messages import STOPPED, STRANGE, flooded, refusal
from bot.commands.last_known import beside
from bot.commands.permissions import OUTSIDE, Allowed, Need, Refused, may
from bot.commands.rate_limit import Wait
from bot.commands.tokenizer import ACCOUNT
from bot.errors import NotFound, ProviderError, UserError
from bot.slack.members import Person, Unknown
from bot.store.actions.audit import Decision, Entry
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


async def run(command: Command, who: Person | Unknown, context: Context) -> Reply:
    """Do what somebody asked, if they may, and return what to tell them. It never raises for what goes wrong.

    Args:
        command: what was asked.
        who: who asked, as Slack describes them, or why nothing is known of them.
        context: the parts to work with.
    """
    changes = {"changes_job": command.changes_job, "changes_channel": command.changes_channel}
    decision = may(who, command.need, context.policy, **changes)
    mind_limits(decision, command.need, command.asker.person, context)
    if isinstance(decision, Refused):
        log.info("command.refused", verb=command.verb, why=decision.why)
        metrics.COMMANDS.labels(command.verb, "refused").inc()
        if command.stops_own:
            return await _stopped(command, context)
        text = refusal(decision.why, context.policy)
        reply = Reply(note(text), decision=Decision.DENIED, reason=decision.why)
    else:
        reply, context = await _done(command, context)
    if reply.decision and (command.need is Need.OPERATE or reply.decision is Decision.DENIED):
        await _write_down(command, reply.decision, reply.reason, context)
    return reply


def misread(error: UserError, person: str, who: Person | Unknown, context: Context) -> Reply:
    """Return what to say of words that are no command, or why whoever typed them gets no answer."""
    decision = may(who, Need.NOTHING, context.policy, changes_job=False)
    mind_limits(decision, Need.NOTHING, person, context)
    if isinstance(decision, Refused):
        return Reply(note(refusal(decision.why, context.policy)))
    return Reply(problem(str(error)))


async def _stopped(command: Command, context: Context) -> Reply:
    """Stop what somebody who may do nothing else gets in their direct messages; the answer tells nothing of any job.

    So it lists no subscriptions to choose from: who names none ends all.
    """
    everything = command.everything or subscribe.names_none(command)
    reply, _ = await _done(replace(command, everything=everything), context)
    return reply if reply.decision is Decision.FAILED else Reply(note(STOPPED))


def mind_limits(decision: Allowed | Refused, need: Need, person: str, context: Context) -> None:
    """Let people who may not do this draw on no limit of those who may."""
    if isinstance(decision, Refused):
        context.flood.refused(person, context.ages(), for_good=decision.why in OUTSIDE)
    elif need is not Need.NOTHING:
        context.flood.allowed(person)


async def _done(command: Command, context: Context) -> tuple[Reply, Context]:
    """Do what somebody asked and may; return what to tell them, also of what went wrong, and where it was done."""
    if command.changes_job:
        room = context.flood.admit_order(command.verb, context.ages())
        if isinstance(room, Wait):
            metrics.FLOODS.labels(room.bound).inc()
            return Reply(note(flooded(room)), decision=Decision.DENIED, reason="too many orders"), context
    try:
        context = await _where(command, context)
        reply = await _RUN[command.verb](command, context)
    except UserError as error:
        metrics.COMMANDS.labels(command.verb, "user_error").inc()
        return Reply(problem(str(error)), decision=Decision.WRONG, reason=str(error)), context
    except ProviderError as error:
        metrics.COMMANDS.labels(command.verb, "upstream").inc()
        said = _upstream(error, command, context)
        said = said if isinstance(error, NotFound) else await beside(said, command, context)
        return Reply(said, decision=Decision.FAILED, reason=str(error)), context
    except Exception:
        metrics.COMMANDS.labels(command.verb, "bug").inc()
        ref = secrets.token_hex(4)
        log.exception("command.broke", verb=command.verb, ref=ref)
        return Reply(problem(STRANGE, ref=ref), decision=Decision.FAILED, reason=f"ref {ref}"), context
    metrics.COMMANDS.labels(command.verb, "ok").inc()
    return reply, context


async def _where(command: Command, context: Context) -> Context:
    """Return the context of the account that a command is about; of several jobs each finds its own."""
    if command.account:
        return context.at(command.account)
    name = dict(command.filter.metadata).get(ACCOUNT[:-1], "").casefold()
    if name in context.accounts and len(context.accounts) > 1:
        raise UserError(f"`account={name}` asks for what jobs carry. Did you mean `{ACCOUNT}{name}`?")
    if command.key and (asked := await context.store.questions.find(command.key)):
        return context.at(asked.question.account)
    if len(command.job_ids) == 1 and command.verb not in _ON_THE_STORE:
        return await at_job(command.job_ids[0], context)
    return context


async def _write_down(command: Command, decision: Decision, reason: str | None, context: Context) -> None:
    """Add what was tried to the audit. What could not be written is in the log: the answer must not wait for it."""
    asker, jobs = command.asker, ",".join(command.job_ids) or None
    where = (asker.person, asker.team, asker.channel, command.door, command.verb.value)
    entry = Entry(*where, decision, account=context.account, job_id=jobs, reason=reason)
    try:
        if command.key and (asked := await context.store.questions.find(command.key)):
            entry = replace(entry, job_id=asked.question.job_id, account=asked.question.account)
        async with context.store.db.transaction() as tx:
            await context.store.audit.write(tx, entry)
    except Exception:
        log.exception("audit.not_written", **vars(entry))


def _upstream(error: ProviderError, command: Command, context: Context) -> Message:
    ref = error.request_id or secrets.token_hex(4)
    log.warning("command.upstream", verb=command.verb, error=f"{type(error).__name__}: {error}", ref=ref)
    job_id = command.job_ids[0] if len(command.job_ids) == 1 else None
    return problem(context.upstream(error, job_id), ref=ref)
