"""`cancel`: a question first, then the order, and never a guess about what became of it."""

import asyncio

import structlog

from bot.alerts.record import Seen
from bot.blocks.answers import cancel_question, note
from bot.blocks.job import doing
from bot.blocks.parts import code, date, plain
from bot.commands.command import Command, Reply, Verb
from bot.commands.context import Context
from bot.commands.problems import STALE
from bot.errors import BrokenAnswer, ProviderError, RequestRefused, Unreachable, UserError
from bot.jobs.models import Job
from bot.jobs.statuses import Phase, phase_of
from bot.providers.wire import Reading
from bot.store.jobs import KnownJob
from bot.store.questions import Question

LOOKS_AFTER_DOUBT = (0.0, 1.0, 3.0)
"""Seconds before each look at a job whose cancel got no answer."""

IN_DOUBT = (
    "The API did not answer, neither to the cancel nor when I looked at the job afterwards. The cancel may have "
    "arrived. Look again with `/ftjob status` in a minute; a job that is tracked tells its channel how it ends."
)

log = structlog.get_logger()


async def ask(command: Command, context: Context) -> Reply:
    """Show what is at stake, with the one button that cancels."""
    job_id = command.job_ids[0]
    job = (await context.client.retrieve(job_id)).job
    if job.is_final:
        return Reply(note(_nothing_to_cancel(job)))
    asker = command.asker
    key = await context.store.questions.ask(Question(Verb.CANCEL, context.account, job_id, asker.person, asker.channel))
    return Reply(cancel_question(job, key, now=context.clock()))


async def confirm(command: Command, context: Context) -> Reply:
    """Take the answer to the question, once, and send the order, once."""
    question = await context.store.questions.answer(
        command.key or "", person=command.asker.person, channel=command.asker.channel
    )
    if question is None:
        # In place of nothing: after a double click, what the first one did stays to be read.
        return Reply(note(STALE))
    known = await context.store.jobs.known(context.account, question.job_id)
    job = (await context.client.retrieve(question.job_id)).job
    if job.is_final:
        return Reply(note(_nothing_to_cancel(job)), replaces=True)
    try:
        return Reply(note(await _order(question.job_id, known, context)), replaces=True)
    finally:
        context.shared.forget()


async def _order(job_id: str, known: KnownJob | None, context: Context) -> str:
    log.info("cancel.sent", job=job_id)
    try:
        reading = await context.client.cancel(job_id)
    except (Unreachable, BrokenAnswer) as error:
        if isinstance(error, Unreachable) and not error.maybe_done:
            return "The API could not be reached, so nothing was sent. The job goes on. Please try again in a minute."
        reading = await _look_again(job_id, context)
        said = "The API did not say what became of the cancel, so I looked at the job: "
    except RequestRefused as error:
        reading = await context.client.retrieve(job_id)
        said = f"The API refused to cancel it: {plain(str(error)).rstrip('.')}. "
    else:
        said = "Cancel sent. "
    await context.recorder.record(Seen(context.account, [reading], {known.id: known} if known else {}))
    return said + _present(reading.job)


async def _look_again(job_id: str, context: Context) -> Reading:
    """Read a job whose cancel is in doubt, a few times: the order may take a moment to show."""
    reading = None
    for wait in LOOKS_AFTER_DOUBT:
        await asyncio.sleep(wait)
        try:
            reading = await context.client.retrieve(job_id)
        except ProviderError:
            log.info("cancel.still_in_doubt", job=job_id)
        if reading and reading.snapshot.is_final:
            break
    if reading is None:
        raise UserError(IN_DOUBT)
    return reading


def _present(job: Job) -> str:
    if phase_of(job.status) is Phase.CANCELLED:
        return f"{code(job.id)} is cancelled now."
    if job.is_final:
        return f"{code(job.id)} had already ended: it {doing(job.status)}."
    return f"{code(job.id)} {doing(job.status)} now; if it is tracked, the channel hears how it ends."


def _nothing_to_cancel(job: Job) -> str:
    at = f" ({date(job.finished_at)})" if job.finished_at else ""
    return f"Nothing to cancel: {code(job.id)} is over already. It {doing(job.status)}{at}."
