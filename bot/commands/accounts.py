"""Whose a job is: the store knows of those that it saw, else every account is asked, side by side."""

import asyncio

from bot.blocks.parts import code_span
from bot.commands.context import Context, account_names
from bot.errors import NotFound, ProviderError, UserError


async def resolve_account(job_id: str, context: Context) -> Context:
    """Return the context of the account that has a job; where several have it, of the one that comes first.

    Raises:
        UserError: none has it, or the one that may have it does not answer; says which.
    """
    if len(context.accounts) == 1:
        return context
    known = [name for name in await context.store.jobs.states.accounts_of(job_id) if name in context.accounts]
    if len(known) == 1:
        return context.for_account(known[0])
    everywhere = context.all_accounts()
    answers = await asyncio.gather(*(each.reads.job(job_id) for each in everywhere), return_exceptions=True)
    silent = []
    for there, answer in zip(everywhere, answers, strict=True):
        if not isinstance(answer, BaseException):
            return there
        if not isinstance(answer, ProviderError):
            raise answer
        if not isinstance(answer, NotFound):
            silent.append(there.error_text(answer))
    if silent:
        raise UserError(f"No account that answers has the job {code_span(job_id)}. {' '.join(silent)}")
    raise UserError(
        f"No fine-tuning job {code_span(job_id)} in any of the accounts {account_names(everywhere)}. Check the id with `/ftjob list`; it "
        "may also belong to another project or organisation than the API keys of this bot."
    )
