"""`outbox`: what could not be delivered, and the buttons that try it again."""

import structlog

from bot.blocks.changes import change_label
from bot.blocks.outbox import (
    MAX_ROWS,
    UndeliveredRow,
    card_label,
    digest_label,
    outbox_message,
)
from bot.commands.command import Command, Reply
from bot.commands.context import Context
from bot.jobs.changes import Change, ChangeKind, State
from bot.store.outbox.dead_letters import DeadLetter
from bot.store.outbox.delivery import MessageKind

COMES_BACK = "What fails again comes back to `/ftjob outbox`."
NOTHING_LEFT = "There was nothing left to retry."
DELIVERED = "That message was delivered meanwhile."
ON_ITS_WAY = "That message is on its way already."
HELD = "That message is part of a digest by now: retry the digest."
UNKNOWN = "I do not know that message any more."

log = structlog.get_logger()


async def show(_command: Command, context: Context) -> Reply:
    """Show what could not be delivered, why, and what would mend it."""
    return await _reply(context)


async def retry(command: Command, context: Context) -> Reply:
    """Owe one message anew, or all; what becomes of that is seen in its channel, or in the outbox again."""
    undelivered = context.store.outbox.dead_letters
    count = await undelivered.retry(None if command.delivery is None else [command.delivery])
    if count:
        log.info("outbox.retried", deliveries=count, person=command.requester.person)
        messages = "1 message" if count == 1 else f"{count} messages, each channel's in order"
        return await _reply(context, done=f"Retrying {messages}. {COMES_BACK}", replaces=command.replaces)
    done = NOTHING_LEFT
    if command.delivery is not None:
        done = _told_of(await undelivered.state_of(command.delivery))
    return await _reply(context, done=done, replaces=command.replaces)


async def _reply(context: Context, *, done: str = "", replaces: bool = False) -> Reply:
    seen = await context.store.outbox.dead_letters.overview(MAX_ROWS)
    rows = [
        UndeliveredRow(each.id, _what(each), each.channel, each.created_at, each.error) for each in seen.dead_letters
    ]
    message = outbox_message(
        rows, total=seen.total, waiting=seen.pending, waits_for=seen.oldest_pending_seconds, done=done
    )
    return Reply(message, replaces=replaces)


def _what(stuck: DeadLetter) -> str:
    if stuck.message_kind is MessageKind.DIGEST:
        return digest_label(stuck.digested)
    if stuck.job_id is None:
        return "a notice"
    if stuck.message_kind is MessageKind.CARD or stuck.change_kind is None:
        return card_label(stuck.job_id)
    before, after = State(stuck.old_status or ""), State(stuck.new_status or "")
    return change_label(Change(ChangeKind(stuck.change_kind), before, after), stuck.job_id)


def _told_of(state: str | None) -> str:
    match state:
        case None:
            return UNKNOWN
        case "sent":
            return DELIVERED
        case "parked" | "dead":
            return HELD
        case _:
            return ON_ITS_WAY
