"""Slack server of the sandbox: one workspace with one app, as strict as Slack, and the actions of tests on it."""

from collections.abc import Iterable
from functools import cached_property
from types import TracebackType
from typing import Any

from typing_extensions import override

from bot.sandbox.slack.installed_app import from_manifest
from bot.sandbox.slack.interactions import UserInteraction
from bot.sandbox.slack.messages import EphemeralMessage, OpenView
from bot.sandbox.slack.routes import SlackRoutes
from bot.sandbox.slack.users import SandboxUser, UserActions
from bot.sandbox.slack.workspace import BOT_USER, TEAM, Channel, User

SCOPES = from_manifest().scopes
"""Scopes of the app's manifest, optional ones included."""


class Slack(SlackRoutes):
    """A workspace with one installed app; start it with ``async with``."""

    @cached_property
    def _user_actions(self) -> UserActions:
        return UserActions(self.workspace, self.payload_sender)

    @property
    def request_url(self) -> str | None:
        """The app's request URL, for signed requests if there is no Socket Mode connection."""
        return self.payload_sender.request_url

    @request_url.setter
    def request_url(self, url: str | None) -> None:
        self.payload_sender.request_url = url

    @property
    def violations(self) -> list[str]:
        """Violations of this project's own rules that Slack would accept; empty at the end of a good test."""
        return self.workspace.violations

    @property
    def errors(self) -> list[str]:
        """Errors that only a defective app or manifest causes; empty at the end of a good test."""
        return self.workspace.errors

    @property
    def ephemerals(self) -> list[EphemeralMessage]:
        """Every ephemeral message in its current version, in order."""
        return self.workspace.ephemerals

    @property
    def interactions(self) -> list[UserInteraction]:
        """All user interactions and events, in order."""
        return self._user_actions.interactions

    @property
    def homes(self) -> dict[str, OpenView]:
        """Published Home tabs by user id."""
        return self.workspace.homes

    def add_user(self, name: str, **fields: Any) -> SandboxUser:
        """Add a user who can act; ``fields`` are those of ``User``, such as ``is_admin``."""
        user = SandboxUser(id=self.workspace.new_id("U"), name=name, user_actions=self._user_actions, **fields)
        self.workspace.users[user.id] = user
        return user

    def add_channel(
        self,
        name: str,
        *,
        bot_is_member: bool = True,
        is_private: bool = False,
        is_archived: bool = False,
        is_ext_shared: bool = False,
        prefix: str = "C",
    ) -> Channel:
        """Add a channel; ``prefix`` begins its id ("G" for older private channels)."""
        members = dict.fromkeys([BOT_USER] if bot_is_member else [])
        channel = Channel(self.workspace.new_id(prefix), name, is_private, is_archived, is_ext_shared, members=members)
        self.workspace.channels[channel.id] = channel
        return channel

    def add_usergroup(self, handle: str, users: Iterable[User]) -> str:
        """Add a user group and return its id."""
        group = self.workspace.new_id("S")
        self.workspace.usergroup_handles[handle] = group
        self.workspace.usergroups[group] = [user.id for user in users]
        return group

    def direct_message(self, user: User) -> Channel:
        """Return the direct message channel of the bot and one user."""
        return self.workspace.direct_message(user.id)

    async def invite_bot(self, channel: Channel, inviter: User | None = None) -> UserInteraction:
        """Add the bot to a channel and send ``member_joined_channel``."""
        channel.add_bot()
        event = {"type": "member_joined_channel", "user": BOT_USER, "channel": channel.id, "team": TEAM}
        event["channel_type"] = "G" if channel.is_private else "C"
        return await self._send_bot_event(event | ({"inviter": inviter.id} if inviter else {}))

    async def remove_bot(self, channel: Channel) -> UserInteraction:
        """Remove the bot from a channel and send ``member_left_channel``, then ``channel_left`` or ``group_left``."""
        channel.remove_bot()
        left = {"type": "member_left_channel", "user": BOT_USER, "channel": channel.id, "team": TEAM}
        await self._send_bot_event(left | {"channel_type": "G" if channel.is_private else "C"})
        kind = "group_left" if channel.is_private else "channel_left"
        return await self._send_bot_event({"type": kind, "channel": channel.id})

    async def unarchive(self, channel: Channel, actor: User | None = None) -> UserInteraction:
        """Unarchive a channel and send ``channel_unarchive`` or ``group_unarchive``."""
        channel.is_archived = False
        kind = "group_unarchive" if channel.is_private else "channel_unarchive"
        return await self._send_bot_event({"type": kind, "channel": channel.id} | ({"user": actor.id} if actor else {}))

    async def change_channel_id(self, channel: Channel, *, accepts_old_id: bool = False) -> UserInteraction:
        """Change a channel's id, as when it is shared, and send ``channel_id_changed``.

        ``accepts_old_id`` lets Slack accept the old id, too, and answer with the new one.
        """
        old = self.workspace.change_channel_id(channel, accepts_old_id=accepts_old_id)
        ids = {"old_channel_id": old, "new_channel_id": channel.id}
        return await self._send_bot_event({"type": "channel_id_changed", **ids, "event_ts": self.workspace.ts()})

    async def send_event(self, type_: str, **fields: Any) -> UserInteraction:
        """Send an event; one that the app did not subscribe to counts as its error."""
        interaction = await self._send_bot_event({"type": type_, **fields})
        if interaction.error == "not_subscribed":
            self.workspace.record_error(f"the app did not subscribe to {type_}, or lacks its scope")
        return interaction

    async def redeliver(
        self, interaction: UserInteraction, *, attempt: int = 1, reason: str = "http_timeout"
    ) -> UserInteraction:
        """Deliver an event again under the same event id."""
        return await self._user_actions.redeliver_event(interaction, attempt, reason)

    async def _send_bot_event(self, event: dict[str, Any]) -> UserInteraction:
        self.request_log.notify_waiters()
        return await self._user_actions.send_event(self.workspace.users[BOT_USER], event)

    async def wait_for_connection(self, *, seconds: float = 300.0) -> None:
        """Wait for a Socket Mode connection."""
        await self.request_log.wait_until(lambda: self.sockets.active, seconds=seconds, why="a Socket Mode connection")

    async def disconnect_all(self, reason: str = "refresh_requested") -> None:
        """Ask every Socket Mode connection to disconnect, as Slack does every few hours."""
        await self.sockets.disconnect_all(reason)

    @override
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.payload_sender.close()
        await super().__aexit__(kind, error, trace)
