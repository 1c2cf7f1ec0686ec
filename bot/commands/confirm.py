"""`cancel`, `pause` and `resume`: a question first; only its answer, checked against the job as it is then, is an order."""

from dataclasses import replace

from bot.blocks.action_confirmation import action_confirmation
from bot.blocks.action_results import status_moved_on
from bot.blocks.answers import note_message
from bot.blocks.job import status_label, status_phrase
from bot.blocks.parts import code_span, format_date
from bot.commands import create
from bot.commands.command import Command, Reply
from bot.commands.context import Context
from bot.commands.error_messages import expired, not_yours
from bot.commands.execute import duplicate_text, execute, submit
from bot.errors import UserError
from bot.jobs.actions import ACTION_WORDING, Applicability, JobAction, applicability
from bot.jobs.models import Job
from bot.store.actions.audit import Decision
from bot.store.actions.confirmations import Confirmation, PendingAction
from bot.telemetry.metrics import FORGED_CONFIRMATIONS

_NOT_APPLICABLE = {
    Applicability.TOO_EARLY: Decision.EARLY,
    Applicability.ALREADY: Decision.ALREADY,
    Applicability.TOO_LATE: Decision.FINISHED,
}
"""What the audit says of an order that does not apply to its job."""


async def ask(command: Command, context: Context) -> Reply:
    """Show what is at stake, with the one button that gives the order."""
    order = JobAction(command.verb)
    if order not in context.client.actions:
        raise UserError(
            f"A job of {context.label} cannot be {ACTION_WORDING[order].done} from here: its provider does not offer that."
        )
    job = (await context.client.retrieve(command.job_ids[0])).job
    if (unfit := applicability(order, job.status)) is not Applicability.APPLICABLE:
        return Reply(note_message(_not_applicable(order, job)), decision=_NOT_APPLICABLE[unfit], reason=_why(job))
    return await _ask(order, job, command, context)


async def _ask(order: JobAction, job: Job, command: Command, context: Context, *, instead: str = "") -> Reply:
    asker = command.requester
    question = Confirmation(order, context.account, job.id, asker.person, asker.channel, asker.team, job.status)
    key = await context.store.actions.confirmations.create(question)
    message = action_confirmation(
        order, job, key, now=context.clock(), reconfirm_reason=instead, account=context.display_name
    )
    return Reply(message, replaces=bool(instead), decision=Decision.EXPIRED if instead else Decision.PROMPTED)


async def confirm(command: Command, context: Context) -> Reply:
    """Take the answer to the question, once, and give the order, once."""
    asked = await context.store.actions.confirmations.find(command.key or "")
    if asked is None or not _is_confirmed_by(command, asked.confirmation):
        FORGED_CONFIRMATIONS.inc()
        return Reply(note_message(not_yours(command, asked)), decision=Decision.TAMPERED)
    if asked.confirmed_at is not None or asked.completed:
        # In place of nothing: what the first press did stays to be read.
        return Reply(note_message(duplicate_text(asked, command.requester)), decision=Decision.DUPLICATE)
    context = context.for_account(asked.confirmation.account)
    if command.creation:
        return await create.submit_form(command.creation, asked, command, context)
    if asked.expired:
        return Reply(note_message(expired(asked)), replaces=True, decision=Decision.EXPIRED, reason="expired")
    job = (await context.client.retrieve(asked.confirmation.job_id)).job
    if overtaken := await _superseded(asked, job, command, context):
        return overtaken
    return await _execute(asked, job.status, command, context)


async def _execute(asked: PendingAction, now: str, command: Command, context: Context) -> Reply:
    """Give the order to a job whose status is ``now``, unless there is one; say what the job went through meanwhile."""
    meanwhile = status_moved_on(asked.confirmation.status, now)
    asked = replace(asked, confirmation=replace(asked.confirmation, status=now))
    if rival := await submit(asked, command, context):
        others = rival.key != asked.key
        return Reply(
            note_message(duplicate_text(rival, command.requester)), replaces=others, decision=Decision.DUPLICATE
        )
    end = await execute(asked, command, context, meanwhile=meanwhile)
    return Reply(note_message(end.said), replaces=True, decision=None)


def _is_confirmed_by(command: Command, question: Confirmation) -> bool:
    """Whether a command comes from where the question was put: a form to a form, a button to a button."""
    same = (question.person, question.channel) == (command.requester.person, command.requester.channel)
    return same and (question.verb == JobAction.CREATE) == (command.creation is not None)


async def _superseded(asked: PendingAction, job: Job, command: Command, context: Context) -> Reply | None:
    """Return what to say where the order does not apply any more, or means something else; None where it goes through."""
    order, was = JobAction(asked.confirmation.verb), asked.confirmation.status
    if (found := applicability(order, job.status, shown_status=was)) is Applicability.APPLICABLE:
        return None
    asks_again = found is Applicability.RECONFIRM
    said = f"{_not_applicable(order, job)} This button is out of date."
    if not await context.store.actions.confirmations.supersede(
        asked.key, result_text=expired(asked) if asks_again else said
    ):
        # Another press of this button was quicker. Maybe what changed the job is its order, which must keep its own end.
        quicker = await context.store.actions.confirmations.find(asked.key)
        return Reply(note_message(duplicate_text(quicker or asked, command.requester)), decision=Decision.DUPLICATE)
    if asks_again:
        then = status_label(was or "").lower()
        instead = f"It was {then} when I asked and {status_phrase(job.status)} now, so the button before this one is out of date."
        return await _ask(order, job, command, context, instead=instead)
    decision = Decision.EXPIRED if found is Applicability.TOO_LATE else _NOT_APPLICABLE[found]
    return Reply(note_message(said), replaces=True, decision=decision, reason=_why(job))


def _why(job: Job) -> str:
    """Return why an order does not apply, for the audit."""
    return f"the job {status_phrase(job.status)}"


def _not_applicable(order: JobAction, job: Job) -> str:
    if job.is_final:
        at = f" ({format_date(job.finished_at)})" if job.finished_at else ""
        return f"Nothing to {order}: {code_span(job.id)} is over already. It {status_phrase(job.status)}{at}."
    words = ACTION_WORDING[order]
    return f"Nothing to {order}: {code_span(job.id)} {status_phrase(job.status)}, and only a {words.target_jobs} job can be {words.done}."
