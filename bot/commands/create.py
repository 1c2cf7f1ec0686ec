"""`create`: a form first; handed in, it is an order like any other, given once."""

import asyncio
import secrets

from bot.blocks.answers import note_message, problem_message
from bot.blocks.create import MAX_FILES, create_form, create_result, form_metadata
from bot.commands.command import Command, Reply, Requester, Verb
from bot.commands.context import Context
from bot.commands.execute import duplicate_text, execute, submit
from bot.commands.track import try_one
from bot.errors import AccessDenialReason, AccessDenied, InvalidResponse, ProviderError, UserError
from bot.jobs.actions import JobAction
from bot.jobs.creation import JobRequest
from bot.jobs.models import File
from bot.store.actions.audit import Decision
from bot.store.actions.confirmations import FORM_LIFETIME, Confirmation, PendingAction

PURPOSE = "fine-tune"
NO_WINDOW = "Slack opened no window for the form: it has to be opened within three seconds. Type `/ftjob create` again."
NO_FILE = (
    "There is no file to train on yet. Upload one with the purpose `fine-tune`, in the platform's Storage or with its API, "
    "then type `/ftjob create` again."
)
TOO_OLD = "This form was open for more than an hour. Nothing was sent; look through it once more, then press Create."


async def ask(command: Command, context: Context) -> Reply:
    """Show the form, in the window that was opened for it; of several accounts for the first that can make a job."""
    able = [each for each in context.selected_accounts(command.account) if JobAction.CREATE in each.client.actions]
    if not able:
        raise UserError(
            f"I start no jobs in {context.label}: its provider describes them in other words than my form's."
        )
    context = able[0]
    files, _ = await asyncio.gather(_files(context), _check(context))
    if files == []:
        return Reply(note_message(NO_FILE), decision=Decision.SHOWN)
    return await _form(command.requester, files, context)


async def submit_form(creation: JobRequest, asked: PendingAction, command: Command, context: Context) -> Reply:
    """Take a form that was handed in, once; a job that came of it is tracked where it was asked for."""
    if asked.expired:
        return await _reopened(creation, TOO_OLD, Decision.EXPIRED, command.requester, context)
    if rival := await submit(asked, command, context):
        return Reply(note_message(duplicate_text(rival, command.requester)), decision=Decision.DUPLICATE)
    end = await execute(asked, command, context)
    if end.decision in (Decision.REFUSED, Decision.UNSENT):
        return await _reopened(creation, end.said, None, command.requester, context)
    said = end.said
    if end.decision is Decision.DONE and end.reading:
        job_id = end.reading.snapshot.id
        followed = await try_one(
            job_id, Command(Verb.TRACK, command.requester, command.door, job_ids=(job_id,)), context
        )
        said = f"{said}\n{followed}"
    return Reply(note_message(said), decision=None, view=create_result(said))


async def _reopened(
    creation: JobRequest, why: str, decision: Decision | None, asker: Requester, context: Context
) -> Reply:
    """Show the form anew, as it was filled in, and say why."""
    return await _form(asker, await _files(context), context, filled=creation, why=why, decision=decision)


async def _form(
    asker: Requester,
    files: list[File] | None,
    context: Context,
    *,
    filled: JobRequest | None = None,
    why: str = "",
    decision: Decision | None = Decision.PROMPTED,
) -> Reply:
    request = f"request-{secrets.token_hex(8)}"
    question = Confirmation(JobAction.CREATE, context.account, request, asker.person, asker.channel, asker.team)
    key = await context.store.actions.confirmations.create(question, lifetime=FORM_LIFETIME)
    view = create_form(
        form_metadata(key, asker.channel), files, prefilled=filled, problem=why, account=context.display_name
    )
    return Reply(problem_message(why or NO_WINDOW), decision=decision, view=view)


async def _check(context: Context) -> None:
    """Make sure that a form could be sent.

    Raises:
        ProviderError: the account does not answer, or does not let the key for orders in.
    """
    try:
        await context.client.check_write_access()
    except AccessDenied as error:
        # A key may be allowed to create jobs and not to list them.
        if error.reason is not AccessDenialReason.PERMISSION:
            raise
    except InvalidResponse as error:
        if not error.is_too_large:
            raise


async def _files(context: Context) -> list[File] | None:
    """Return what can be trained on, newest first; None where there is too much to choose from, or it cannot be read."""
    try:
        files = await context.client.files(purpose=PURPOSE, limit=MAX_FILES + 1)
    except ProviderError:
        return None
    return files if len(files) <= MAX_FILES else None
