"""Messages on their way to Slack, how an attempt to post one ended, and what a look-up saw."""

from dataclasses import dataclass
from typing import Any

from bot.blocks import Message


@dataclass(frozen=True)
class PostResult:
    """How one attempt ended, as the gateway saw it."""

    ts: str | None = None
    """Where the message stands; set exactly if Slack said so."""
    channel: str | None = None
    """The channel that took it: a direct message's own id where it was addressed to a person."""
    error: str | None = None
    """Slack's word, or ours where Slack said nothing ("timeout", "unreachable")."""
    maybe_posted: bool = False
    """Whether Slack may have taken it although it did not say so."""
    retry_after: float | None = None
    """Seconds, where Slack asked for a pause."""


@dataclass(frozen=True)
class Lookup:
    """A message of which it is not known whether it arrived."""

    channel: str
    key: str
    """What its metadata holds, if it is there."""
    thread_ts: str | None
    """The thread that it went to."""
    first_sent_at: float
    """When it was first sent, seconds since the epoch by Slack's clock."""


@dataclass(frozen=True)
class LookupResult:
    """What a look-up saw."""

    ts: str | None = None
    """Where the message stands; None where it is not there, or could not be seen."""
    error: str | None = None
    """Why nothing could be seen, in Slack's word or ours; None for a look-up that worked."""


@dataclass(frozen=True)
class OutgoingMessage:
    """One message on its way to a channel."""

    channel: str
    message: Message
    key: str
    """What it can be recognised by later; goes into the message's metadata."""
    thread_ts: str | None = None
    broadcast: bool = False
    """Whether a reply in a thread is shown in the channel too."""
    generation: int = 0
    """Of a card: which count of what it has to show this is."""
    person: str | None = None
    """Whose direct messages the channel is, "" where nobody knows; None where that needs no question."""


@dataclass(frozen=True)
class FileUpload:
    """A picture on its way to Slack."""

    content: bytes
    name: str
    """Of the file."""
    title: str


def content_of(message: Message) -> dict[str, Any]:
    """Return a message as arguments: its text, and its blocks where it has any."""
    return {"text": message.text, "blocks": list(message.blocks)} if message.blocks else {"text": message.text}
