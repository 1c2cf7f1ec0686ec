"""Installed app: the scopes, events, commands and features that its manifest requests, and nothing else."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import Any, Self

from bot.runtime import manifest

_CHANNELS = frozenset({"channels:read", "groups:read"})
_EVENT_SCOPES: Mapping[str, frozenset[str]] = {
    "member_joined_channel": _CHANNELS,
    "member_left_channel": _CHANNELS,
    "channel_id_changed": _CHANNELS,
    "channel_left": frozenset({"channels:read"}),
    "channel_unarchive": frozenset({"channels:read"}),
    "group_left": frozenset({"groups:read"}),
    "group_unarchive": frozenset({"groups:read"}),
    "reaction_added": frozenset({"reactions:read"}),
    "app_mention": frozenset({"app_mentions:read"}),
}
"""Scopes of which an event requires one, according to the event's page."""


@dataclass(frozen=True)
class InstalledApp:
    """What an app's manifest requests."""

    scopes: frozenset[str]
    """The bot's scopes, optional ones included."""
    events: frozenset[str]
    """Subscribed events."""
    commands: Mapping[str, bool]
    """Slash commands ("/ftjob"), each with whether Slack escapes its text."""
    shortcuts: Mapping[str, tuple[str, str]]
    """Shortcuts by callback_id: ("message" or "global", name in the menu)."""
    is_interactive: bool
    """Whether it gets clicks, submissions and shortcuts."""
    has_home: bool
    """Whether it has a Home tab."""
    has_messages: bool
    """Whether it has a Messages tab, where it can message one user."""
    accepts_messages: bool
    """Whether users can write in the Messages tab, too."""

    @classmethod
    def parse(cls, manifest_body: Mapping[str, Any]) -> Self:
        """Parse a manifest, decoded from YAML."""
        needed, optional = manifest.scopes(dict(manifest_body))
        features, settings = manifest_body.get("features", {}), manifest_body.get("settings", {})
        tabs = features.get("app_home", {})
        return cls(
            scopes=needed | optional,
            events=frozenset(settings.get("event_subscriptions", {}).get("bot_events", ())),
            commands={each["command"]: each.get("should_escape", False) for each in features.get("slash_commands", ())},
            shortcuts={each["callback_id"]: (each["type"], each["name"]) for each in features.get("shortcuts", ())},
            is_interactive=settings.get("interactivity", {}).get("is_enabled", False),
            has_home=tabs.get("home_tab_enabled", False),
            has_messages=tabs.get("messages_tab_enabled", False),
            accepts_messages=tabs.get("messages_tab_enabled", False)
            and not tabs.get("messages_tab_read_only_enabled", False),
        )

    def with_overrides(self, *, scopes: Iterable[str] | None = None, events: Iterable[str] | None = None) -> Self:
        """Return the app with other scopes or events."""
        return replace(
            self,
            scopes=self.scopes if scopes is None else frozenset(scopes),
            events=self.events if events is None else frozenset(events),
        )

    def receives_event(self, event: str) -> bool:
        """Whether Slack sends it an event: it is subscribed and has a scope that the event requires."""
        required = _EVENT_SCOPES.get(event)
        return event in self.events and (required is None or bool(required & self.scopes))

    def has_shortcut(self, callback_id: str, kind: str) -> bool:
        """Whether it has a shortcut of a kind: on a message ("message") or from anywhere ("global")."""
        return self.shortcuts.get(callback_id, ("", ""))[0] == kind


@cache
def from_manifest() -> InstalledApp:
    """Return the app of the project's manifest.yml, also in an installed package."""
    return InstalledApp.parse(manifest.for_socket_mode())
