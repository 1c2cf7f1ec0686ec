"""The values that go in and come out of a verb: a typed command and the reply to it."""

from collections.abc import Sized
from dataclasses import dataclass, field
from typing import ClassVar

from bot.blocks import Message
from bot.blocks.view import View
from bot.jobs.actions import Decision


@dataclass(frozen=True)
class Requester:
    """Who asks, where and how; all of it from a verified request."""

    person: str
    channel: str
    team: str
    channel_name: str = field(default="", compare=False)
    """What Slack calls the channel: "directmessage", "privategroup", "mpdm-..." for a group message, or its name."""
    source: str = "command"
    """How the request came in: "command" (typed), "button", "shortcut" or "modal" (a form)."""


@dataclass(frozen=True)
class Command:
    """What all typed commands have in common; the module of each verb adds its own arguments."""

    verb: ClassVar[str]
    """The name of the verb, as it is typed."""

    requester: Requester
    job_ids: tuple[str, ...] = ()
    """The jobs that the command names."""
    account: str | None = None
    """The account that the command names, None for whichever has the job, or for all."""
    replaces: bool = False
    """Whether the reply replaces the message whose button was pressed."""

    @property
    def is_elsewhere(self) -> bool:
        """Whether the command changes another channel than the requester's, or what another person gets."""
        return False

    @property
    def is_read_only(self) -> bool:
        """Whether the command only shows something, although its verb can change a channel."""
        return False


@dataclass(frozen=True)
class Reply:
    """The answer to a command: for the requester alone, unless it changes what the channel gets."""

    message: Message
    public: bool = False
    replaces: bool = False
    decision: Decision | None = Decision.DONE
    """The decision that the audit records; None where it is recorded already."""
    reason: str | None = None
    """The reason that the audit records."""
    view: View | None = None
    """What a modal shows in place of the message, where the requester has one open."""


def page_start(after: str | None, rows: Sized) -> int:
    """Return the index of the first row that a *More* button asks for; 0 where there are fewer rows by now."""
    start = int(after) if after and after.isdecimal() else 0
    return start if start < len(rows) else 0
