"""State of the stand-in Slack: users, channels, messages, views, and temporary triggers, URLs and tickets."""

import itertools
import secrets
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

from bot.sandbox.request_log import RequestLog
from bot.sandbox.slack.app_secrets import SecretFactory
from bot.sandbox.slack.installed_app import InstalledApp, from_manifest
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


class WebApiError(Exception):
    """Error response of the Web API: ``{"ok": false, "error": ...}`` with optional details."""

    def __init__(self, error: str, *, status: int = 200, headers: dict[str, str] | None = None, **more: Any) -> None:
        super().__init__(error)
        self.error = error
        self.status = status
        self.headers = headers or {}
        self.details = more

    def body(self) -> dict[str, Any]:
        """Return the response's body."""
        return {"ok": False, "error": self.error, **self.details}


class TransientWebApiError(WebApiError):
    """The same for a temporary condition that is not the app's mistake."""


@dataclass(eq=False)
class User:
    """A user of the workspace, or an external user in a shared channel."""

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
    """Invited, but never signed in."""
    is_visible: bool = True
    """Whether the app's token may see them."""
    enterprise: dict[str, Any] | None = None
    """Their ``enterprise_user`` object in an Enterprise Grid: id, enterprise_id, teams."""

    def __post_init__(self) -> None:
        """Owners are admins, and single-channel guests are guests, as in Slack."""
        self.is_admin = self.is_admin or self.is_owner
        self.is_restricted = self.is_restricted or self.is_ultra_restricted


@dataclass(eq=False)
class Channel:
    """A channel, or the direct message channel of the bot and one user."""

    id: str
    name: str
    is_private: bool = False
    is_archived: bool = False
    is_ext_shared: bool = False
    user: str = ""
    """The user's id in a direct message channel, else ""."""
    members: dict[str, None] = field(default_factory=dict)
    history: dict[str, ChannelMessage] = field(default_factory=dict)
    """Every message by ts, in order, deleted ones included."""

    @property
    def messages(self) -> list[ChannelMessage]:
        """The messages that were not deleted, threads included, in order."""
        return [message for message in self.history.values() if not message.deleted]

    def thread_replies(self, ts: str) -> list[ChannelMessage]:
        """Return the replies in the thread of one message, in order."""
        return [message for message in self.messages if message.thread_ts == ts != message.ts]

    def messages_about(self, name: str) -> list[ChannelMessage]:
        """Return the messages whose text holds a name, or a button it as its value's first word, and the replies to these."""
        found = [each for each in self.messages if name in each.text or name in each.first_words]
        roots = {message.ts for message in found if not message.thread_ts}
        return [message for message in self.messages if message in found or message.thread_ts in roots]

    def message(self, ts: str) -> ChannelMessage | None:
        """Return the message with this ``ts``, None if there is none or it was deleted."""
        found = self.history.get(ts)
        return found if found and not found.deleted else None

    @property
    def bot_is_member(self) -> bool:
        """Whether the bot is a member."""
        return BOT_USER in self.members

    def add_bot(self) -> None:
        """Add the bot as a member, without an event."""
        self.members.setdefault(BOT_USER)

    def remove_bot(self) -> None:
        """Remove the bot, without an event."""
        self.members.pop(BOT_USER, None)

    @property
    def is_im(self) -> bool:
        """Whether it is a direct message channel."""
        return bool(self.user)


@dataclass
class ResponseUrl:
    """One response URL: its interaction, channel and user, its expiry and remaining uses."""

    interaction_id: str
    channel: str
    user: str
    expires: float
    original: ChannelMessage | EphemeralMessage | None = None
    """The message that was clicked; None after a command."""
    uses_left: int = RESPONSE_URL_USES


@dataclass
class Trigger:
    """One trigger id: its user and expiry."""

    user: str
    expires: float
    used: bool = False


@dataclass
class UploadedFile:
    """A file whose upload has begun or is complete."""

    id: str
    filename: str
    length: int
    content: bytes | None = None
    alt_txt: str = ""
    shared: bool = False
    completed_at: float = 0.0
    visible_in: set[str] = field(default_factory=set)
    """Ids of the channels with a post that showed it; their members can see it from then on."""


