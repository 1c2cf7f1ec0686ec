"""`settings`: what this channel gets."""

from bot.blocks.answers import note_message
from bot.blocks.channel_settings import channel_settings_message, setting_values
from bot.blocks.parts import user_mention
from bot.commands.command import Command, Reply
from bot.commands.context import Context
from bot.store.channels.mutes import EVERY_JOB


async def settings(command: Command, context: Context) -> Reply:
    """Show this channel's settings, or change some, for all to see."""
    channel, channels = command.requester.channel, context.store.channels.preferences
    if not command.changes:
        chosen = setting_values(**vars(await channels.find(channel)))
        mutes = await context.store.channels.mutes.in_channel(channel)
        quiet = [(None if each.job_id == EVERY_JOB else each.job_id, each.until) for each in mutes]
        return Reply(channel_settings_message(chosen, quiet))
    before = setting_values(**vars(await channels.find(channel)))
    after = setting_values(**vars(await channels.change(channel, **dict(command.changes))))
    changed = [f"{label.lower()} {value}" for (label, value), was in zip(after, before, strict=True) if was[1] != value]
    if not changed:
        return Reply(note_message("This channel is set so already. `/ftjob settings` shows how."))
    return Reply(
        note_message(f"{user_mention(command.requester.person)} changed what this channel gets: {'; '.join(changed)}."),
        public=True,
    )
