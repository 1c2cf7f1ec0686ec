"""A Slack to try things with: Web API, Socket Mode, signed delivery, response URLs, modals, Home; strict as Slack."""

from collections.abc import Iterable
from functools import cached_property
from types import TracebackType
from typing import Any

from bot.sandbox.slack.exchange import UserInteraction
from bot.sandbox.slack.installed import from_manifest
from bot.sandbox.slack.messages import EphemeralMessage, OpenView
from bot.sandbox.slack.routes import SlackRoutes
from bot.sandbox.slack.users import SandboxUser, UserActions
from bot.sandbox.slack.workspace import BOT_USER, TEAM, Channel, User

SCOPES = from_manifest().scopes
"""What the bot's manifest asks for, optional scopes included."""


class Slack(SlackRoutes):
    """One workspace with one app in it; start it with ``async with``."""

    @cached_property
    def _hands(self) -> UserActions:
        return UserActions(self.workspace, self.request_log, self.payload_sender)

    @property
    def request_url(self) -> str | None:
        """Where signed deliveries go if no Socket Mode connection is there."""
        return self.payload_sender.request_url

    @request_url.setter
    def request_url(self, url: str | None) -> None:
        self.payload_sender.request_url = url

    @property
    def violations(self) -> list[str]:
        """What Slack would accept and this project does not; empty at the end of a good test."""
        return self.workspace.violations

    @property
    def errors(self) -> list[str]:
        """What Slack refused because the app is made wrong or did not ask for it; empty at the end of a good test."""
        return self.workspace.errors

    @property
    def ephemerals(self) -> list[EphemeralMessage]:
        """Every ephemeral message, as it stands now, in order."""
        return self.workspace.ephemerals

    @property
    def interactions(self) -> list[UserInteraction]:
        """All that people did and the app was brought, in order."""
        return self._hands.interactions

    @property
    def homes(self) -> dict[str, OpenView]:
        """The Home tab of each person who has one, by user id."""
        return self.workspace.homes

    def add_user(
        self,
        name: str,
        *,
        is_admin: bool = False,
        is_owner: bool = False,
        is_restricted: bool = False,
        is_ultra_restricted: bool = False,
        is_bot: bool = False,
        deleted: bool = False,
        team_id: str = TEAM,
    ) -> SandboxUser:
        """Let somebody join; owners are admins too, as in Slack."""
        person = SandboxUser(
            id=self.workspace.new_id("U"),
            name=name,
            is_admin=is_admin or is_owner,
            is_owner=is_owner,
            is_restricted=is_restricted or is_ultra_restricted,
            is_ultra_restricted=is_ultra_restricted,
            is_bot=is_bot,
            deleted=deleted,
            team_id=team_id,
            user_actions=self._hands,
        )
        self.workspace.users[person.id] = person
        return person

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
        """Open a channel; older private ones have an id that begins with "G"."""
        members = dict.fromkeys([BOT_USER] if bot_is_member else [])
        channel = Channel(self.workspace.new_id(prefix), name, is_private, is_archived, is_ext_shared, members=members)
        self.workspace.channels[channel.id] = channel
        return channel

    def add_usergroup(self, handle: str, people: Iterable[User]) -> str:
        """Found a user group and return its id."""
        group = self.workspace.new_id("S")
        self.workspace.usergroup_handles[handle] = group
        self.workspace.usergroups[group] = [person.id for person in people]
        return group

    def direct_message(self, person: User) -> Channel:
        """Return the channel between the bot and one person."""
        return self.workspace.direct_message(person.id)

    async def invite_bot(self, channel: Channel, inviter: User | None = None) -> UserInteraction:
        """Let the bot into a channel; the app hears ``member_joined_channel``."""
        channel.add_bot()
        event = {"type": "member_joined_channel", "user": BOT_USER, "channel": channel.id, "team": TEAM}
        event["channel_type"] = "G" if channel.is_private else "C"
        return await self._bot_event(event | ({"inviter": inviter.id} if inviter else {}))

    async def remove_bot(self, channel: Channel) -> UserInteraction:
        """Remove the bot from a channel; the app hears ``member_left_channel``, and ``channel_left`` or ``group_left``."""
        channel.remove_bot()
        left = {"type": "member_left_channel", "user": BOT_USER, "channel": channel.id, "team": TEAM}
        await self._bot_event(left | {"channel_type": "G" if channel.is_private else "C"})
        kind = "group_left" if channel.is_private else "channel_left"
        return await self._bot_event({"type": kind, "channel": channel.id})

    async def unarchive(self, channel: Channel, actor: User | None = None) -> UserInteraction:
        """Take a channel out of the archive; the app hears ``channel_unarchive`` or ``group_unarchive``."""
        channel.is_archived = False
        kind = "group_unarchive" if channel.is_private else "channel_unarchive"
        return await self._bot_event({"type": kind, "channel": channel.id} | ({"user": actor.id} if actor else {}))

    async def change_channel_id(self, channel: Channel, *, accepts_old_id: bool = False) -> UserInteraction:
        """Give a channel another id, as when it is shared; the app hears ``channel_id_changed``.

        ``takes_old`` lets Slack take the old id, too, and answer with the new one.
        """
        old = self.workspace.change_channel_id(channel, accepts_old_id=accepts_old_id)
        ids = {"old_channel_id": old, "new_channel_id": channel.id}
        return await self._bot_event({"type": "channel_id_changed", **ids, "event_ts": self.workspace.ts()})

    async def send_event(self, kind: str, **fields: Any) -> UserInteraction:
        """Send any event that the app subscribed to; to send another is an error of the app's."""
        exchange = await self._bot_event({"type": kind, **fields})
        if exchange.error == "not_subscribed":
            self.workspace.record_error(f"the app did not subscribe to {kind}, or lacks its scope")
        return exchange

    async def redeliver(
        self, exchange: UserInteraction, *, attempt: int = 1, reason: str = "http_timeout"
    ) -> UserInteraction:
        """Deliver an event once more, under the same event id."""
        return await self._hands.redeliver_event(exchange, attempt, reason)

    async def _bot_event(self, event: dict[str, Any]) -> UserInteraction:
        self.request_log.notify_waiters()
        return await self._hands.send_event(self.workspace.users[BOT_USER], event)

    async def wait_for_connection(self, *, seconds: float = 300.0) -> None:
        """Wait until a Socket Mode connection is there."""
        await self.request_log.wait_until(
            lambda: self.payload_sender.connections, seconds=seconds, why="a Socket Mode connection"
        )

    async def disconnect_all(self, reason: str = "refresh_requested") -> None:
        """Ask every Socket Mode connection to leave, as Slack does every few hours."""
        await self.payload_sender.disconnect_all(reason)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.payload_sender.close()
        await super().__aexit__(kind, error, trace)
