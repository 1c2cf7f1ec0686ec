"""Last known jobs of an account: what its API says or, where it does not answer, what the store has, with age and error.

An account that cannot be read is never shown as an empty one.
"""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, replace

from bot.blocks.card import CardState
from bot.blocks.last_known import last_known_jobs, outage_note
from bot.commands.accounts import Account, gather
from bot.commands.services import Services
from bot.delivery.render import card_state
from bot.errors import ProviderError
from bot.jobs.filters import Filter, matches_status
from bot.jobs.models import Job
from bot.store.accounts.outages import account_key
from bot.store.jobs.jobs import KnownJob

NEWEST = 100
"""Jobs; a poll reads as many at least, so that what is stored of them is as old as the last one."""


@dataclass(frozen=True)
class Listing:
    """The newest jobs of an account."""

    account: Account
    jobs: Sequence[Job]
    error: str | None = None
    """Why the account was not read, safe mrkdwn with its sign; None where it was read just now."""
    as_of: float | None = None
    """When the jobs were last seen; None where that is now, or where none is known."""


Read = Callable[[Account, Services], Awaitable[Listing]]


async def listings(services: Services, read: Read | None = None) -> list[Listing]:
    """Return the newest jobs of every account; ``read`` says how one is read, by its API where none is given."""
    gathered = await gather(services.accounts.all, lambda account: (read or latest)(account, services))
    return [listing for _, listing in gathered.values]


async def latest(account: Account, services: Services) -> Listing:
    """Return the newest jobs of an account, as its API says or as they were last known."""
    try:
        page = (await account.reads.page(after=None, limit=NEWEST, metadata={})).value
    except ProviderError as error:
        return await from_store(account, services, f":warning: {account.error_text(error)}")
    return Listing(account, [fetched.job for fetched in page.fetched])


async def from_store(account: Account, services: Services, error: str) -> Listing:
    """Return the newest jobs of an account as the store has them."""
    known = list((await services.store.jobs.states.newest(account.name, NEWEST)).values())
    jobs = [_job(each) for each in known if not each.missing]
    return Listing(account, jobs, error, await _seen_at(account, known, services))


async def of_job(job_id: str, account: Account, services: Services) -> str:
    """Return the last known status of a job, safe mrkdwn; "" where none is known."""
    known = await services.store.jobs.states.find(account.name, job_id)
    if known is None or known.missing:
        return ""
    return last_known_jobs([_job(known)], await _seen_at(account, [known], services))


async def of_list(job_filter: Filter, after: str | None, account: Account, services: Services) -> str:
    """Return the last known statuses of the newest jobs that match a filter, safe mrkdwn; "" where none is known."""
    if job_filter.model or job_filter.required_metadata or after:
        return ""  # nothing is stored that tells these
    listing = await from_store(account, services, "")
    jobs = [job for job in listing.jobs if matches_status(job.status, job_filter.statuses)]
    return last_known_jobs(jobs, listing.as_of) if jobs else ""


async def outage_notes(accounts: Sequence[str], services: Services) -> list[str]:
    """Return a line for each of these accounts that polls cannot read at present: what the store has of it is old."""
    outages = {each.key: each for each in await services.store.accounts.outages.current()}
    found = []
    for name in dict.fromkeys(accounts):
        if outage := outages.get(account_key(name)):
            at = await services.store.accounts.leases.polled_at(name)
            account_name = services.render_context.display_name(name)
            found.append(outage_note(outage.error, since=outage.since, at=at, account=account_name))
    return found


async def _seen_at(account: Account, known: Sequence[KnownJob], services: Services) -> float | None:
    """Return when an account's jobs were last seen: by the last whole poll, or when the youngest state was."""
    at = await services.store.accounts.leases.polled_at(account.name)
    return max([*([at] if at else []), *(each.state_since for each in known)], default=None) if known else None


def _job(known: KnownJob) -> Job:
    model = known.state.fine_tuned_model
    return Job(id=known.id, status=known.state.status, fine_tuned_model=model, created_at=known.created_at)


async def job_state(job: Job, account: Account, services: Services, *, at: float) -> CardState:
    """Return the state of a job that was read at a time, Unix seconds; of one without a card only the time is known."""
    known = await services.store.jobs.snapshots.find(account.name, job.id)
    if known is None or known.job.status != job.status:
        return CardState(at)
    # It was just read, so it isn't missing, whatever the last poll found.
    return replace(card_state(known, at), is_missing=False)
