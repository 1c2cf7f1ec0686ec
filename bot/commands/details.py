"""The Details button: everything about a job, in a window."""

from dataclasses import replace

from bot.blocks.details import details_view
from bot.commands import status
from bot.commands.command import Command, Reply
from bot.commands.context import Context


async def show(command: Command, context: Context) -> Reply:
    """Show everything about a job in the window that was opened; where there is none, as ``status`` does."""
    read = await context.reads.job(command.job_ids[0])
    job = read.value.job
    reply = await status.show_status(command, context)
    return replace(reply, view=details_view(job, context.around(job, tracked=False), checked_at=read.at))
