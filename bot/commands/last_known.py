"""What is shown of an account: what its API says or, where it cannot be asked, what was last known, with its age and why.

An account that cannot be read is never an empty one.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import structlog

from bot.blocks import Message
from bot.blocks.last_known import last_known_jobs, outage_note
from bot.blocks.parts import section
from bot.commands.command import Command, Verb
from bot.commands.context import Context
from bot.errors import ProviderError
from bot.jobs.filters import matches_status
from bot.jobs.models import Job
from bot.store.accounts.outages import account_key
from bot.store.jobs.jobs import KnownJob

NEWEST = 100
"""Jobs; a poll reads as many at least, so that what is stored of them is as old as the last one."""

log = structlog.get_logger()


@dataclass(frozen=True)
class Listing:
    """The newest jobs of an account."""

    there: Context
    jobs: Sequence[Job]
    error: str | None = None
    """Why the account was not read, safe mrkdwn with its sign; None where it was read just now."""
    as_of: float | None = None
    """When the jobs were last seen; None where that is now, or where nothing is known of any."""


async def latest(there: Context) -> Listing:
    """Return the newest jobs of an account, as its API says or as they were last known."""
    try:
        page = (await there.reads.page(after=None, limit=NEWEST, metadata={})).value
    except ProviderError as error:
        return await from_store(there, f":warning: {there.error_text(error)}")
    return Listing(there, [reading.job for reading in page.fetched])


async def from_store(there: Context, error: str) -> Listing:
    """Return the newest jobs of an account as the store has them."""
    known = list((await there.store.jobs.states.newest(there.account, NEWEST)).values())
    return Listing(there, [_job(each) for each in known if not each.missing], error, await _seen_at(there, known))


async def with_last_known(message: Message, command: Command, context: Context) -> Message:
    """Add to what went wrong what is known all the same of the jobs that a command is about. It never raises."""
    try:
        lines = [await of_job(job_id, context) for job_id in command.job_ids[:1]]
        if command.verb is Verb.LIST:
            lines = [await of_list(command, each) for each in context.selected_accounts(command.account)]
    except Exception:
        # Where the store does not answer either, what went wrong is all there is to say.
        log.exception("known.unread")
        return message
    return replace(message, blocks=[*message.blocks, *(section(line) for line in lines if line)])


async def of_job(job_id: str, there: Context) -> str:
    """Return how a job was last seen, safe mrkdwn; "" where it never was."""
    known = await there.store.jobs.states.find(there.account, job_id)
    if known is None or known.missing:
        return ""
    return last_known_jobs([_job(known)], await _seen_at(there, [known]))


async def of_list(command: Command, there: Context) -> str:
    """Return how the newest jobs that a list is about were last seen, safe mrkdwn; "" where none was."""
    wanted = command.filter
    if wanted.model or wanted.required_metadata or command.after:
        return ""  # nothing is stored that tells these
    listing = await from_store(there, "")
    jobs = [job for job in listing.jobs if matches_status(job.status, wanted.statuses)]
    return last_known_jobs(jobs, listing.as_of) if jobs else ""


async def outage_notes(accounts: Sequence[str], context: Context) -> list[str]:
    """Return a line for each of these accounts that polls cannot read at present: what the store has of it is old."""
    since = {each.key: each for each in await context.store.accounts.outages.current()}
    found = []
    for name in dict.fromkeys(accounts):
        if outage := since.get(account_key(name)):
            at = await context.store.accounts.leases.polled_at(name)
            found.append(
                outage_note(outage.error, since=outage.since, at=at, account=context.drawing.display_name(name))
            )
    return found


async def _seen_at(there: Context, known: Sequence[KnownJob]) -> float | None:
    """Return when the account's jobs were last seen: by the last whole poll, or when the youngest state was."""
    at = await there.store.accounts.leases.polled_at(there.account)
    return max([*([at] if at else []), *(each.state_since for each in known)], default=None) if known else None


def _job(known: KnownJob) -> Job:
    model = known.state.fine_tuned_model
    return Job(id=known.id, status=known.state.status, fine_tuned_model=model, created_at=known.created_at)
