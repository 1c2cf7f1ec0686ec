"""`mute` and `unmute`: a channel is left in peace for a while, and then told in one go."""

from bot.blocks.answers import note_message
from bot.blocks.mute import mute_message, unmute_text
from bot.blocks.parts import code_span
from bot.commands.command import Command, Reply
from bot.commands.context import Context
from bot.errors import UserError
from bot.store.channels.mutes import EVERY_JOB

NOT_TRACKED = "Not tracked here, so there is nothing to mute. `/ftjob tracked` shows what is."
NOTHING_COMES = "Nothing is tracked here, so there is nothing to mute. Start with `/ftjob subscribe`."
NOT_MUTED = "Nothing is muted here. `/ftjob mute all 2h` holds back what this channel would be told."


async def mute(command: Command, context: Context) -> Reply:
    """Hold back what this channel would be told of one job, or of any."""
    asker, job_id = command.requester, _job_of(command)
    seconds = command.seconds or 0.0
    whose = await _accounts(job_id, asker.channel, context)
    until = await context.store.channels.mutes.begin(whose, asker.channel, job_id or EVERY_JOB, asker.person, seconds)
    return Reply(mute_message(asker.person, job_id, seconds=seconds, until=until), public=True)


async def _accounts(job_id: str | None, channel: str, context: Context) -> list[str]:
    """Return the accounts of which something is held back: those of a job that is tracked here, or all."""
    tracks = context.store.channels.tracks
    if job_id:
        whose = [name for name in context.accounts if await tracks.find(name, job_id, channel)]
        if not whose:
            raise UserError(NOT_TRACKED)
        return whose
    if not await tracks.in_channel(channel) and not await tracks.subscriptions_of(channel):
        raise UserError(NOTHING_COMES)
    return list(context.accounts)


async def unmute(command: Command, context: Context) -> Reply:
    """End the mute of one job, or every mute here, and tell what was held back."""
    asker, job_id = command.requester, _job_of(command)
    ended, changes = await context.store.channels.mutes.end(asker.channel, job_id or EVERY_JOB)
    if not ended:
        return Reply(note_message(await _why_not(job_id, command, context)))
    return Reply(
        note_message(unmute_text(asker.person, job_id, changes=changes)), public=True, replaces=command.replaces
    )


async def _why_not(job_id: str | None, command: Command, context: Context) -> str:
    others = await context.store.channels.mutes.in_channel(command.requester.channel)
    if job_id and others:
        return f"{code_span(job_id)} is not muted by itself. `/ftjob unmute` ends every mute here."
    return NOT_MUTED


def _job_of(command: Command) -> str | None:
    return command.job_ids[0] if command.job_ids else None
