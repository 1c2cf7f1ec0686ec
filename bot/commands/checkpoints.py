"""`checkpoints`: the models that a job saved at the end of its epochs."""

from dataclasses import dataclass

from bot.blocks.checkpoint_list import checkpoint_list
from bot.commands.accounts import Account, account_word
from bot.commands.arguments import one_job_id, page_after
from bot.commands.command import Command, Reply, Requester
from bot.commands.events import NO_PAGES
from bot.commands.services import Services
from bot.commands.usage import Usage

USAGE = Usage("checkpoints <id>", "list a job's checkpoints", "checkpoints ftjob-abc123")
PAGE = 10


@dataclass(frozen=True)
class CheckpointsCommand(Command):
    """`checkpoints`."""

    verb = "checkpoints"

    after: str | None = None
    """The id of the oldest checkpoint of the page before."""


def parse(words: list[str], requester: Requester) -> CheckpointsCommand:
    """Read the words after `checkpoints`."""
    words, after = page_after(words)
    return CheckpointsCommand(requester, one_job_id(USAGE, words), after=after)


async def run(command: CheckpointsCommand, _services: Services, account: Account) -> Reply:
    """Show the newest checkpoints of a job, or those before the one that the command names."""
    (job_id,) = command.job_ids
    found = (await account.reads.checkpoints(job_id, limit=PAGE, after=command.after)).value
    has_more = len(found) >= PAGE and found[-1].id
    older = f"checkpoints {job_id} {account_word(account)}after:{found[-1].id}" if has_more else None
    notes = [NO_PAGES] if len(found) >= PAGE and older is None else []
    is_final = not (found or command.after) and (await account.reads.job(job_id)).value.job.is_final
    message = checkpoint_list(
        job_id,
        found,
        older=older,
        notes=notes,
        is_first=command.after is None,
        is_final=is_final,
        account=account.display_name,
    )
    return Reply(message, replaces=command.replaces)
