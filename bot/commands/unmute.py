"""`unmute`: a mute ends now, and the channel gets the digest of what was held back."""

from dataclasses import dataclass

from bot.blocks.mute import unmute_text
from bot.blocks.parts import job_mention
from bot.blocks.replies import note_message
from bot.commands.accounts import Account
from bot.commands.arguments import one_job_id
from bot.commands.command import Command, Reply, Requester
from bot.commands.services import Services
from bot.commands.usage import Usage
from bot.store.channels.mutes import EVERY_JOB

USAGE = Usage("unmute [id|all]", "unmute a job or this channel", "unmute")
NOT_MUTED = "Nothing is muted here. To pause alerts in this channel, run `/ftjob mute all 2h`."


@dataclass(frozen=True)
class UnmuteCommand(Command):
    """`unmute`; without an id it is about every mute of the channel."""

    verb = "unmute"


def parse(words: list[str], requester: Requester) -> UnmuteCommand:
    """Read the words after `unmute`."""
    if not words or [word.casefold() for word in words] == ["all"]:
        return UnmuteCommand(requester)
    return UnmuteCommand(requester, one_job_id(USAGE, words))


async def run(command: UnmuteCommand, services: Services, _account: Account) -> Reply:
    """End the mute of one job, or every mute here, and send what was held back."""
    requester, job_id = command.requester, next(iter(command.job_ids), None)
    name = await services.store.jobs.names.find(job_id) if job_id else None
    ended, changes = await services.store.channels.mutes.end(requester.channel, job_id or EVERY_JOB, command.account)
    if not ended:
        return Reply(note_message(await _why_not(job_id, name, requester.channel, services)))
    is_muted = EVERY_JOB in {each.job_id for each in await services.store.channels.mutes.in_channel(requester.channel)}
    text = unmute_text(requester.person, job_id, name, changes=changes, is_channel_muted=is_muted)
    return Reply(note_message(text), public=True, replaces=command.replaces)


async def _why_not(job_id: str | None, name: str | None, channel: str, services: Services) -> str:
    muted = {each.job_id for each in await services.store.channels.mutes.in_channel(channel)}
    if job_id and EVERY_JOB in muted:
        return (
            f"{job_mention(job_id, name)} isn't muted separately; the whole channel is. To unmute everything here, run "
            "`/ftjob unmute`."
        )
    return f"{job_mention(job_id, name)} isn't muted." if job_id and muted else NOT_MUTED
