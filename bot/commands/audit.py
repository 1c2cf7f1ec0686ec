"""`audit`: who tried what, for operators."""

from bot.blocks.audit import Line, audit
from bot.commands.command import Command, Reply
from bot.commands.context import Context
from bot.store.audit import Decision

DEFAULT_ROWS = 10


async def show(command: Command, context: Context) -> Reply:
    """Show the newest rows."""
    rows = await context.store.audit.newest(command.most or DEFAULT_ROWS)
    lines = [
        Line(
            row.at,
            row.entry.person,
            row.entry.channel,
            row.entry.verb,
            row.entry.decision.value,
            job_id=row.entry.job_id,
            reason=row.entry.reason,
            before=row.entry.status_before,
            after=row.entry.status_after,
        )
        for row in rows
    ]
    return Reply(audit(lines), decision=Decision.SHOWN)
