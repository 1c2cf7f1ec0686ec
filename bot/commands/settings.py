"""`settings`: what this channel gets."""

from bot.blocks.answers import note
from bot.blocks.channel_settings import channel_settings, in_words
from bot.blocks.parts import mention
from bot.commands.command import Command, Reply
from bot.commands.context import Context
from bot.store.channels.mutes import EVERY_JOB


async def settings(command: Command, context: Context) -> Reply:
    """Show this channel's settings, or change some, for all to see."""
    channel, channels = command.asker.channel, context.store.channels
    if not command.changes:
        chosen = in_words(**vars(await channels.find(channel)))
        mutes = await context.store.mutes.in_channel(channel)
        quiet = [(None if each.job_id == EVERY_JOB else each.job_id, each.until) for each in mutes]
        return Reply(channel_settings(chosen, quiet))
    before = in_words(**vars(await channels.find(channel)))
    after = in_words(**vars(await channels.change(channel, **dict(command.changes))))
    changed = [f"{label.lower()} {value}" for (label, value), was in zip(after, before, strict=True) if was[1] != value]
    if not changed:
        return Reply(note("This channel is set so already. `/ftjob settings` shows how."))
    context.wake()
    return Reply(
        note(f"{mention(command.asker.person)} changed what this channel gets: {'; '.join(changed)}."), public=True
    )
