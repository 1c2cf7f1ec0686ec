"""The settings of a channel, each with a button that changes it, and the channel's mutes."""

from collections.abc import Sequence
from dataclasses import dataclass

from bot.blocks.interactive import button
from bot.blocks.mute import EVERY_JOB, UNMUTE
from bot.blocks.parts import (
    Block,
    Message,
    context,
    fallback_text,
    format_date,
    job_mention,
    section,
    series,
    user_mention,
)
from bot.blocks.replies import note_message

CHANGE_SETTING = "ftjob_setting"
"""Action ID of a button that changes a setting; its value is what would be typed after `settings`."""
_EVERY_CHANGE = "every change, unless a subscription narrows it down"
_MAX_MUTES = 5
_HINT = "Or use a command, such as `/ftjob settings broadcast off`."


@dataclass(frozen=True)
class Setting:
    """A setting of a channel and its value."""

    name: str
    """As it is typed."""
    label: str
    value: str
    meaning: str
    other_value: str
    """The value that its button sets."""
    button_label: str


def channel_settings(*, broadcast: bool, full_cards: bool, failures_only: bool) -> list[Setting]:
    """Return the settings of a channel, by the names of its stored preferences."""
    return [
        Setting("broadcast", "Broadcast", "on", "results also appear in the channel", "off", "Turn off")
        if broadcast
        else Setting("broadcast", "Broadcast", "off", "results stay in threads", "on", "Turn on"),
        Setting("size", "Card size", "full", "cards with dates and metadata", "compact", "Use compact cards")
        if full_cards
        else Setting("size", "Card size", "compact", "three-line cards", "full", "Use full cards"),
        Setting(
            "alerts",
            "Alerts",
            "failures",
            "only failed, stuck, or missing jobs and their recovery",
            "all",
            "Get all alerts",
        )
        if failures_only
        else Setting("alerts", "Alerts", "all", _EVERY_CHANGE, "failures", "Failures only"),
    ]


def channel_settings_message(
    settings: Sequence[Setting], mutes: Sequence[tuple[str | None, str | None, float]]
) -> Message:
    """Return a channel's settings and its mutes: job ID, None for all jobs, its name, if any, and end, Unix seconds."""
    listed = [
        f"{job_mention(job_id, name) if job_id else 'all jobs'} until {format_date(until)}"
        for job_id, name, until in mutes[:_MAX_MUTES]
    ]
    hidden = len(mutes) - _MAX_MUTES
    muted = ", ".join(listed) + (f" and {hidden} more" if hidden > 0 else "") or "nothing"
    summary = "; ".join(f"{each.label.lower()} {each.value}" for each in settings)
    unmute = button("Unmute all", UNMUTE, EVERY_JOB, accessibility_label="Unmute all jobs in this channel")
    return Message(
        fallback_text(f"Channel settings: {summary}; muted: {muted}."),
        [
            section("*Channel settings*"),
            *map(_row, settings),
            section(f"*Muted:* {muted}", accessory=unmute if mutes else None),
            context(_HINT),
        ],
    )


def settings_changed(person: str, before: Sequence[Setting], after: Sequence[Setting]) -> Message:
    """Return who changed which settings; ``before`` and ``after`` differ."""
    changed = [
        f"{new.label.lower()} to {new.value} ({new.meaning})"
        for old, new in zip(before, after, strict=True)
        if old.value != new.value
    ]
    return note_message(f"{user_mention(person)} set {series(changed, 'and')} in this channel.")


def _row(setting: Setting) -> Block:
    other = f"{setting.name} {setting.other_value}"
    label = f"Set {setting.label.lower()} to {setting.other_value}"
    change = button(setting.button_label, f"{CHANGE_SETTING}:{setting.name}", other, accessibility_label=label)
    return section(f"*{setting.label}:* {setting.value} · {setting.meaning}", accessory=change)
