"""The state of the sandbox's Slack: people, channels, messages, views, and what is handed out for a while."""

import itertools
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.slack.installed import InstalledApp, from_manifest
from bot.sandbox.slack.messages import ChannelMessage, EphemeralMessage, OpenView, SentReply

TEAM = "T0SANDBOX"
TEAM_NAME = "Sandbox"
TEAM_DOMAIN = "sandbox"
APP = "A0FTJOB"
BOT = "B0FTJOB"
BOT_USER = "U0FTJOBBOT"
BOT_NAME = "ftjob"

TRIGGER_SECONDS = 3
RESPONSE_URL_SECONDS = 30 * 60
RESPONSE_URL_USES = 5

SecretFactory = Callable[[], str]
"""Returns another secret at each call; a test that has to meet the same ones again brings its own."""


class WebApiError(Exception):
    """Slack's ``{"ok": false, "error": ...}``, with what else the answer carries."""

    def __init__(self, error: str, *, status: int = 200, headers: dict[str, str] | None = None, **more: Any) -> None:
        super().__init__(error)
        self.error = error
        self.status = status
        self.headers = headers or {}
        self.details = more

    def body(self) -> dict[str, Any]:
        """Return the answer's body."""
        return {"ok": False, "error": self.error, **self.details}


class TransientWebApiError(WebApiError):
    """The same, where only the moment is wrong: the app made no mistake."""


@dataclass(eq=False)
class User:
    """Somebody of the workspace, or a stranger in a shared channel."""

    id: str
    name: str
    is_admin: bool = False
    is_owner: bool = False
    is_primary_owner: bool = False
    is_restricted: bool = False
    is_ultra_restricted: bool = False
    is_bot: bool = False
    deleted: bool = False
    team_id: str = TEAM
    is_invited_user: bool = False
    """Invited, and never signed in."""
    is_visible: bool = True
    """Whether the app's token may see them at all."""
    enterprise: dict[str, Any] | None = None
    """Their account of an Enterprise Grid, as Slack shows it: id, enterprise_id, teams."""


@dataclass(eq=False)
class Channel:
    """A channel, or the direct messages between the bot and one person."""

    id: str
    name: str
    is_private: bool = False
    is_archived: bool = False
    is_ext_shared: bool = False
    user: str = ""
    """The person's id, in a direct message."""
    members: dict[str, None] = field(default_factory=dict)
    history: dict[str, ChannelMessage] = field(default_factory=dict)
    """Every message by ts, in order; deleted ones stay."""

    @property
    def messages(self) -> list[ChannelMessage]:
        """What stands in the channel, threads included, in order."""
        return [message for message in self.history.values() if not message.deleted]

    def thread_replies(self, ts: str) -> list[ChannelMessage]:
        """Return the replies to one message, in order."""
        return [message for message in self.messages if message.thread_ts == ts != message.ts]

    def message(self, ts: str) -> ChannelMessage | None:
        """Return the message that stands at ``ts``."""
        found = self.history.get(ts)
        return found if found and not found.deleted else None

    @property
    def bot_is_member(self) -> bool:
        """Whether the bot was invited."""
        return BOT_USER in self.members

    def add_bot(self) -> None:
        """Let the bot in; nobody is told."""
        self.members.setdefault(BOT_USER)

    def remove_bot(self) -> None:
        """Put the bot out; nobody is told."""
        self.members.pop(BOT_USER, None)

    @property
    def is_im(self) -> bool:
        """Whether it is a direct message."""
        return bool(self.user)


@dataclass
class ResponseUrl:
    """One response URL: who may be answered there, how often, how long."""

    interaction_id: str
    channel: str
    user: str
    expires: float
    original: ChannelMessage | EphemeralMessage | None = None
    """What the person clicked in; nothing after a command."""
    uses_left: int = RESPONSE_URL_USES


@dataclass
class Trigger:
    """One trigger id."""

    user: str
    expires: float
    used: bool = False


@dataclass
class UploadedFile:
    """An upload under way or done."""

    id: str
    filename: str
    length: int
    content: bytes | None = None
    alt_txt: str = ""
    shared: bool = False
    completed_at: float = 0.0
    visible_in: set[str] = field(default_factory=set)
    """The channels in which a post showed it: people there may look at it from then on."""