@dataclass
class Workspace:
    """Everything that the stand-in Slack stores."""

    origin: Callable[[], str]
    request_log: RequestLog
    clock: Callable[[], float] = time.time
    app: InstalledApp = field(default_factory=from_manifest)
    new_secret: SecretFactory = secrets.token_hex
    users: dict[str, User] = field(default_factory=dict)
    channels: dict[str, Channel] = field(default_factory=dict)
    enterprise_id: str | None = None
    """Id of the Enterprise Grid organization that the workspace belongs to."""
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
    """Files by the secret of their upload URL."""
    file_delay: float = 0.0
    """Seconds that Slack takes to process an upload before a message can show it."""
    response_urls: dict[str, ResponseUrl] = field(default_factory=dict)
    triggers: dict[str, Trigger] = field(default_factory=dict)
    socket_tickets: set[str] = field(default_factory=set)
    """Unused tickets of Socket Mode URLs."""
    violations: list[str] = field(default_factory=list)
    """Violations of this project's own rules that Slack would accept."""
    errors: list[str] = field(default_factory=list)
    """Errors that only a defective app causes, or one whose manifest lacks something."""
    _numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _last_ts: int = 0

    def __post_init__(self) -> None:
        self.users[BOT_USER] = User(BOT_USER, BOT_NAME, is_bot=True)

    def new_id(self, prefix: str) -> str:
        """Return a new id, "C00000001"."""
        return f"{prefix}{next(self._numbers):08d}"

    def ts(self) -> str:
        """Return the next message timestamp: from the clock, and greater than every earlier one."""
        self._last_ts = max(int(self.clock() * 1_000_000), self._last_ts + 100)
        return f"{self._last_ts // 1_000_000}.{self._last_ts % 1_000_000:06d}"

    def is_file_ready(self, file_id: Any) -> bool:
        """Whether a message can show a file now."""
        file = self.files.get(str(file_id))
        return file is not None and file.shared and self.clock() >= file.completed_at + self.file_delay

    def direct_message(self, user_id: str) -> Channel:
        """Return the direct message channel of the bot and one user; create it if needed."""
        found = (channel for channel in self.channels.values() if channel.user == user_id)
        if channel := next(found, None):
            return channel
        members = dict.fromkeys([BOT_USER, user_id])
        channel = Channel(self.new_id("D"), "directmessage", user=user_id, members=members, is_private=True)
        self.channels[channel.id] = channel
        return channel

    def change_channel_id(self, channel: Channel, *, accepts_old_id: bool) -> str:
        """Change a channel's id and return the old one; the messages stay in the channel."""
        old = channel.id
        if not accepts_old_id:
            del self.channels[old]
        channel.id = self.new_id("C")
        self.channels[channel.id] = channel
        for message in channel.history.values():
            message.channel = channel.id
        return old

    def add_message(self, message: ChannelMessage) -> ChannelMessage:
        """Add a message to its channel."""
        self.channels[message.channel].history[message.ts] = message
        self.request_log.notify_waiters()
        return message

    def add_ephemeral(self, ephemeral: EphemeralMessage) -> EphemeralMessage:
        """Add an ephemeral message."""
        self.ephemerals.append(ephemeral)
        self.request_log.notify_waiters()
        return ephemeral

    def add_reply(self, reply: SentReply) -> None:
        """Record one reply as it was sent."""
        self.replies.append(reply)
        self.request_log.notify_waiters()

    def record_error(self, error: str) -> None:
        """Record an error of the app."""
        self.errors.append(error)
        self.request_log.notify_waiters()

    def issue_trigger(self, user: str) -> str:
        """Return a new trigger id, valid once and for three seconds."""
        trigger = f"{self.new_id('')}.{TEAM}.{self.new_secret()}"
        self.triggers[trigger] = Trigger(user, self.clock() + TRIGGER_SECONDS)
        return trigger

    def redeem_trigger(self, trigger_id: str) -> Trigger:
        """Consume a trigger id.

        Raises:
            WebApiError: ``invalid_trigger_id``, ``exchanged_trigger_id`` or ``expired_trigger_id``.
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
        """Return a new response URL, valid five times and for half an hour."""
        token = f"{kind}/{TEAM}/{self.new_id('')}/{self.new_secret()}"
        self.response_urls[token] = url
        return f"{self.origin()}/{token}"

    def issue_upload_url(self, file: UploadedFile) -> str:
        """Return the upload URL of a file."""
        secret = self.new_secret()
        self.uploads[secret] = file
        return f"{self.origin()}/upload/{secret}"

    def issue_socket_ticket(self) -> str:
        """Return the ticket of a Socket Mode URL, valid for one connection."""
        ticket = self.new_secret()
        self.socket_tickets.add(ticket)
        return ticket
