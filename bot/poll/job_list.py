"""List of an account's jobs, read page by page as far as a poll needs it."""

from dataclasses import dataclass, field

import structlog

from bot.jobs.models import Snapshot
from bot.poll.plan import all_new, further_pages, unlisted_jobs
from bot.providers.client import Client
from bot.providers.wire import FetchedJob, Page
from bot.runtime.clock import Clock
from bot.store.jobs.jobs import PollTargets

MAX_NEW_PAGES = 100
"""Pages of nothing but new jobs that one poll reads: no team makes ten thousand jobs between two polls."""

log = structlog.get_logger()


@dataclass
class JobList:
    """The list of jobs, as far as it was read."""

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


async def read_job_list(client: Client, targets: PollTargets, clock: Clock) -> JobList:
    """Request page one of the list of jobs, and more pages while they cost less than single reads or hold new jobs.

    Raises:
        ProviderError: a page could not be read.
    """
    account = client.account.name
    page, listed = await client.list_jobs(), JobList()
    listed.add(page)
    while page.after and (
        _further_pages(targets, listed, page) or _finds_new_jobs(account, targets, page, listed.pages, clock())
    ):
        page = await client.list_jobs(after=page.after)
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
