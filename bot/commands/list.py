"""`list`: the newest jobs, or those that match a filter, of one account or of all."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Self

from bot.blocks.interactive import MAX_VALUE_LENGTH
from bot.blocks.job import status_label
from bot.blocks.job_list import job_list
from bot.blocks.last_known import unreadable_message
from bot.blocks.parts import counted, escape
from bot.blocks.subscriptions import listed_jobs_phrase
from bot.commands.accounts import Account, Gathered, account_names, account_series, gather
from bot.commands.arguments import COUNTS, echo, page_after
from bot.commands.command import Command, Reply, Requester
from bot.commands.filters import MAX_LISTED, read_account, read_filter, written
from bot.commands.last_known import of_list
from bot.commands.services import Services
from bot.commands.usage import Usage, usage_error
from bot.jobs.filters import MATCH_ALL, Filter, matches_status
from bot.jobs.models import Job
from bot.jobs.statuses import ANY_STATUS

USAGE = Usage(
    "list [status]... [model:name*] [key=value]... [mine] [account:name] [n]",
    "list the latest jobs, or jobs that match a filter",
    "list failed 5 team=search",
)
EXPECTED = f"Use a status, `model:`, `account:`, `key=value`, `mine`, or a number up to {MAX_LISTED}."
DEFAULT_ROWS = 10
PAGE = 100
MAX_PAGES = 5
"""Pages that one `list` reads at the most while it searches for jobs in a state; where they are small because jobs are
large, more of them."""
MAX_REQUESTS = 25
_MAX_COUNTS = 8


@dataclass(frozen=True)
class ListCommand(Command):
    """`list`."""

    verb = "list"

    filter: Filter = MATCH_ALL
    limit: int = DEFAULT_ROWS
    after: str | None = None
    """The ID of the last job of the page before; of several accounts the last one of each, as ``_Positions`` writes it."""


def parse(words: list[str], requester: Requester) -> ListCommand:
    """Read the words after `list`."""
    words, account = read_account(USAGE, words)
    words, after = page_after(words)
    counts = list(dict.fromkeys(word for word in words if word in COUNTS))
    if len(counts) > 1:
        raise usage_error(USAGE, f"Give only one number, not {echo(counts[0])} and {echo(counts[1])}.")
    remaining = [word for word in words if word not in COUNTS]
    job_filter = read_filter(USAGE, remaining, requester.person, expected=EXPECTED)
    limit = int(counts[0]) if counts else DEFAULT_ROWS
    return ListCommand(requester, account=account, filter=job_filter, limit=limit, after=after)


class _Positions(dict[str, str]):
    """The last job of each account that a page of several accounts showed: account to job ID.

    Written as "default~ftjob-a|research~ft-b"; no ID contains "|", and no account's name "~". With "=", the ID after an account
    called "auth" would look like a secret.
    """

    @classmethod
    def read(cls, text: str | None) -> Self:
        """Return what ``written`` wrote; an account that is not in it begins with its newest job."""
        pairs = (each.partition("~") for each in (text or "").split("|") if "~" in each)
        return cls({account: job_id for account, _, job_id in pairs})

    def written(self) -> str:
        """Return the positions as one word."""
        return "|".join(f"{account}~{job_id}" for account, job_id in self.items())


@dataclass(frozen=True)
class _Found:
    """What one account has."""

    rows: list[tuple[Job, str | None]]
    """The jobs that match, each with its account where there are several."""
    seen: list[str]
    """The statuses of all jobs that were read."""
    has_more: bool
    is_whole: bool
    """Whether every job was read."""
    can_page: bool
    """Whether older ones can be asked for by the id of the last one."""


async def run(command: ListCommand, services: Services, _account: Account) -> Reply:
    """Show the newest jobs that match, and how many jobs there are in each status."""
    services.accounts.reject_as_metadata(command.filter)
    accounts = services.accounts.selected(command.account)
    if len(accounts) == 1:
        found = await _newest(command, accounts[0], command.after)
        older = _older(command, found.rows[-1][0].id) if found.rows and found.can_page else None
        return _reply(command, accounts, [found], found.rows, older=older)
    positions = _Positions.read(command.after)
    gathered = await gather(accounts, lambda account: _newest(command, account, positions.get(account.name)))
    errors = await _errors(command, gathered, services)
    if not gathered.values:
        return Reply(unreadable_message(errors), replaces=command.replaces)
    read, all_found = [account for account, _ in gathered.values], [found for _, found in gathered.values]
    candidates = sorted((row for each in all_found for row in each.rows), key=_created, reverse=True)
    rows = candidates[: command.limit]
    has_more = len(candidates) > len(rows) or any(each.has_more for each in all_found)
    can_page = has_more and all(each.can_page or not each.has_more for each in all_found)
    positions |= {account or "": job.id for job, account in rows}
    older = _older(command, positions.written()) if can_page and rows else None
    older = older if older and len(older) <= MAX_VALUE_LENGTH else None
    notes = [*errors, *_paging_hint(read, has_more=has_more and older is None)]
    return _reply(command, read, all_found, rows, notes=notes, older=older)


def _reply(
    command: ListCommand,
    accounts: list[Account],
    all_found: list[_Found],
    rows: list[tuple[Job, str | None]],
    *,
    notes: Sequence[str] = (),
    older: str | None,
) -> Reply:
    label = accounts[0].label if len(accounts) == 1 else f"accounts {account_series(accounts)}"
    has_more = any(each.has_more for each in all_found)
    among = max((len(each.seen) for each in all_found), default=0) if has_more else 0
    title, empty = _titled(command, label, among=among)
    message = job_list(
        [job for job, _ in rows],
        title=title,
        empty=empty,
        counts=_counted(all_found),
        older=older,
        accounts=[account or "" for _, account in rows],
        notes=notes,
    )
    return Reply(message, replaces=command.replaces)


def _created(row: tuple[Job, str | None]) -> float:
    return row[0].created_at or 0.0


def _titled(command: ListCommand, label: str, *, among: int) -> tuple[str, str]:
    """Return the title of a list, and the text of an empty one; ``among`` is how many jobs were searched, 0 for all."""
    kind = listed_jobs_phrase(command.filter)
    where = f"among the latest {among} in" if among else "in"
    if command.after:
        return f"Older {kind}", f"No more {kind} {where} {label}."
    if kind == "jobs":
        return "Latest jobs", f"No jobs in {label} yet. To get updates here on new jobs, run `/ftjob subscribe`."
    return f"Latest {kind}", f"No {kind} {where} {label}. To see all recent jobs, run `/ftjob list`."


def _paging_hint(accounts: Sequence[Account], *, has_more: bool) -> list[str]:
    if not has_more:
        return []
    return [f"For older jobs, run `/ftjob list account:&lt;name&gt;` (accounts: {account_names(accounts)})."]


async def _errors(command: ListCommand, gathered: Gathered[_Found], services: Services) -> list[str]:
    """Return why each account that did not answer says nothing, and what is known of it all the same."""
    return [
        f":warning: {account.error_text(error)} {await of_list(command.filter, command.after, account, services)}".rstrip()
        for account, error in gathered.errors
    ]


async def _newest(command: ListCommand, account: Account, after: str | None) -> _Found:
    jobs: list[Job] = []
    seen: list[str] = []
    job_filter, can_page, read = command.filter, True, 0
    for _ in range(MAX_REQUESTS):
        page = (await account.reads.page(after=after, limit=PAGE, metadata=job_filter.required_metadata)).value
        seen += [fetched.snapshot.status for fetched in page.fetched]
        fitting = [fetched for fetched in page.fetched if matches_status(fetched.snapshot.status, job_filter.statuses)]
        # Not every API looks at the pairs that it is asked for.
        jobs += [job for job in (fetched.job for fetched in fitting) if job_filter.matches(job)]
        after = page.after
        # Whoever's jobs a page holds: what could not be read has a place in the list, too.
        known = {each.id for each in page.raw if each} | set(page.unreadable)
        can_page = can_page and (after is None or after in known)
        read += max(1, len(page.raw))
        if len(jobs) >= command.limit or after is None or read >= MAX_PAGES * PAGE:
            break
    has_more = len(jobs) > command.limit or after is not None
    rows = [(job, account.display_name) for job in jobs[: command.limit]]
    return _Found(rows, seen, has_more, after is None, has_more and can_page)


def _counted(all_found: Sequence[_Found]) -> str:
    """Return how many jobs are in each status: "16 jobs: 3 running · 1 failed"; "100 jobs checked" if more were not read."""
    statuses = [status for each in all_found for status in each.seen]
    counts = Counter(status_label(status).lower() for status in statuses).most_common(_MAX_COUNTS)
    others = len(statuses) - sum(count for _, count in counts)
    parts = [f"{count} {status}" for status, count in counts] + ([f"{others} other"] if others else [])
    jobs = f"{counted(len(statuses), 'job')}{'' if all(each.is_whole for each in all_found) else ' checked'}"
    return f"{jobs}: {' · '.join(parts)}"


def _older(command: ListCommand, last: str) -> str:
    """Return the command that shows what comes after a list, as Slack would send it."""
    fitting = written(command.filter, command.account) or ANY_STATUS
    return escape(f"list {fitting} {command.limit} after:{last}")