@dataclass
class Workspace:
    """Everything the stand-in remembers."""

    origin: Callable[[], str]
    notify_waiters: Callable[[], None]
    clock: Callable[[], float] = time.time
    app: InstalledApp = field(default_factory=from_manifest)
    new_secret: SecretFactory = secrets.token_hex
    users: dict[str, User] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    enterprise_id: str | None = None
    """The organization of an Enterprise Grid that the workspace belongs to."""
    usergroups: dict[str, list[str]] = field(default_factory=dict)
    disabled_usergroups: set[str] = field(default_factory=set)
    usergroup_handles: dict[str, str] = field(default_factory=dict)
    ephemerals: list[EphemeralMessage] = field(default_factory=list)
    replies: list[SentReply] = field(default_factory=list)
    views: dict[str, OpenView] = field(default_factory=dict)
    modal_stacks: dict[str, list[OpenView]] = field(default_factory=dict)
    homes: dict[str, OpenView] = field(default_factory=dict)
    files: dict[str, UploadedFile] = field(default_factory=dict)
    uploads: dict[str, UploadedFile] = field(default_factory=dict)
    """Files by the secret part of the address that takes their bytes."""
    file_delay: float = 0.0
    """Seconds for which a message may not show a file that was just uploaded: Slack looks at it first."""
    response_urls: dict[str, ResponseUrl] = field(default_factory=dict)
    triggers: dict[str, Trigger] = field(default_factory=dict)
    socket_tickets: set[str] = field(default_factory=set)
    """Addresses for Socket Mode that nobody used yet."""
    violations: list[str] = field(default_factory=list)
    """What Slack would accept and this project does not."""
    errors: list[str] = field(default_factory=list)
    """What Slack refuses because the app is made wrong, or did not ask for it in its manifest."""
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _last_ts: int = 0

    def __post_init__(self) -> None:
        self.users[BOT_USER] = User(BOT_USER, BOT_NAME, is_bot=True)

    def new_id(self, prefix: str) -> str:
        """Return a new id, "C00000001"."""
        return f"{prefix}{next(self._numbers):08d}"

    def ts(self) -> str:
        """Return the next timestamp: by the clock, and above every earlier one."""
        self._last_ts = max(int(self.clock() * 1_000_000), self._last_ts + 100)
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def is_file_ready(self, file_id: Any) -> bool:
        """Whether a message may show a file now."""
        file = self.files.get(str(file_id))
        return file is not None and file.shared and self.clock() >= file.completed_at + self.file_delay

    def direct_message(self, person: str) -> Channel:
        """Return the channel between the bot and one person."""
        found = (channel for channel in self.channels.values() if channel.user == person)
        if channel := next(found, None):
            return channel
        members = dict.fromkeys([BOT_USER, person])
        channel = Channel(self.new_id("D"), "directmessage", user=person, members=members, is_private=True)
        self.channels[channel.id] = channel
        return channel

    def change_channel_id(self, channel: Channel, *, accepts_old_id: bool) -> str:
        """Give a channel another id and return the one that it had; its messages stay where they stand."""
        old = channel.id
        if not accepts_old_id:
            del self.channels[old]
        channel.id = self.new_id("C")
        self.channels[channel.id] = channel
        for message in channel.history.values():
            message.channel = channel.id
        return old

    def add_message(self, message: ChannelMessage) -> ChannelMessage:
        """Put a message into its channel."""
        self.channels[message.channel].history[message.ts] = message
        self.notify_waiters()
        return message

    def add_ephemeral(self, ephemeral: EphemeralMessage) -> EphemeralMessage:
        """Show a message to one person."""
        self.ephemerals.append(ephemeral)
        self.notify_waiters()
        return ephemeral

    def add_reply(self, reply: SentReply) -> None:
        """Remember one answer as it was sent."""
        self.replies.append(reply)
        self.notify_waiters()

    def record_error(self, error: str) -> None:
        """Count an error of the app's."""
        self.errors.append(error)
        self.notify_waiters()

    def issue_trigger(self, user: str) -> str:
        """Return a new trigger id: good once, for three seconds."""
        trigger = f"{self.new_id('')}.{TEAM}.{self.new_secret()}"
        self.triggers[trigger] = Trigger(user, self.clock() + TRIGGER_SECONDS)
        return trigger

    def redeem_trigger(self, trigger_id: str) -> Trigger:
        """Use a trigger id up.

        Raises:
            Refusal: ``invalid_trigger_id``, ``exchanged_trigger_id`` or ``expired_trigger_id``.
        """
        trigger = self.triggers.get(trigger_id)
        if trigger is None:
            raise WebApiError("invalid_trigger_id")
        if trigger.used:
            raise WebApiError("exchanged_trigger_id")
        if self.clock() > trigger.expires:
            raise WebApiError("expired_trigger_id")
        trigger.used = True
        return trigger

    def issue_response_url(self, kind: str, url: ResponseUrl) -> str:
        """Return a new response URL: good five times, for half an hour."""
        token = f"{kind}/{TEAM}/{self.new_id('')}/{self.new_secret()}"
        self.response_urls[token] = url
        return f"{self.origin()}/{token}"

    def issue_upload_url(self, file: UploadedFile) -> str:
        """Return the address that takes a file's bytes."""
        secret = self.new_secret()
        self.uploads[secret] = file
        return f"{self.origin()}/upload/{secret}"

    def issue_socket_ticket(self) -> str:
        """Return what a Socket Mode address carries: good for one connection."""
        ticket = self.new_secret()
        self.socket_tickets.add(ticket)
        return ticket
