"""`about`: the version, the accounts that are watched, and whether their APIs answer."""

from dataclasses import dataclass
from importlib.metadata import version

from bot.blocks.parts import code_span, format_date
from bot.blocks.replies import labeled_values
from bot.commands.accounts import Account
from bot.commands.arguments import no_arguments
from bot.commands.command import Command, Reply, Requester
from bot.commands.error_messages import operator_names
from bot.commands.last_known import Listing, listings
from bot.commands.services import Services
from bot.commands.usage import Usage
from bot.store.accounts.outages import account_key

VERSION = version("ftjob")
USAGE = Usage("about", "show the version and status", "about")


@dataclass(frozen=True)
class AboutCommand(Command):
    """`about`."""

    verb = "about"


def parse(words: list[str], requester: Requester) -> AboutCommand:
    """Read the words after `about`."""
    no_arguments(USAGE, words)
    return AboutCommand(requester)


async def run(_command: AboutCommand, services: Services, account: Account) -> Reply:
    """Show the version, the settings, and each account's last poll and health."""
    accounts, store = services.accounts.all, services.store
    read = await listings(services)
    polled = [await store.accounts.leases.polled_at(each.name) for each in accounts]
    polls = [format_date(at) if at else "never" for at in polled]
    since = {each.key: each.since for each in await store.accounts.outages.current()}
    health = [_health(each, since.get(account_key(each.account.name))) for each in read]
    if account.display_name:
        names = [code_span(each.name) for each in accounts]
        polls = [f"{name} {at}" for name, at in zip(names, polls, strict=True)]
        # An error begins with its sign and names the account itself.
        health = [said if said[0] == ":" else f"{name} {said}" for name, said in zip(names, health, strict=True)]
    return Reply(
        labeled_values(
            "ftjob",
            [
                ("Version", code_span(VERSION)),
                ("Accounts", ", ".join(each.label for each in accounts)),
                ("API", "\n".join(health)),
                ("Check interval", f"{services.poll_interval:g} s"),
                ("Last checked", "\n".join(polls)),
                ("Actions", "off (read-only)" if services.render_context.read_only else "operators only"),
                (
                    "Operators",
                    ", ".join(["workspace admins and owners", *operator_names(services.slack.users.operators)]),
                ),
            ],
        )
    )


def _health(listing: Listing, since: float | None) -> str:
    """Return whether an account's API answers; if not, why, and since when where polls noticed it."""
    if listing.error is None:
        return "OK"
    return listing.error + (f" Failing since {format_date(since)}." if since else "")
