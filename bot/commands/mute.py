"""`mute`: a channel's alerts are held back for a while, then summed up in one digest."""

import re
from dataclasses import dataclass, field

from bot.blocks.mute import mute_message
from bot.commands.accounts import Account
from bot.commands.arguments import echo, job_ids
from bot.commands.command import Command, Reply, Requester
from bot.commands.services import Services
from bot.commands.tokenizer import as_typed, unusual_character
from bot.commands.usage import Usage, usage_error
from bot.errors import UserError
from bot.store.channels.mutes import EVERY_JOB

USAGE = Usage("mute <id>|all <time>", "pause alerts for a while, then post a summary", "mute all 2h")
MAX_MUTE = 7 * 86_400.0
"""Seconds."""
NOT_TRACKED = "That job isn't tracked here, so there's nothing to mute. See `/ftjob tracked`."
NOTHING_TRACKED = "Nothing is tracked here, so there's nothing to mute. To get started, run `/ftjob subscribe`."
_TIME = re.compile(r"([1-9][0-9]{0,4})(m|min|h|d)", re.ASCII | re.IGNORECASE)
_SECONDS = {"m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}


@dataclass(frozen=True)
class MuteCommand(Command):
    """`mute`; without an id it is about every job."""

    verb = "mute"

    seconds: float = field(kw_only=True)


def parse(words: list[str], requester: Requester) -> MuteCommand:
    """Read the words after `mute`."""
    if len(words) != 2:  # noqa: PLR2004
        raise usage_error(USAGE, "Which job (or `all`), and for how long?")
    seconds = _seconds(words[1])
    if words[0].casefold() == "all":
        return MuteCommand(requester, seconds=seconds)
    return MuteCommand(requester, job_ids(USAGE, words[:1]), seconds=seconds)


def _seconds(word: str) -> float:
    """Return the seconds that a word such as ``30m``, ``2h`` or ``1d`` stands for."""
    typed = as_typed(word)
    time = _TIME.fullmatch(typed)
    if time is None:
        raise usage_error(USAGE, f"{echo(word)} isn't a duration like 30m, 2h, or 1d.{unusual_character(typed)}")
    seconds = int(time[1]) * _SECONDS[time[2].lower()]
    if seconds > MAX_MUTE:
        raise usage_error(USAGE, "You can mute for up to 7 days.")
    return seconds


async def run(command: MuteCommand, services: Services, _account: Account) -> Reply:
    """Hold back the alerts of this channel about one job, or about all."""
    requester, job_id = command.requester, next(iter(command.job_ids), None)
    accounts = await _accounts(job_id, command, services)
    until = await services.store.channels.mutes.begin(
        accounts, requester.channel, job_id or EVERY_JOB, requester.person, command.seconds
    )
    name = await services.store.jobs.names.find(job_id) if job_id else None
    return Reply(mute_message(requester.person, job_id, name, seconds=command.seconds, until=until), public=True)


async def _accounts(job_id: str | None, command: MuteCommand, services: Services) -> list[str]:
    """Return the accounts whose alerts are held back: those of a job that is tracked here, or all."""
    channels, channel = services.store.channels, command.requester.channel
    names = [each.name for each in services.accounts.selected(command.account)]
    if job_id:
        tracking = [name for name in names if await channels.tracks.find(name, job_id, channel)]
        if not tracking:
            raise UserError(NOT_TRACKED)
        return tracking
    if not await channels.tracks.in_channel(channel) and not await channels.subscriptions.in_channel(channel):
        raise UserError(NOTHING_TRACKED)
    return names
