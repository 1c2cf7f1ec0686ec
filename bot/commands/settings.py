"""`settings`: what a channel gets of its jobs."""

from dataclasses import dataclass
from itertools import zip_longest

from typing_extensions import override

from bot.blocks.channel_settings import channel_settings_message, setting_values
from bot.blocks.parts import user_mention
from bot.blocks.replies import note_message
from bot.commands.accounts import Account
from bot.commands.arguments import echo
from bot.commands.command import Command, Reply, Requester
from bot.commands.services import Services
from bot.commands.tokenizer import as_typed, unusual_character
from bot.commands.usage import Usage, usage_error
from bot.store.channels.mutes import EVERY_JOB

USAGE = Usage(
    "settings [broadcast on|off] [size compact|full] [alerts all|failures]",
    "show or change this channel's notification settings",
    "settings broadcast off",
)
SETTINGS = {
    ("broadcast", "on"): ("broadcast", True),
    ("broadcast", "off"): ("broadcast", False),
    ("size", "compact"): ("full_cards", False),
    ("size", "full"): ("full_cards", True),
    ("alerts", "failures"): ("failures_only", True),
    ("alerts", "all"): ("failures_only", False),
}
"""What can be typed, and the preference that the store has for it."""


@dataclass(frozen=True)
class SettingsCommand(Command):
    """`settings`; without changes it shows them."""

    verb = "settings"

    changes: tuple[tuple[str, bool], ...] = ()
    """Preferences of the channel, by the store's names."""

    @override
    @property
    def is_read_only(self) -> bool:
        """Whether the command only shows the settings."""
        return not self.changes


def parse(words: list[str], requester: Requester) -> SettingsCommand:
    """Read the words after `settings`."""
    folded = [word.casefold() for word in words]
    chosen: dict[str, bool] = {}
    for name, value in zip_longest(folded[::2], folded[1::2], fillvalue=""):
        if (name, value) not in SETTINGS:
            both = f"{name} {value}".strip()
            raise usage_error(USAGE, f"{echo(both)} isn't a channel setting.{unusual_character(as_typed(both))}")
        setting, is_on = SETTINGS[name, value]
        if chosen.setdefault(setting, is_on) != is_on:
            raise usage_error(USAGE, f"Give only one value for {echo(name)}.")
    return SettingsCommand(requester, changes=tuple(chosen.items()))


async def run(command: SettingsCommand, services: Services, _account: Account) -> Reply:
    """Show this channel's settings, or change some, for all to see."""
    channel, preferences = command.requester.channel, services.store.channels.preferences
    before = setting_values(**vars(await preferences.find(channel)))
    if command.is_read_only:
        mutes = await services.store.channels.mutes.in_channel(channel)
        rows = [(None if each.job_id == EVERY_JOB else each.job_id, each.until) for each in mutes]
        return Reply(channel_settings_message(before, rows))
    after = setting_values(**vars(await preferences.change(channel, **dict(command.changes))))
    changed = [f"{label.lower()} {value}" for (label, value), was in zip(after, before, strict=True) if was[1] != value]
    if not changed:
        return Reply(note_message("Already set. See `/ftjob settings`."))
    who = user_mention(command.requester.person)
    return Reply(note_message(f"{who} changed this channel's settings: {'; '.join(changed)}."), public=True)
