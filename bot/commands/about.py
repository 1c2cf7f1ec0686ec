"""`help` and `about`."""

import asyncio
from functools import cache

from bot.blocks import Message
from bot.blocks.answers import facts, help_text, usage
from bot.blocks.parts import code, date
from bot.commands.command import Command, Reply, Verb
from bot.commands.context import Context
from bot.commands.last_known import Listing, newest
from bot.commands.usage import USAGE
from bot.store.accounts.outages import of_account


async def help_(command: Command, _context: Context) -> Reply:
    """Say what can be asked."""
    if command.topic:
        asked = USAGE[Verb(command.topic)]
        return Reply(usage(asked.form, asked.does, asked.example))
    return Reply(_all_verbs())


@cache
def _all_verbs() -> Message:
    return help_text([(each.form, each.does) for each in USAGE.values()])


async def about(_command: Command, context: Context) -> Reply:
    """Say what this bot is and how it fares."""
    places = context.everywhere()
    listings = await asyncio.gather(*map(newest, places))
    swept = [await context.store.accounts.swept_at(each.account) for each in places]
    looks = [date(each) if each else "none so far" for each in swept]
    since = {each.what: each.since for each in await context.store.outages.present()}
    health = [_health(each, since.get(of_account(each.there.account))) for each in listings]
    if context.named:
        looks = [f"{code(name)} {look}" for name, look in zip(context.accounts, looks, strict=True)]
        # What is wrong with one names it.
        health = [
            said if said[0] == ":" else f"{code(name)} {said}"
            for name, said in zip(context.accounts, health, strict=True)
        ]
    return Reply(
        facts(
            "ftjob",
            [
                ("Version", code(context.version)),
                ("Watches", ", ".join(each.place for each in places)),
                ("API", "\n".join(health)),
                ("Looks every", f"{context.interval:g} s"),
                ("Last look", "\n".join(looks)),
                ("Cancelling", "off" if context.policy.read_only else "for operators"),
            ],
        )
    )


def _health(listing: Listing, since: float | None) -> str:
    """Return whether an account's API can be read now, and else why not, and since when where polls know that."""
    if listing.trouble is None:
        return "answers"
    return listing.trouble + (f" It's been so since {date(since)}." if since else "")
