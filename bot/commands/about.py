"""`help` and `about`."""

import asyncio
from functools import cache

from bot.blocks import Message
from bot.blocks.answers import labeled_values
from bot.blocks.help import help_message, usage_message
from bot.blocks.parts import code_span, format_date
from bot.commands.command import Command, Reply, Verb
from bot.commands.context import Context
from bot.commands.last_known import Listing, latest
from bot.commands.usage import USAGE
from bot.store.accounts.outages import account_key


async def help_(command: Command, _context: Context) -> Reply:
    """Say what can be asked."""
    if command.topic:
        asked = USAGE[Verb(command.topic)]
        return Reply(usage_message(asked.syntax, asked.description, asked.example))
    return Reply(_all_verbs())


@cache
def _all_verbs() -> Message:
    return help_message([(each.syntax, each.description) for each in USAGE.values()])


async def about(_command: Command, context: Context) -> Reply:
    """Say what this bot is and how it fares."""
    places = context.all_accounts()
    listings = await asyncio.gather(*map(latest, places))
    swept = [await context.store.accounts.leases.polled_at(each.account) for each in places]
    looks = [format_date(each) if each else "none so far" for each in swept]
    since = {each.key: each.since for each in await context.store.accounts.outages.current()}
    health = [_health(each, since.get(account_key(each.there.account))) for each in listings]
    if context.display_name:
        looks = [f"{code_span(name)} {look}" for name, look in zip(context.accounts, looks, strict=True)]
        # What is wrong with one names it.
        health = [
            said if said[0] == ":" else f"{code_span(name)} {said}"
            for name, said in zip(context.accounts, health, strict=True)
        ]
    return Reply(
        labeled_values(
            "ftjob",
            [
                ("Version", code_span(context.version)),
                ("Watches", ", ".join(each.label for each in places)),
                ("API", "\n".join(health)),
                ("Looks every", f"{context.interval:g} s"),
                ("Last look", "\n".join(looks)),
                ("Cancelling", "off" if context.policy.read_only else "for operators"),
            ],
        )
    )


def _health(listing: Listing, since: float | None) -> str:
    """Return whether an account's API can be read now, and else why not, and since when where polls know that."""
    if listing.error is None:
        return "answers"
    return listing.error + (f" It's been so since {format_date(since)}." if since else "")
