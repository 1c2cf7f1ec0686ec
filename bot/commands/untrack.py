"""`untrack`: a channel gets nothing more of a job, or of any."""

from dataclasses import dataclass

from bot.blocks.parts import code_span, job_mention_with_id, user_mention
from bot.blocks.replies import note_message
from bot.commands.accounts import Account
from bot.commands.arguments import job_ids
from bot.commands.command import Command, Reply, Requester
from bot.commands.services import Services
from bot.commands.usage import Usage

USAGE = Usage("untrack <id>...|all", "stop posting updates for these jobs here", "untrack ftjob-abc123")


@dataclass(frozen=True)
class UntrackCommand(Command):
    """`untrack`."""

    verb = "untrack"

    all_jobs: bool = False
    """Whether it is about every job that the channel tracks."""


def parse(words: list[str], requester: Requester) -> UntrackCommand:
    """Read the words after `untrack`."""
    if [word.casefold() for word in words] == ["all"]:
        return UntrackCommand(requester, all_jobs=True)
    return UntrackCommand(requester, job_ids(USAGE, words))


async def run(command: UntrackCommand, services: Services, _account: Account) -> Reply:
    """Stop tracking jobs in this channel."""
    channel, tracks = command.requester.channel, services.store.channels.tracks
    person = user_mention(command.requester.person)
    if command.all_jobs:
        count = len(await tracks.remove(channel))
        if count == 0:
            return Reply(note_message("Nothing is tracked here."))
        jobs = "1 job" if count == 1 else f"{count} jobs"
        return Reply(note_message(f"{person} untracked {jobs} here."), public=True)
    untracked = [each for job_id in command.job_ids for each in await tracks.remove(channel, job_id, command.account)]
    if not untracked:
        jobs = "That job isn't" if len(command.job_ids) == 1 else "None of those jobs are"
        return Reply(note_message(f"{jobs} tracked here. To see what is, run `/ftjob tracked`."))
    names = await services.store.jobs.names.of([job_id for _, job_id in untracked])
    jobs = ", ".join(_which(account, job_id, names.get(job_id), services) for account, job_id in untracked)
    return Reply(note_message(f"{person} untracked {jobs} here."), public=True)


def _which(account: str, job_id: str, name: str | None, services: Services) -> str:
    shown = services.render_context.display_name(account)
    return job_mention_with_id(job_id, name) + (f" in account {code_span(shown)}" if shown else "")
