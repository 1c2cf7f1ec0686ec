"""`dismiss`: the button of a confirmation that leaves the job as it is."""

from dataclasses import dataclass

from bot.blocks.replies import note_message
from bot.commands.accounts import Account
from bot.commands.command import Command, Reply
from bot.commands.services import Services

LEFT_ALONE = "OK, I didn't change the job."


@dataclass(frozen=True)
class DismissCommand(Command):
    """The button; its confirmation expires unused."""

    verb = "dismiss"


async def run(_command: DismissCommand, _services: Services, _account: Account) -> Reply:
    """Replace the confirmation, so that its other button can no longer be pressed by mistake."""
    return Reply(note_message(LEFT_ALONE), replaces=True)
