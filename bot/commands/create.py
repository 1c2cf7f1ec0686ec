"""`create`: a form first; handed in, it is an order like any other, given once."""

import asyncio
import secrets

from bot.blocks.answers import note, problem
from bot.blocks.create import MOST_FILES, created, form, private_of
from bot.commands.command import Asker, Command, Reply, Verb
from bot.commands.context import Context
from bot.commands.execute import carry_out, place, taken
from bot.commands.track import try_one
from bot.errors import AccessRefused, BrokenAnswer, ProviderError, Refusal, UserError
from bot.jobs.actions import Order
from bot.jobs.creation import Creation
from bot.jobs.models import File
from bot.store.actions.audit import Decision
from bot.store.actions.confirmations import FORM_LIFETIME, Asked, Question

PURPOSE = "fine-tune"
NO_WINDOW = "Slack opened no window for the form: it has to be opened within three seconds. Type `/ftjob create` again."
NO_FILE = (
    "There is no file to train on yet. Upload one with the purpose `fine-tune`, in the platform's Storage or with its API, "
    "then type `/ftjob create` again."
)
TOO_OLD = "This form was open for more than an hour. Nothing was sent; look through it once more, then press Create."


async def ask(command: Command, context: Context) -> Reply:
    """Show the form, in the window that was opened for it; of several accounts for the first that can make a job."""
    able = [each for each in context.meant(command.account) if Order.CREATE in each.client.orders]
    if not able:
        raise UserError(
            f"I start no jobs in {context.place}: its provider describes them in other words than my form's."
        )
    context = able[0]
    files, _ = await asyncio.gather(_files(context), _check(context))
    if files == []:
        return Reply(note(NO_FILE), decision=Decision.SHOWN)
    return await _form(command.asker, files, context)


async def give(creation: Creation, asked: Asked, command: Command, context: Context) -> Reply:
    """Take a form that was handed in, once; a job that came of it is tracked where it was asked for."""
    if asked.expired:
        return await _again(creation, TOO_OLD, Decision.STALE, command.asker, context)
    if rival := await place(asked, command, context):
        return Reply(note(taken(rival, command.asker)), decision=Decision.DUPLICATE)
    end = await carry_out(asked, command, context)
    if end.decision in (Decision.REFUSED, Decision.UNSENT):
        return await _again(creation, end.said, None, command.asker, context)
    said = end.said
    if end.decision is Decision.DONE and end.reading:
        job_id = end.reading.snapshot.id
        followed = await try_one(job_id, Command(Verb.TRACK, command.asker, command.door, job_ids=(job_id,)), context)
        said = f"{said}\n{followed}"
    return Reply(note(said), decision=None, view=created(said))


async def _again(creation: Creation, why: str, decision: Decision | None, asker: Asker, context: Context) -> Reply:
    """Show the form anew, as it was filled in, and say why."""
    return await _form(asker, await _files(context), context, filled=creation, why=why, decision=decision)


async def _form(
    asker: Asker,
    files: list[File] | None,
    context: Context,
    *,
    filled: Creation | None = None,
    why: str = "",
    decision: Decision | None = Decision.ASKED,
) -> Reply:
    request = f"request-{secrets.token_hex(8)}"
    question = Question(Order.CREATE, context.account, request, asker.person, asker.channel, asker.team)
    key = await context.store.questions.ask(question, lifetime=FORM_LIFETIME)
    view = form(private_of(key, asker.channel), files, filled=filled, problem=why, account=context.named)
    return Reply(problem(why or NO_WINDOW), decision=decision, view=view)


async def _check(context: Context) -> None:
    """Make sure that a form could be sent.

    Raises:
        ProviderError: the account does not answer, or does not let the key for orders in.
    """
    try:
        await context.client.check_orders()
    except AccessRefused as error:
        # A key may be allowed to create jobs and not to list them.
        if error.reason is not Refusal.RIGHTS:
            raise
    except BrokenAnswer as error:
        if not error.is_too_large:
            raise


async def _files(context: Context) -> list[File] | None:
    """Return what can be trained on, newest first; None where there is too much to choose from, or it cannot be read."""
    try:
        files = await context.client.files(purpose=PURPOSE, limit=MOST_FILES + 1)
    except ProviderError:
        return None
    return files if len(files) <= MOST_FILES else None
