"""`unsubscribe`: a channel ends one of its subscriptions, or all."""

from dataclasses import dataclass

from bot.blocks.parts import code_span, counted, user_mention
from bot.blocks.replies import note_message
from bot.blocks.subscriptions import NO_SUBSCRIPTIONS, alerts_phrase, matching_jobs
from bot.commands.accounts import Account
from bot.commands.arguments import COUNTS, echo
from bot.commands.command import Command, Reply, Requester
from bot.commands.filters import read_account, read_filter, written
from bot.commands.services import Services
from bot.commands.subscriptions import list_subscriptions
from bot.commands.usage import Usage, usage_error
from bot.errors import UserError
from bot.jobs.filters import MATCH_ALL, Filter
from bot.jobs.statuses import ANY_STATUS
from bot.store.channels.subscriptions import Subscription

USAGE = Usage(
    "unsubscribe [n | all | filter]",
    "remove this channel's subscriptions by number, by filter, or all at once",
    "unsubscribe failed team=search",
)
EXPECTED = "Use `all`, a number, or a subscription's filter."


@dataclass(frozen=True)
class UnsubscribeCommand(Command):
    """`unsubscribe`; with no argument it ends the one subscription that there is."""

    verb = "unsubscribe"

    filter: Filter = MATCH_ALL
    number: int | None = None
    """The position in the list of the channel's subscriptions, from 1."""
    subscription_id: int | None = None
    all_of_them: bool = False

    @property
    def names_none(self) -> bool:
        """Whether the command does not say which subscription to end."""
        is_one = self.number is not None or self.subscription_id is not None
        is_some = self.all_of_them or self.account is not None or self.filter != MATCH_ALL
        return not is_one and not is_some


def parse(words: list[str], requester: Requester) -> UnsubscribeCommand:
    """Read the words after `unsubscribe`."""
    words, account = read_account(USAGE, words)
    if [word.casefold() for word in words] == [ANY_STATUS]:
        return UnsubscribeCommand(requester, account=account, all_of_them=True)
    if len(words) == 1 and words[0].removeprefix("#") in COUNTS and account is None:
        return UnsubscribeCommand(requester, number=int(words[0].removeprefix("#")))
    if numbers := [word for word in words if word.removeprefix("#").isdigit()]:
        raise usage_error(USAGE, f"{echo(numbers[-1])} isn't a subscription number.")
    job_filter = read_filter(USAGE, words, requester.person, expected=EXPECTED)
    return UnsubscribeCommand(requester, account=account, filter=job_filter)


async def run(command: UnsubscribeCommand, services: Services, _account: Account) -> Reply:
    """End one subscription or all: new jobs are not announced by it, those that are tracked stay tracked."""
    services.accounts.reject_as_metadata(command.filter)
    subscriptions, channel = services.store.channels.subscriptions, command.requester.channel
    here = await subscriptions.in_channel(channel)
    if not here:
        return Reply(note_message(NO_SUBSCRIPTIONS))
    chosen = _chosen(command, here)
    if not chosen and command.subscription_id is None:
        return Reply(await list_subscriptions(here, services, _which_one(command)))
    if not sum([await subscriptions.remove(channel, each.id) for each in chosen]):
        return Reply(note_message("That subscription was already removed."))
    what = "; ".join(f"{_which(each, services)} ({alerts_phrase(each.filter)})" for each in chosen)
    text = (
        f"{user_mention(command.requester.person)} unsubscribed this channel from {what}. "
        "Jobs already tracked stay tracked. To stop tracking them, run `/ftjob untrack all`."
    )
    return Reply(note_message(text), public=True)


def _which(subscription: Subscription, services: Services) -> str:
    account = services.render_context.display_name(subscription.account)
    return matching_jobs(subscription.filter) + (f" in account {code_span(account)}" if account else "")


def _which_one(command: UnsubscribeCommand) -> str:
    if command.names_none:
        return "Which one do you want to remove?"
    return f"No subscription here matches {code_span(written(command.filter, command.account) or ANY_STATUS)}."


def _chosen(command: UnsubscribeCommand, here: list[Subscription]) -> list[Subscription]:
    """Return the subscriptions to end: where the command names none, the one that there is, in all its accounts."""
    if command.subscription_id is not None:
        return [each for each in here if each.id == command.subscription_id]
    if command.number is not None:
        if command.number > len(here):
            raise UserError(f"This channel has {counted(len(here), 'subscription')}. See `/ftjob subscriptions`.")
        return [here[command.number - 1]]
    if command.names_none:
        return here if len({each.filter for each in here}) == 1 else []
    of_account = [each for each in here if command.account in (None, each.account)]
    return [each for each in of_account if command.all_of_them or each.filter == command.filter]
