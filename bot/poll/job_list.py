"""Lists of an account's jobs, read page by page as far as a poll needs them."""

from dataclasses import dataclass, field, replace

import structlog

from bot.errors import ProviderError, RateLimited
from bot.jobs.models import Snapshot
from bot.poll.plan import all_new, further_pages, unlisted_jobs
from bot.providers.client import Client
from bot.providers.dialect import Listing
from bot.providers.http.wire import FetchedJob, Page
from bot.runtime.clock import Clock
from bot.store.jobs.jobs import PollTargets

MAX_NEW_PAGES = 100
"""Pages of nothing but new jobs that one poll reads: no team makes ten thousand jobs between two polls."""

log = structlog.get_logger()


@dataclass
class JobList:
    """Lists of jobs, as far as they were read."""

    fetched: list[FetchedJob] = field(default_factory=list)
    raw: list[Snapshot | None] = field(default_factory=list)
    """Every item in order, foreign and invalid ones included: positions in the list go by it."""
    unreadable: list[str | None] = field(default_factory=list)
    pages: int = 0

    def add(self, page: Page) -> None:
        """Take the next page."""
        self.fetched += page.fetched
        self.raw += page.raw
        self.unreadable += page.unreadable
        self.pages += 1


async def read_job_lists(client: Client, targets: PollTargets, clock: Clock) -> JobList:
    """Read the list of each kind of jobs; one of several that cannot be read is left out.

    Raises:
        ProviderError: a page of the first could not be read.
    """
    first, *others = client.listings
    listed = await _read(client, first, _targets_in(first, targets, client), clock)
    for listing in others:
        try:
            more = await _read(client, listing, _targets_in(listing, targets, client), clock)
        except RateLimited:
            raise
        except ProviderError as error:
            # The other kinds are told all the same; those of its jobs that are due are read one by one.
            log.warning("listing.unreadable", account=client.account.name, path=listing.path, error=str(error))
            continue
        listed.fetched += more.fetched
        listed.raw += more.raw
        listed.unreadable += more.unreadable
        listed.pages += more.pages
    return listed


def _targets_in(listing: Listing, targets: PollTargets, client: Client) -> PollTargets:
    """Return the targets that a list may hold; positions are at most those in the list."""
    if len(client.listings) == 1:
        return targets
    due = {job_id: at for job_id, at in targets.due.items() if client.dialect.listing_of(job_id) is listing}
    return replace(targets, due=due)


async def _read(client: Client, listing: Listing, targets: PollTargets, clock: Clock) -> JobList:
    """Request page one of a list, and more pages while they cost less than single reads or hold new jobs."""
    account = client.account.name
    page, listed = await client.list_jobs(listing), JobList()
    listed.add(page)
    while page.after and (
        _further_pages(targets, listed, page) or _finds_new_jobs(account, targets, page, listed.pages, clock())
    ):
        page = await client.list_jobs(listing, after=page.after)
        listed.add(page)
    return listed


def _further_pages(targets: PollTargets, listed: JobList, last: Page) -> int:
    """Return how many more pages to read; new jobs pushed the known ones down the list."""
    new = next((n for n, job in enumerate(listed.raw) if job and job.id in targets.known), len(listed.raw))
    behind = new - (len(listed.raw) - len(last.raw))
    positions = {job_id: max(0, position + behind) for job_id, position in targets.due.items()}
    return further_pages(unlisted_jobs(targets, listed.fetched), positions, page_size=max(1, len(last.raw)))


def _finds_new_jobs(account: str, targets: PollTargets, page: Page, pages: int, now: float) -> bool:
    """Whether the search for new jobs has not reached known ones yet."""
    if not all_new(targets, page, now):
        return False
    if pages > MAX_NEW_PAGES:
        log.warning("discovery.truncated", account=account, pages=pages)
    return pages <= MAX_NEW_PAGES
