"""`cancel`, `pause` and `resume`: a question first; only its answer, checked against the job as it is then, is an order."""

from dataclasses import replace

from bot.blocks.answers import note, order_question
from bot.blocks.job import doing, word
from bot.blocks.order import moved_on
from bot.blocks.parts import code, date
from bot.commands import create
from bot.commands.command import Command, Reply
from bot.commands.context import Context
from bot.commands.error_messages import not_yours, stale
from bot.commands.execute import carry_out, place, taken
from bot.errors import UserError
from bot.jobs.actions import WORDS, Fit, Order, fit
from bot.jobs.models import Job
from bot.store.actions.audit import Decision
from bot.store.actions.confirmations import Asked, Question
from bot.telemetry.metrics import TAMPERED

_UNFIT = {Fit.TOO_EARLY: Decision.EARLY, Fit.ALREADY: Decision.ALREADY, Fit.TOO_LATE: Decision.OVER}
"""What the audit says of an order that does not apply to its job."""


async def ask(command: Command, context: Context) -> Reply:
    """Show what is at stake, with the one button that gives the order."""
    order = Order(command.verb)
    if order not in context.client.orders:
        raise UserError(
            f"A job of {context.place} cannot be {WORDS[order].done} from here: its provider does not offer that."
        )
    job = (await context.client.retrieve(command.job_ids[0])).job
    if (unfit := fit(order, job.status)) is not Fit.GO:
        return Reply(note(_nothing_to_do(order, job)), decision=_UNFIT[unfit], reason=_why(job))
    return await _ask(order, job, command, context)


async def _ask(order: Order, job: Job, command: Command, context: Context, *, instead: str = "") -> Reply:
    asker = command.asker
    question = Question(order, context.account, job.id, asker.person, asker.channel, asker.team, job.status)
    key = await context.store.questions.ask(question)
    message = order_question(order, job, key, now=context.clock(), instead=instead, account=context.named)
    return Reply(message, replaces=bool(instead), decision=Decision.STALE if instead else Decision.ASKED)


async def confirm(command: Command, context: Context) -> Reply:
    """Take the answer to the question, once, and give the order, once."""
    asked = await context.store.questions.find(command.key or "")
    if asked is None or not _is_answered_by(command, asked.question):
        TAMPERED.inc()
        return Reply(note(not_yours(command, asked)), decision=Decision.TAMPERED)
    if asked.answered_at is not None or asked.ended:
        # In place of nothing: what the first press did stays to be read.
        return Reply(note(taken(asked, command.asker)), decision=Decision.DUPLICATE)
    context = context.at(asked.question.account)
    if command.creation:
        return await create.give(command.creation, asked, command, context)
    if asked.expired:
        return Reply(note(stale(asked)), replaces=True, decision=Decision.STALE, reason="expired")
    job = (await context.client.retrieve(asked.question.job_id)).job
    if overtaken := await _overtaken(asked, job, command, context):
        return overtaken
    return await _order(asked, job.status, command, context)


async def _order(asked: Asked, now: str, command: Command, context: Context) -> Reply:
    """Give the order to a job whose status is ``now``, unless there is one; say what the job went through meanwhile."""
    meanwhile = moved_on(asked.question.status, now)
    asked = replace(asked, question=replace(asked.question, status=now))
    if rival := await place(asked, command, context):
        others = rival.key != asked.key
        return Reply(note(taken(rival, command.asker)), replaces=others, decision=Decision.DUPLICATE)
    end = await carry_out(asked, command, context, meanwhile=meanwhile)
    return Reply(note(end.said), replaces=True, decision=None)


def _is_answered_by(command: Command, question: Question) -> bool:
    """Whether a command comes from where the question was put: a form to a form, a button to a button."""
    same = (question.person, question.channel) == (command.asker.person, command.asker.channel)
    return same and (question.verb == Order.CREATE) == (command.creation is not None)


async def _overtaken(asked: Asked, job: Job, command: Command, context: Context) -> Reply | None:
    """Return what to say where the order does not apply any more, or means something else; None where it goes through."""
    order, was = Order(asked.question.verb), asked.question.status
    if (found := fit(order, job.status, asked=was)) is Fit.GO:
        return None
    asks_again = found is Fit.ASK_AGAIN
    said = f"{_nothing_to_do(order, job)} This button is out of date."
    if not await context.store.questions.overtake(asked.key, said=stale(asked) if asks_again else said):
        # Another press of this button was quicker. Maybe what changed the job is its order, which must keep its own end.
        quicker = await context.store.questions.find(asked.key)
        return Reply(note(taken(quicker or asked, command.asker)), decision=Decision.DUPLICATE)
    if asks_again:
        then = word(was or "").lower()
        instead = (
            f"It was {then} when I asked and {doing(job.status)} now, so the button before this one is out of date."
        )
        return await _ask(order, job, command, context, instead=instead)
    decision = Decision.STALE if found is Fit.TOO_LATE else _UNFIT[found]
    return Reply(note(said), replaces=True, decision=decision, reason=_why(job))


def _why(job: Job) -> str:
    """Return why an order does not apply, for the audit."""
    return f"the job {doing(job.status)}"


def _nothing_to_do(order: Order, job: Job) -> str:
    if job.is_final:
        at = f" ({date(job.finished_at)})" if job.finished_at else ""
        return f"Nothing to {order}: {code(job.id)} is over already. It {doing(job.status)}{at}."
    words = WORDS[order]
    return f"Nothing to {order}: {code(job.id)} {doing(job.status)}, and only a {words.wanted} job can be {words.done}."
