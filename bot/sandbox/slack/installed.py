"""The app as it is installed: what its manifest asks Slack for. What it did not ask for, it does not get."""

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
"""Events that Slack sends only to apps with one of these scopes, by the events' pages."""


@dataclass(frozen=True)
class InstalledApp:
    """What one manifest asks for."""

    scopes: frozenset[str]
    """The bot's scopes, optional ones included."""
    events: frozenset[str]
    """The events that it subscribes to."""
    commands: Mapping[str, bool]
    """Its slash commands ("/ftjob"); whether Slack escapes what is typed after each."""
    shortcuts: Mapping[str, tuple[str, str]]
    """By callback_id: "message" or "global", and what people see in the menu."""
    is_interactive: bool
    """Whether Slack tells it of clicks, submissions and shortcuts."""
    has_home: bool
    """Whether it has a Home tab."""
    has_messages: bool
    """Whether it has a Messages tab, where it can write to one person."""
    accepts_messages: bool
    """Whether people can write there, too."""

    @classmethod
    def parse(cls, declared: Mapping[str, Any]) -> Self:
        """Read a manifest, as YAML decodes it."""
        needed, optional = manifest.scopes(dict(declared))
        features, settings = declared.get("features", {}), declared.get("settings", {})
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
        """Return it with other scopes or events, as if its manifest named these."""
        return replace(
            self,
            scopes=self.scopes if scopes is None else frozenset(scopes),
            events=self.events if events is None else frozenset(events),
        )

    def receives_event(self, event: str) -> bool:
        """Whether Slack sends it an event: it subscribes to it, and has a scope that the event takes."""
        wanted = _EVENT_SCOPES.get(event)
        return event in self.events and (wanted is None or bool(wanted & self.scopes))

    def has_shortcut(self, callback_id: str, kind: str) -> bool:
        """Whether people find a shortcut in their menu, on a message ("message") or from anywhere ("global")."""
        return self.shortcuts.get(callback_id, ("", ""))[0] == kind


@cache
def from_manifest() -> InstalledApp:
    """Return the app that the repository's manifest.yml describes, also in an installed package."""
    return InstalledApp.parse(manifest.for_socket_mode())
