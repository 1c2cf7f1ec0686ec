"""Jobs on the Home tab: those that need attention, those in progress, and the latest results."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.blocks.card import CardState, summary_lines
from bot.blocks.job import JobLinks, owner_of, page_button
from bot.blocks.last_known import as_of_suffix
from bot.blocks.parts import Block, and_more, context, format_ago, plain, section, user_mention
from bot.jobs.models import Job
from bot.jobs.statuses import Phase, phase_of

FAILURE_LASTS = 3 * 86400.0
"""Seconds for which a failed job needs attention."""
MAX_ROWS = 10
"""Rows of a section."""


@dataclass(frozen=True)
class HomeJob:
    """One job on somebody's Home tab."""

    job: Job
    links: JobLinks
    state: CardState
    is_own: bool = False
    """Whether they own it or track it by hand."""
    as_of: float | None = None
    """When it was read, Unix seconds, if its account cannot be read now."""


def attention_rows(jobs: Sequence[HomeJob], *, most: int, now: float) -> list[Block]:
    """Return up to ``most`` stalled and recently failed jobs as rows, the viewer's first, the latest problem first."""
    urgent = [each for each in jobs if _is_stalled(each) or _failed_recently(each, now)]
    urgent.sort(key=lambda each: (not each.is_own, -(each.state.stalled_since or _finished_at(each))))
    return _rows(urgent, most, "see `/ftjob list`")


def jobs_in_progress(jobs: Sequence[HomeJob]) -> list[Block]:
    """Return the open jobs that are not stalled as rows: the viewer's first, running ones before waiting ones."""
    is_open = [each for each in jobs if not each.job.is_final and not _is_stalled(each)]
    is_open.sort(key=lambda each: (not each.is_own, not _is_running(each), -(each.job.created_at or 0.0)))
    return _rows(is_open, MAX_ROWS, "see `/ftjob list active`")


def latest_results(jobs: Sequence[HomeJob], *, now: float) -> list[Block]:
    """Return the finished jobs that need no attention, last to finish first: the viewer's, or everyone's if they have none.

    A subscription doesn't make a job the viewer's: it covers the jobs of a whole team.
    """
    results = [each for each in jobs if each.job.is_final and not _failed_recently(each, now)]
    results.sort(key=_finished_at, reverse=True)
    own = [each for each in results if each.is_own]
    rows = _rows(own or results, MAX_ROWS, "see `/ftjob list finished`", with_owner=not own)
    return titled("Your latest results" if own else "Latest results", rows)


def titled(title: str, rows: Sequence[Block]) -> list[Block]:
    """Return a section of the tab with its title; nothing if it has no rows."""
    return [section(f"*{title}*"), *rows] if rows else []


def _rows(jobs: Sequence[HomeJob], most: int, how: str, *, with_owner: bool = True) -> list[Block]:
    """Return a row for each of the first ``most`` jobs, and how to see the others."""
    rows = [_row(each, with_owner=with_owner) for each in jobs[:most]]
    return [*rows, *map(context, and_more(len(jobs) - most, how))]


def _row(each: HomeJob, *, with_owner: bool) -> Block:
    job, links = each.job, each.links
    headline, *details = summary_lines(job, links, each.state)
    has_age = job.is_final and job.finished_at is not None
    facts = [format_ago(_finished_at(each))] if has_age else []
    facts += [user_mention(owner)] if with_owner and (owner := owner_of(job)) else []
    facts += [plain(links.account)] if links.account else []
    suffix = "" if has_age else as_of_suffix(each.as_of)
    text = "\n".join([" · ".join([headline, *facts]) + suffix, *details])
    return section(text, accessory=page_button(job, links) if links.page_url else None)


def _is_running(each: HomeJob) -> bool:
    return phase_of(each.job.status) is Phase.ACTIVE


def _is_stalled(each: HomeJob) -> bool:
    return each.state.stalled_since is not None and not each.job.is_final


def _failed_recently(each: HomeJob, now: float) -> bool:
    return phase_of(each.job.status) is Phase.FAILED and now - _finished_at(each) <= FAILURE_LASTS


def _finished_at(each: HomeJob) -> float:
    """Return when a finished job finished, Unix seconds; its creation if that is unknown."""
    return each.job.finished_at or each.job.created_at or 0.0
