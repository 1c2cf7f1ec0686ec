"""`help` and `about`."""

from functools import cache

from bot.blocks import Message
from bot.blocks.answers import facts, help_text, usage
from bot.blocks.parts import code, date
from bot.commands.command import Command, Reply, Verb
from bot.commands.context import Context
from bot.commands.usage import USAGE


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
    swept = [await context.store.accounts.swept_at(each.account) for each in context.everywhere()]
    looks = [date(each) if each else "none yet: nothing is tracked" for each in swept]
    if context.named:
        looks = [f"{code(name)} {look}" for name, look in zip(context.accounts, looks, strict=True)]
    return Reply(
        facts(
            "ftjob",
            [
                ("Version", code(context.version)),
                ("Watches", ", ".join(each.place for each in context.everywhere())),
                ("Looks every", f"{context.interval:g} s"),
                ("Last look", "\n".join(looks)),
                ("Cancelling", "off" if context.policy.read_only else "for operators"),
            ],
        )
    )
