"""`subscriptions`: the subscriptions of a channel."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.blocks import Message
from bot.blocks.subscriptions import subscription_list
from bot.commands.accounts import Account
from bot.commands.arguments import no_arguments
from bot.commands.command import Command, Reply, Requester
from bot.commands.services import Services
from bot.commands.usage import Usage
from bot.store.channels.subscriptions import Subscription

USAGE = Usage("subscriptions", "list this channel's subscriptions", "subscriptions")


@dataclass(frozen=True)
class SubscriptionsCommand(Command):
    """`subscriptions`."""

    verb = "subscriptions"


def parse(words: list[str], requester: Requester) -> SubscriptionsCommand:
    """Read the words after `subscriptions`."""
    no_arguments(USAGE, words)
    return SubscriptionsCommand(requester)


async def run(command: SubscriptionsCommand, services: Services, _account: Account) -> Reply:
    """Show the subscriptions of this channel."""
    here = await services.store.channels.subscriptions.in_channel(command.requester.channel)
    return Reply(await list_subscriptions(here, services))


async def list_subscriptions(here: Sequence[Subscription], services: Services, head: str = "") -> Message:
    """Return the list of a channel's subscriptions, each with a button that ends it."""
    account_name = services.render_context.display_name
    rows = [(each.id or 0, each.filter, each.person, account_name(each.account)) for each in here]
    failures_only = bool(here) and (await services.store.channels.preferences.find(here[0].channel)).failures_only
    return subscription_list(rows, head=head, failures_only=failures_only)
