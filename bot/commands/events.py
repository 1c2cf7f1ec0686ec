"""`events` and `checkpoints`: look deeper into one job."""

from bot.blocks.checkpoint_list import checkpoint_list
from bot.blocks.event_log import event_log
from bot.blocks.parts import MAX_VALUE_LENGTH, code_span
from bot.commands.command import Command, Reply
from bot.commands.context import Context
from bot.commands.filters import MOST_LISTED

DEFAULT_EVENTS = 10
CHECKPOINTS = 10
NO_PAGES = "There may be older ones; this provider gives no way to page back to them."


async def show_events(command: Command, context: Context) -> Reply:
    """Show the newest lines of a job's log, or those before the one that the command names."""
    (job_id,), limit = command.job_ids, command.limit or DEFAULT_EVENTS
    events = (await context.reads.events(job_id, limit=limit, after=command.after)).value
    has_more = len(events) >= limit and events[0].id
    older = f"events {job_id} {limit} after:{events[0].id}" if has_more else None
    notes = [NO_PAGES] if len(events) >= limit and older is None else []
    if notes and limit < MOST_LISTED:
        notes = [
            f"{NO_PAGES} {code_span(f'/ftjob events {job_id} {MOST_LISTED}', MAX_VALUE_LENGTH)} shows {MOST_LISTED}."
        ]
    return Reply(event_log(job_id, events, older=older, notes=notes), replaces=command.replaces)


async def show_checkpoints(command: Command, context: Context) -> Reply:
    """Show the newest checkpoints of a job, or those before the one that the command names."""
    (job_id,) = command.job_ids
    found = (await context.reads.checkpoints(job_id, limit=CHECKPOINTS, after=command.after)).value
    has_more = len(found) >= CHECKPOINTS and found[-1].id
    older = f"checkpoints {job_id} after:{found[-1].id}" if has_more else None
    notes = [NO_PAGES] if len(found) >= CHECKPOINTS and older is None else []
    return Reply(checkpoint_list(job_id, found, older=older, notes=notes), replaces=command.replaces)
