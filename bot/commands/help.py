"""`help`: every verb that can be typed, or the syntax of one."""

from dataclasses import dataclass
from functools import cache

from bot.blocks import Message
from bot.blocks.help import help_message, usage_message
from bot.commands.accounts import Account
from bot.commands.command import Command, Reply
from bot.commands.services import Services
from bot.commands.usage import Usage

USAGE = Usage("help [command]", "show this list, or help for one command", "help track")


@dataclass(frozen=True)
class HelpCommand(Command):
    """`help`; the registry parses it, because it knows all verbs."""

    verb = "help"

    usages: tuple[Usage, ...] = ()
    """The one that help is wanted for, or all."""


async def run(command: HelpCommand, _services: Services, _account: Account) -> Reply:
    """Show how one verb is typed, or an overview of all."""
    if len(command.usages) == 1:
        usage = command.usages[0]
        return Reply(usage_message(usage.syntax, usage.description, usage.example))
    return Reply(_overview(command.usages))


@cache
def _overview(usages: tuple[Usage, ...]) -> Message:
    return help_message([(each.syntax, each.description) for each in usages])
