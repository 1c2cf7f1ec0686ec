"""`create`: opens a form for a new job; submitted, the form is an action like any other, executed once."""

import asyncio
import secrets
from dataclasses import dataclass

from bot.blocks.create import MAX_FILES, create_form, create_result, form_metadata
from bot.blocks.job import job_title
from bot.blocks.replies import note_message, problem_message
from bot.commands.accounts import Account
from bot.commands.arguments import no_arguments
from bot.commands.command import Command, Reply, Requester
from bot.commands.execute import duplicate_text, execute, submit
from bot.commands.filters import read_account
from bot.commands.services import Services
from bot.commands.track import TrackCommand, try_one
from bot.commands.usage import Usage
from bot.errors import AccessDenialReason, AccessDenied, InvalidResponse, ProviderError, UserError
from bot.jobs.actions import Decision, JobAction
from bot.jobs.creation import REQUEST_PREFIX, JobRequest, request_like
from bot.jobs.models import File
from bot.store.actions.confirmations import FORM_LIFETIME, Confirmation, PendingAction

USAGE = Usage("create [account:name]", "open a form to create a job (operators only)", "create")
PURPOSE = "fine-tune"
NO_MODAL = "Slack couldn't open the form in time. Run `/ftjob create` again."
NO_FILE = (
    "There's no training file yet. Upload one with the purpose `fine-tune` on the provider's Storage page or through its "
    "API, then run `/ftjob create` again."
)
NO_RETRY = "I can't retry {job} here: only supervised and DPO jobs are supported. Create it through the API instead."
TOO_OLD = "This form expired, so nothing was sent. Your entries are still here. Review them and click Create."


@dataclass(frozen=True)
class CreateCommand(Command):
    """`create`; the job that it names, if any, is the one to retry."""

    verb = JobAction.CREATE.value


def parse(words: list[str], requester: Requester) -> CreateCommand:
    """Read the words after `create`."""
    words, account = read_account(USAGE, words)
    no_arguments(USAGE, words)
    return CreateCommand(requester, account=account)


async def run(command: CreateCommand, services: Services, account: Account) -> Reply:
    """Show the form, in the modal that was opened for it; of several accounts for the first that can create a job."""
    if command.job_ids:
        return await _retry(command, services, account)
    able = [each for each in services.accounts.selected(command.account) if JobAction.CREATE in each.client.actions]
    if not able:
        raise UserError(f"Creating jobs isn't supported for {account.label}.")
    account = able[0]
    files, _ = await asyncio.gather(_files(account), _check(account))
    if files == []:
        return Reply(note_message(NO_FILE), decision=Decision.SHOWN)
    return await _form(command.requester, files, services, account)


async def _retry(command: CreateCommand, services: Services, account: Account) -> Reply:
    """Show the form with the values of a job that is to be created again."""
    (job_id,) = command.job_ids
    if JobAction.CREATE not in account.client.actions:
        raise UserError(f"Creating jobs isn't supported for {account.label}.")
    files, _, read = await asyncio.gather(_files(account), _check(account), account.reads.job(job_id))
    job = read.value.job
    if (prefilled := request_like(job)) is None:
        raise UserError(NO_RETRY.format(job=job_title(job)))
    return await _form(command.requester, files or None, services, account, prefilled=prefilled)


async def submit_form(
    job_request: JobRequest, pending: PendingAction, requester: Requester, services: Services, account: Account
) -> Reply:
    """Execute a submitted form, once; the job that it creates is tracked where the form was asked for."""
    if pending.expired:
        return await _reopened(job_request, requester, services, account, why=TOO_OLD, decision=Decision.EXPIRED)
    if conflicting := await submit(pending, requester.source, services):
        said = await duplicate_text(conflicting, requester, services)
        return Reply(note_message(said), decision=Decision.DUPLICATE)
    outcome = await execute(pending, requester.source, services, account, job_request=job_request)
    if outcome.decision in (Decision.REFUSED, Decision.UNSENT):
        return await _reopened(job_request, requester, services, account, why=outcome.said, decision=None)
    said = outcome.said
    if outcome.decision is Decision.DONE and outcome.fetched:
        job_id = outcome.fetched.snapshot.id
        tracked = await try_one(job_id, TrackCommand(requester, (job_id,)), services)
        said = f"{said}\n{tracked}"
    return Reply(note_message(said), decision=None, view=create_result(said))


async def _reopened(
    job_request: JobRequest,
    requester: Requester,
    services: Services,
    account: Account,
    *,
    why: str,
    decision: Decision | None,
) -> Reply:
    """Show the form again, as it was filled in, and say why."""
    files = await _files(account)
    return await _form(requester, files, services, account, prefilled=job_request, why=why, decision=decision)


async def _form(
    requester: Requester,
    files: list[File] | None,
    services: Services,
    account: Account,
    *,
    prefilled: JobRequest | None = None,
    why: str = "",
    decision: Decision | None = Decision.PROMPTED,
) -> Reply:
    request = f"{REQUEST_PREFIX}{secrets.token_hex(8)}"
    where = (requester.person, requester.channel, requester.team)
    confirmation = Confirmation(JobAction.CREATE, account.name, request, *where)
    key = await services.store.actions.confirmations.create(confirmation, lifetime=FORM_LIFETIME)
    metadata = form_metadata(key, requester.channel)
    view = create_form(metadata, files, prefilled=prefilled, problem=why, account=account.display_name)
    return Reply(problem_message(why or NO_MODAL), decision=decision, view=view)


async def _check(account: Account) -> None:
    """Make sure that a form could be sent.

    Raises:
        ProviderError: the account does not answer, or rejects the key for actions.
    """
    try:
        await account.client.check_write_access()
    except AccessDenied as error:
        # A key may be allowed to create jobs and not to list them.
        if error.reason is not AccessDenialReason.PERMISSION:
            raise
    except InvalidResponse as error:
        if not error.is_too_large:
            raise


async def _files(account: Account) -> list[File] | None:
    """Return the files to train on, newest first; None where there are too many to choose from, or they cannot be read."""
    try:
        files = await account.client.files(purpose=PURPOSE, limit=MAX_FILES + 1)
    except ProviderError:
        return None
    return files if len(files) <= MAX_FILES else None
