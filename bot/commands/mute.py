"""`mute` and `unmute`: a channel is left in peace for a while, and then told in one go."""

from bot.blocks.answers import note
from bot.blocks.mute import muted, unmuted
from bot.blocks.parts import code
from bot.commands.command import Command, Reply
from bot.commands.context import Context
from bot.errors import UserError
from bot.store.mutes import EVERY_JOB

NOT_TRACKED = "Not tracked here, so there is nothing to mute. `/ftjob tracked` shows what is."
NOTHING_COMES = "Nothing is tracked here, so there is nothing to mute. Start with `/ftjob subscribe`."
NOT_MUTED = "Nothing is muted here. `/ftjob mute all 2h` holds back what this channel would be told."


async def mute(command: Command, context: Context) -> Reply:
    """Hold back what this channel would be told of one job, or of any."""
    asker, job_id = command.asker, _job_of(command)
    await _refuse_needless(job_id, command, context)
    seconds = command.seconds or 0.0
    mutes = context.store.mutes
    begun = await mutes.begin(context.account, asker.channel, job_id or EVERY_JOB, asker.person, seconds)
    return Reply(muted(asker.person, job_id, seconds=seconds, until=begun.until), public=True)


async def _refuse_needless(job_id: str | None, command: Command, context: Context) -> None:
    tracks, channel = context.store.tracks, command.asker.channel
    if job_id:
        if await tracks.find(context.account, job_id, channel) is None:
            raise UserError(NOT_TRACKED)
    elif not await tracks.in_channel(channel) and not await tracks.subscriptions_of(context.account, channel):
        raise UserError(NOTHING_COMES)


async def unmute(command: Command, context: Context) -> Reply:
    """End the mute of one job, or every mute here, and tell what was held back."""
    asker, job_id = command.asker, _job_of(command)
    ended, changes = await context.store.mutes.end(context.account, asker.channel, job_id or EVERY_JOB)
    if not ended:
        return Reply(note(await _why_not(job_id, command, context)))
    context.wake()
    return Reply(note(unmuted(asker.person, job_id, changes=changes)), public=True)


async def _why_not(job_id: str | None, command: Command, context: Context) -> str:
    others = await context.store.mutes.in_channel(context.account, command.asker.channel)
    if job_id and others:
        return f"{code(job_id)} is not muted by itself. `/ftjob unmute` ends every mute here."
    return NOT_MUTED


def _job_of(command: Command) -> str | None:
    return command.job_ids[0] if command.job_ids else None
