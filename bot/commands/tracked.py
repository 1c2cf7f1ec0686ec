"""`tracked`: the jobs that a channel tracks."""

from dataclasses import dataclass

from bot.blocks.choices import Choice
from bot.blocks.tracked_list import tracked_list
from bot.commands.accounts import Account
from bot.commands.arguments import no_arguments, page_after
from bot.commands.command import Command, Reply, Requester, page_start
from bot.commands.last_known import outage_notes
from bot.commands.services import Services
from bot.commands.usage import Usage

USAGE = Usage("tracked", "list the jobs tracked here", "tracked")


@dataclass(frozen=True)
class TrackedCommand(Command):
    """`tracked`."""

    verb = "tracked"

    after: str | None = None
    """How many rows were shown before."""


def parse(words: list[str], requester: Requester) -> TrackedCommand:
    """Read the words after `tracked`."""
    words, after = page_after(words)
    no_arguments(USAGE, words)
    return TrackedCommand(requester, after=after)


async def run(command: TrackedCommand, services: Services, _account: Account) -> Reply:
    """Show the jobs that this channel tracks."""
    channel, stored = command.requester.channel, services.store.channels
    found = await stored.tracks.in_channel(channel)
    subscribed = bool(await stored.subscriptions.in_channel(channel))
    notes = await outage_notes([each.track.account for each in found], services)
    rows = [
        Choice(
            each.track.job_id, each.name, each.state.status, services.render_context.display_name(each.track.account)
        )
        for each in found
    ]
    message = tracked_list(rows, subscribed=subscribed, notes=notes, start=page_start(command.after, rows))
    return Reply(message, replaces=command.replaces)
