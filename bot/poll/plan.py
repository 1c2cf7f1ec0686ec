"""Requests of a poll after the first page. Pure."""

from collections.abc import Collection, Mapping

from bot.providers.wire import Page
from bot.store.jobs.jobs import PollTargets

PAGE_SIZE = 100
"""Jobs on a page, unless some are too large."""


def further_pages(missing: Collection[str], positions: Mapping[str, int], *, page_size: int = PAGE_SIZE) -> int:
    """Return how many more pages to read so that pages and single reads together are fewest.

    Args:
        missing: ids of the jobs that the first page did not hold.
        positions: each one's estimated position in the list of jobs, newest first, counted from 0.
        page_size: jobs on a page.

    A job beyond the pages costs a request of its own. Of two equal plans the one with more pages wins: a page also
    shows jobs that no one asked for.
    """
    last_page = {job_id: positions[job_id] // page_size for job_id in missing}
    candidates = {0, *last_page.values()}

    def cost(pages: int) -> tuple[int, int]:
        alone = sum(page > pages for page in last_page.values())
        return pages + alone, -pages

    return min(candidates, key=cost)


def all_new(watched: PollTargets, page: Page, now: float) -> bool:
    """Whether a page ends among jobs that are new to a subscription, so that more of them may follow.

    Jobs that were left out, such as foreign ones, count as well.
    """
    if watched.newer_than is None:
        return False
    last = page.last
    return last is None or (last.id not in watched.known and min(last.created_at or 0, now) >= watched.newer_than)
