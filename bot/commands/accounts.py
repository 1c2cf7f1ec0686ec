"""Fine-tuning accounts as verbs see them: one by its name, the one that has a job, or all of them, read side by side."""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

from bot.blocks.parts import code_span, series
from bot.commands.error_messages import provider_error
from bot.commands.tokenizer import ACCOUNT
from bot.errors import NotFound, ProviderError, UserError
from bot.jobs.filters import Filter
from bot.jobs.ids import JobPages, is_job_id
from bot.providers.client import Client
from bot.providers.coalesced import CoalescedReads
from bot.store.jobs.jobs import Jobs

T = TypeVar("T")


@dataclass(frozen=True)
class Account:
    """One account that is watched."""

    name: str
    client: Client
    """Reads what decides something, and executes actions."""
    reads: CoalescedReads
    """Reads what is only shown; requesters share these reads."""
    display_name: str | None
    """The name where there are several accounts, None where there is one."""

    @property
    def label(self) -> str:
        """What messages call the account, safe mrkdwn."""
        return f"account {code_span(self.name)}" if self.display_name else self.client.account.display_name

    def error_text(self, error: ProviderError, job_id: str | None = None) -> str:
        """Return what an error of the account's API means for the requester, about a job where they named one."""
        return provider_error(error, project=self.label, job_id=job_id, account=self.display_name)


@dataclass(frozen=True)
class Gathered(Generic[T]):
    """What several accounts answered, in their order."""

    values: list[tuple[Account, T]]
    errors: list[tuple[Account, ProviderError]]


async def gather(accounts: Iterable[Account], read: Callable[[Account], Awaitable[T]]) -> Gathered[T]:
    """Read several accounts side by side, so that the error of one hides nothing of another."""
    to_read = list(accounts)
    gathered = Gathered[T]([], [])
    for account, result in zip(to_read, await asyncio.gather(*map(read, to_read), return_exceptions=True), strict=True):
        if isinstance(result, ProviderError):
            gathered.errors.append((account, result))
        elif isinstance(result, BaseException):
            raise result
        else:
            gathered.values.append((account, result))
    return gathered


class Accounts:
    """Every account that is watched."""

    def __init__(self, accounts: Sequence[Account], jobs: Jobs) -> None:
        self._by_name = {each.name: each for each in accounts}
        self._jobs = jobs
        self.default = accounts[0]
        pages = ((each.client.account.job_page_url or "", "") for each in accounts)
        self.job_pages = JobPages.of(pages)
        """The accounts' own job pages, which their providers do not know."""

    @property
    def all(self) -> list[Account]:
        """All accounts, in the order of the settings."""
        return list(self._by_name.values())

    def find(self, name: str) -> Account | None:
        """Return an account by its name, None where it is not watched."""
        return self._by_name.get(name)

    def one(self, name: str) -> Account:
        """Return an account by its name.

        Raises:
            UserError: it is not watched.
        """
        if account := self.find(name):
            return account
        raise UserError(f"There's no account named {code_span(name, 40)}. Accounts: {account_names(self.all)}.")

    def selected(self, name: str | None) -> list[Account]:
        """Return the accounts that a command is about: the one that it names, or all.

        Raises:
            UserError: the one that it names is not watched.
        """
        return [self.one(name)] if name else self.all

    async def with_job(self, job_id: str, account: str | None = None) -> Account:
        """Return the account that has a job, the first one where several have it; the one that is named, if it is watched.

        The store knows the accounts of the jobs that were polled; for other jobs every account is asked.

        Raises:
            UserError: no account has it, or the one that may have it does not answer; says which.
        """
        if len(self._by_name) == 1:
            return self.default
        if account in self._by_name:
            return self._by_name[account]
        known = [name for name in await self._jobs.accounts_of(job_id) if name in self._by_name]
        if len(known) == 1:
            return self._by_name[known[0]]
        gathered = await gather(self.all, lambda account: account.reads.job(job_id))
        if gathered.values:
            return gathered.values[0][0]
        silent = [account.error_text(error) for account, error in gathered.errors if not isinstance(error, NotFound)]
        if silent:
            raise UserError(f"No account that responded has the job {code_span(job_id)}. {' '.join(silent)}")
        raise UserError(
            f"I couldn't find job {code_span(job_id)} in any account ({account_names(self.all)}). Check the ID with `/ftjob "
            "list`. The job may belong to a different project or organization than ftjob's API keys."
        )

    async def full_ids(self, job_ids: Iterable[str]) -> tuple[str, ...]:
        """Return the IDs of jobs with the prefixes that tell the IDs of some providers from other words.

        An ID that has one, that was seen as it is, or that no account knows stays as it is.
        """
        return tuple(await asyncio.gather(*map(self._full_id, job_ids)))

    async def _full_id(self, job_id: str) -> str:
        if is_job_id(job_id) or await self._jobs.accounts_of(job_id):
            return job_id
        listed = [(account, listing.id_prefix) for account in self.all for listing in account.client.listings]
        possible = [(account, before + job_id) for account, before in listed if before]
        reads = (account.reads.job(full_id) for account, full_id in possible)
        for (_, full_id), result in zip(possible, await asyncio.gather(*reads, return_exceptions=True), strict=True):
            if not isinstance(result, BaseException):
                return full_id
            if not isinstance(result, ProviderError):
                raise result
        return job_id

    def reject_as_metadata(self, job_filter: Filter) -> None:
        """Reject a filter for a metadata key `account` whose value is an account's name.

        Raises:
            UserError: it is one; says what was most likely meant.
        """
        name = dict(job_filter.metadata).get(ACCOUNT[:-1], "").casefold()
        if name in self._by_name and len(self._by_name) > 1:
            raise UserError(f"`account={name}` filters by metadata. Did you mean `{ACCOUNT}{name}`?")


def account_word(account: Account) -> str:
    """Return the word that names an account in a typed command, with a space behind it; nothing if there is only one."""
    return f"{ACCOUNT}{account.name} " if account.display_name else ""


def account_names(accounts: Iterable[Account]) -> str:
    """Return the names of accounts, safe mrkdwn."""
    return ", ".join(code_span(each.name) for each in accounts)


def account_series(accounts: Iterable[Account]) -> str:
    """Return the names of accounts as a part of a sentence, safe mrkdwn."""
    return series([code_span(each.name) for each in accounts], "and")
