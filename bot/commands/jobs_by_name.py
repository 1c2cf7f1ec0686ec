"""Jobs found by name: those that have a card in some channel, and the newest of each account."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.commands.accounts import Account, gather
from bot.commands.services import Services
from bot.jobs.models import Job, job_name, matches_name

MAX_FOUND = 25
"""Jobs that one name may stand for; the newest."""
PAGE = 100
"""Newest jobs of an account whose names are compared."""


@dataclass(frozen=True)
class JobsByName:
    """What was found."""

    jobs: list[tuple[Account, Job]]
    """Newest first; only those of exactly this name, if there are any."""
    errors: list[str]
    """Why accounts could not be searched, safe mrkdwn."""


async def find_by_name(text: str, accounts: Sequence[Account], services: Services) -> JobsByName:
    """Return the jobs of accounts whose name is, or contains, a typed text; case does not count."""
    found: dict[tuple[str, str], tuple[Account, Job]] = {}
    by_name = {each.name: each for each in accounts}
    for name, job in await services.store.jobs.names.jobs_with(text, MAX_FOUND):
        if account := by_name.get(name):
            found[name, job.id] = (account, job)
    gathered = await gather(accounts, lambda each: each.reads.page(after=None, limit=PAGE, metadata={}))
    for account, read in gathered.values:
        for job in (fetched.job for fetched in read.value.fetched):
            if matches_name(job, text):
                found[account.name, job.id] = (account, job)
    newest = sorted(found.values(), key=lambda each: each[1].created_at or 0.0, reverse=True)
    exact = [each for each in newest if (job_name(each[1]) or "").casefold() == text.casefold()]
    errors = [account.error_text(error) for account, error in gathered.errors]
    return JobsByName((exact or newest)[:MAX_FOUND], errors)
