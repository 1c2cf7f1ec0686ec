"""Messages for Slack, results of posts, and lookups of messages that Slack did not confirm."""

from dataclasses import dataclass
from typing import Any

from bot.blocks import Message


@dataclass(frozen=True)
class PostResult:
    """Result of one attempt to post or update a message."""

    ts: str | None = None
    """Timestamp of the message; set only if Slack confirmed it."""
    channel: str | None = None
    """Channel that Slack posted to: the id of the direct message if the message was addressed to a user."""
    error: str | None = None
    """Slack's error name, or our own if Slack returned none ("timeout", "unreachable")."""
    maybe_posted: bool = False
    """Whether Slack may have posted the message without confirming it."""
    retry_after: float | None = None
    """Seconds to wait, if Slack asked for it."""


@dataclass(frozen=True)
class Lookup:
    """Query for a message that Slack did not confirm."""

    channel: str
    key: str
    """Key in the metadata of the message."""
    thread_ts: str | None
    """Thread that it was posted to."""
    first_sent_at: float
    """First attempt, in seconds since the epoch by Slack's clock."""


@dataclass(frozen=True)
class LookupResult:
    """Result of a lookup."""

    ts: str | None = None
    """Timestamp of the message; None if it was not found."""
    error: str | None = None
    """Why the lookup failed: Slack's error name or our own. None if the lookup worked."""


@dataclass(frozen=True)
class OutgoingMessage:
    """A message for one channel."""

    channel: str
    message: Message
    key: str
    """Key for later lookups; goes into the metadata of the message."""
    thread_ts: str | None = None
    broadcast: bool = False
    """Whether a reply in a thread also appears in the channel."""
    generation: int = 0
    """For a card: the generation of its content that this message shows."""
    person: str | None = None
    """User whose access to direct messages must be checked first: "" if unknown, None if no check is needed."""


@dataclass(frozen=True)
class FileUpload:
    """An image to upload."""

    content: bytes
    name: str
    """File name."""
    title: str


def content_of(message: Message) -> dict[str, Any]:
    """Return the arguments of a Web API method that hold a message: its text, and its blocks if it has any."""
    return {"text": message.text, "blocks": list(message.blocks)} if message.blocks else {"text": message.text}
