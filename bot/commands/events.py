"""`events`: the newest lines of a job's log."""

from dataclasses import dataclass

from bot.blocks.event_log import event_log
from bot.blocks.interactive import MAX_VALUE_LENGTH
from bot.blocks.parts import code_span
from bot.commands.accounts import Account, account_word
from bot.commands.arguments import COUNTS, echo, job_ids, page_after
from bot.commands.command import Command, Reply, Requester
from bot.commands.filters import MAX_LISTED
from bot.commands.services import Services
from bot.commands.usage import Usage, usage_error

USAGE = Usage("events <id> [n]", "show a job's latest log lines", "events ftjob-abc123 20")
DEFAULT_EVENTS = 10
NO_PAGES = "There may be older entries, but this provider doesn't support paging."


@dataclass(frozen=True)
class EventsCommand(Command):
    """`events`."""

    verb = "events"

    limit: int = DEFAULT_EVENTS
    after: str | None = None
    """The id of the oldest event of the page before."""


def parse(words: list[str], requester: Requester) -> EventsCommand:
    """Read the words after `events`."""
    words, after = page_after(words)
    limit = int(words.pop()) if words and words[-1] in COUNTS else DEFAULT_EVENTS
    if len(words) > 1:
        raise usage_error(USAGE, f"{echo(words[-1])} isn't a number from 1 to {MAX_LISTED}.")
    return EventsCommand(requester, job_ids(USAGE, words), limit=limit, after=after)


async def run(command: EventsCommand, _services: Services, account: Account) -> Reply:
    """Show the newest events of a job, or those before the one that the command names."""
    (job_id,), limit = command.job_ids, command.limit
    events = (await account.reads.events(job_id, limit=limit, after=command.after)).value
    has_more = len(events) >= limit and events[0].id
    older = f"events {job_id} {limit} {account_word(account)}after:{events[0].id}" if has_more else None
    notes = [NO_PAGES] if len(events) >= limit and older is None else []
    if notes and limit < MAX_LISTED:
        more = code_span(f"/ftjob events {job_id} {account_word(account)}{MAX_LISTED}", MAX_VALUE_LENGTH)
        notes = [f"{NO_PAGES} For up to {MAX_LISTED}, run {more}."]
    is_final = not (events or command.after) and (await account.reads.job(job_id)).value.job.is_final
    message = event_log(
        job_id,
        events,
        older=older,
        notes=notes,
        is_first=command.after is None,
        is_final=is_final,
        account=account.display_name,
    )
    return Reply(message, replaces=command.replaces)
