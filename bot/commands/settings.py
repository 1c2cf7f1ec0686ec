"""`settings`: what a channel gets of its jobs."""

import secrets
from dataclasses import dataclass, replace
from itertools import zip_longest

from typing_extensions import override

from bot.blocks.channel_settings import Setting, channel_settings, channel_settings_message, settings_changed
from bot.blocks.replies import note_message
from bot.commands.accounts import Account
from bot.commands.arguments import echo
from bot.commands.command import Command, Reply, Requester
from bot.commands.post_card import post_card
from bot.commands.services import Services
from bot.commands.tokenizer import as_typed, unusual_character
from bot.commands.usage import Usage, usage_error
from bot.slack.messages import OutgoingMessage
from bot.store.channels.mutes import EVERY_JOB
from bot.store.channels.preferences import Preferences

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
            example = next((f"{known} {each}" for known, each in SETTINGS if known == name), None)
            if example:
                raise usage_error(USAGE, f"I didn't understand {echo(both)}. Try {echo(example)}, for example.")
            raise usage_error(USAGE, f"{echo(both)} isn't a channel setting.{unusual_character(as_typed(both))}")
        setting, is_on = SETTINGS[name, value]
        if chosen.setdefault(setting, is_on) != is_on:
            raise usage_error(USAGE, f"Give only one value for {echo(name)}.")
    return SettingsCommand(requester, changes=tuple(chosen.items()))


async def run(command: SettingsCommand, services: Services, _account: Account) -> Reply:
    """Show this channel's settings, or change some, for all to see."""
    requester, preferences = command.requester, services.store.channels.preferences
    if command.is_read_only:
        return await _shown(command, await preferences.find(requester.channel), services)
    async with services.channel_locks.of(requester.channel):
        before = await preferences.find(requester.channel)
        after = replace(before, **dict(command.changes))
        is_pressed = requester.source == "button"
        if before == after:
            already = Reply(note_message("Already set. See `/ftjob settings`."))
            return await _shown(command, after, services) if is_pressed else already
        note = settings_changed(requester.person, _settings(before), _settings(after))
        if is_pressed:
            # The reply replaces the settings that only this person sees, so the channel gets a message of its own.
            await post_card(OutgoingMessage(requester.channel, note, key=secrets.token_hex(16)), requester, services)
        after = await preferences.change(requester.channel, **dict(command.changes))
    return await _shown(command, after, services) if is_pressed else Reply(note, public=True)


async def _shown(command: SettingsCommand, preferences: Preferences, services: Services) -> Reply:
    mutes = await services.store.channels.mutes.in_channel(command.requester.channel)
    names = await services.store.jobs.names.of([each.job_id for each in mutes])
    rows = [(None if each.job_id == EVERY_JOB else each.job_id, names.get(each.job_id), each.until) for each in mutes]
    return Reply(channel_settings_message(_settings(preferences), rows), replaces=command.replaces)


def _settings(preferences: Preferences) -> list[Setting]:
    return channel_settings(**vars(preferences))
