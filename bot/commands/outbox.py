"""`outbox`: the messages that could not be delivered, and the buttons that retry them."""

from dataclasses import dataclass, replace

import structlog

from bot.blocks.changes import change_label
from bot.blocks.outbox import MAX_ROWS, UndeliveredRow, card_label, digest_label, outbox_message
from bot.blocks.parts import counted
from bot.commands.accounts import Account
from bot.commands.arguments import no_arguments
from bot.commands.command import Command, Reply, Requester
from bot.commands.services import Services
from bot.commands.usage import Usage
from bot.jobs.actions import Decision
from bot.jobs.changes import Change, ChangeKind, State
from bot.store.outbox.dead_letters import DeadLetter
from bot.store.outbox.delivery import MessageKind

USAGE = Usage("outbox", "show undelivered messages and retry them (operators only)", "outbox")
RETRY_NOTES = {1: "If it fails again, it'll reappear in `/ftjob outbox`."}
RETRY_NOTE = "Any that fail again will reappear in `/ftjob outbox`."
NOTHING_LEFT = "Nothing left to retry."
DELIVERED = "That message was already delivered."
IN_PROGRESS = "That message is already being sent."
IN_DIGEST = "That message is now part of a digest. Retry the digest."
UNKNOWN = "That message no longer exists."

log = structlog.get_logger()


@dataclass(frozen=True)
class OutboxCommand(Command):
    """`outbox`."""

    verb = "outbox"


@dataclass(frozen=True)
class RetryCommand(Command):
    """A button in the reply to `outbox`."""

    verb = "retry"

    delivery: int | None = None
    """The id of the delivery to retry, None for all."""


def parse(words: list[str], requester: Requester) -> OutboxCommand:
    """Read the words after `outbox`."""
    no_arguments(USAGE, words)
    return OutboxCommand(requester)


async def run(_command: OutboxCommand, services: Services, _account: Account) -> Reply:
    """Show the dead letters, why each was not delivered, and what would fix that."""
    return replace(await _reply(services), decision=Decision.SHOWN)


async def run_retry(command: RetryCommand, services: Services, _account: Account) -> Reply:
    """Requeue one message, or all; one that fails again comes back to the outbox."""
    dead_letters = services.store.outbox.dead_letters
    count = await dead_letters.retry(None if command.delivery is None else [command.delivery])
    if count:
        log.info("outbox.retried", deliveries=count, person=command.requester.person)
        done = f"Retrying {counted(count, 'message')}. {RETRY_NOTES.get(count, RETRY_NOTE)}"
        return await _reply(services, done=done, replaces=command.replaces)
    done = NOTHING_LEFT
    if command.delivery is not None:
        done = _not_retried(await dead_letters.state_of(command.delivery))
    return await _reply(services, done=done, replaces=command.replaces)


async def _reply(services: Services, *, done: str = "", replaces: bool = False) -> Reply:
    seen = await services.store.outbox.dead_letters.overview(MAX_ROWS)
    names = await services.store.jobs.names.of([each.job_id for each in seen.dead_letters if each.job_id])
    rows = [
        UndeliveredRow(each.id, _label(each, names.get(each.job_id or "")), each.channel, each.created_at, each.error)
        for each in seen.dead_letters
    ]
    pending, oldest = seen.pending, seen.oldest_pending_seconds
    return Reply(
        outbox_message(rows, total=seen.total, waiting=pending, waits_for=oldest, done=done), replaces=replaces
    )


def _label(letter: DeadLetter, name: str | None) -> str:
    if letter.message_kind is MessageKind.DIGEST:
        return digest_label(letter.digested)
    if letter.job_id is None:
        return "Notice"
    if letter.message_kind is MessageKind.CARD or letter.change_kind is None:
        return card_label(letter.job_id, name)
    before, after = State(letter.old_status or ""), State(letter.new_status or "")
    return change_label(Change(ChangeKind(letter.change_kind), before, after), letter.job_id, name)


def _not_retried(state: str | None) -> str:
    """Return why a message was not retried, by its state in the store."""
    match state:
        case None:
            return UNKNOWN
        case "sent":
            return DELIVERED
        case "parked" | "dead":
            return IN_DIGEST
        case _:
            return IN_PROGRESS
