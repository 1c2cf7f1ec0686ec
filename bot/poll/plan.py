"""Requests of a poll after the first page. Pure."""

from collections.abc import Collection, Iterable, Mapping

from bot.providers.http.wire import FetchedJob, Page
from bot.store.jobs.jobs import PollTargets

PAGE_SIZE = 100
"""Jobs on a page, unless some are too large."""


def further_pages(unlisted: Collection[str], positions: Mapping[str, int], *, page_size: int = PAGE_SIZE) -> int:
    """Return how many more pages to read so that pages and single reads together are fewest.

    Args:
        unlisted: ids of the jobs that the first page did not hold.
        positions: each one's estimated position in the list of jobs, newest first, counted from 0.
        page_size: jobs on a page.

    A job beyond the pages costs a request of its own. Of two equal plans the one with more pages wins: a page also
    shows jobs that no one asked for.
    """
    last_page = {job_id: positions[job_id] // page_size for job_id in unlisted}
    candidates = {0, *last_page.values()}

    def cost(pages: int) -> tuple[int, int]:
        alone = sum(page > pages for page in last_page.values())
        return pages + alone, -pages

    return min(candidates, key=cost)


def unlisted_jobs(targets: PollTargets, fetched: Iterable[FetchedJob]) -> list[str]:
    """Return the ids of due jobs that were not listed."""
    seen = {each.snapshot.id for each in fetched} | targets.backing_off
    return [job_id for job_id in targets.due if job_id not in seen]


def all_new(watched: PollTargets, page: Page, now: float) -> bool:
    """Whether a page ends among jobs that are new to a subscription, so that more of them may follow.

    Jobs that were left out, such as foreign ones, count as well.
    """
    if watched.newer_than is None:
        return False
    last = page.last
    return last is None or (last.id not in watched.known and min(last.created_at or 0, now) >= watched.newer_than)
