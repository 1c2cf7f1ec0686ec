"""The values that go in and come out: a command and the reply to it."""

from collections.abc import Sized
from dataclasses import dataclass, field
from enum import StrEnum

from bot.blocks import Message
from bot.blocks.view import View
from bot.commands.permissions import Permission
from bot.jobs.creation import JobRequest
from bot.jobs.filters import MATCH_ALL, Filter
from bot.store.actions.audit import Decision


class Verb(StrEnum):
    """What can be asked. All but the last three are words that a person types."""

    HELP = "help"
    STATUS = "status"
    LIST = "list"
    TRACK = "track"
    UNTRACK = "untrack"
    TRACKED = "tracked"
    SUBSCRIBE = "subscribe"
    SUBSCRIPTIONS = "subscriptions"
    UNSUBSCRIBE = "unsubscribe"
    EVENTS = "events"
    CHECKPOINTS = "checkpoints"
    MUTE = "mute"
    UNMUTE = "unmute"
    SETTINGS = "settings"
    CURVES = "curves"
    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"
    CREATE = "create"
    MODELS = "models"
    OUTBOX = "outbox"
    AUDIT = "audit"
    ABOUT = "about"
    CONFIRM = "confirm"
    """The button of the question that an order asks, or of the form for a new job."""
    RETRY = "retry"
    """A button in the answer to ``outbox``."""
    DETAILS = "details"
    """A button on a card."""


_FOR_OPERATORS = frozenset({Verb.OUTBOX, Verb.RETRY, Verb.AUDIT})
"""They change no job, but what other people's channels get, or show it."""

_STOPS = frozenset({Verb.UNTRACK, Verb.UNSUBSCRIBE, Verb.MUTE})

_CHANGES = frozenset({Verb.TRACK, Verb.UNTRACK, Verb.SUBSCRIBE, Verb.UNSUBSCRIBE, Verb.MUTE, Verb.UNMUTE, Verb.CURVES})
"""They change, or write into, what a channel or a person gets."""


@dataclass(frozen=True)
class Requester:
    """Who asks, and where; all of it from a verified request."""

    person: str
    channel: str
    team: str
    channel_name: str = field(default="", compare=False)
    """What Slack calls the channel: "directmessage", "privategroup", "mpdm-..." for a group message, or its name."""


@dataclass(frozen=True)
class Command:
    """One thing that somebody asked, from whatever door."""

    verb: Verb
    requester: Requester
    door: str = "command"
    """How it came in: "command" (typed), "button" or "modal" (a form)."""
    job_ids: tuple[str, ...] = ()
    left_out: tuple[str, ...] = ()
    """Jobs that were named beside them, and are too many for one command."""
    account: str | None = None
    """The account that it is about, None for whichever has the job, or for all."""
    topic: str | None = None
    """The verb that help is wanted for."""
    limit: int | None = None
    """How many to show."""
    after: str | None = None
    """The last of what was shown before: show what comes after it."""
    to: str | None = None
    """Another channel than the asker's, or the person themself ("me")."""
    everything: bool = False
    """Whether it is about every job that the channel tracks, or every subscription of it."""
    filter: Filter = MATCH_ALL
    """Which jobs to list, or what a subscription waits for."""
    nth: int | None = None
    """The place of the subscription to end in the list of the channel's, from 1."""
    subscription: int | None = None
    """The subscription to end, by its id."""
    seconds: float | None = None
    """For how long to mute."""
    changes: tuple[tuple[str, bool], ...] = ()
    """Settings of the channel to change, as the store names them."""
    delivery: int | None = None
    """The delivery to retry, None for all."""
    decision: Decision | None = None
    """What became of what the audit is to show."""
    person: str | None = None
    """Whose rows the audit is to show."""
    key: str | None = None
    """The question that is answered."""
    creation: JobRequest | None = None
    """The job that a form asks for."""
    fresh: bool = False
    """Whether it has to be read now, as Refresh says: an answer from a moment ago could contradict an alert."""
    replaces: bool = False
    """Whether the reply takes the place of the message whose button was pressed."""

    @property
    def permission(self) -> Permission:
        """What it needs of the asker."""
        if self.verb in (Verb.HELP, Verb.ABOUT):
            return Permission.NONE if self.verb is Verb.HELP else Permission.READ
        operates = self.changes_job or self.is_elsewhere or self.verb in _FOR_OPERATORS
        return Permission.OPERATE if operates else Permission.READ

    @property
    def is_elsewhere(self) -> bool:
        """Whether it is about another channel than the asker's, or another person."""
        return self.to not in (None, "me", self.requester.channel, self.requester.person)

    @property
    def needs_fresh_permissions(self) -> bool:
        """Whether nobody asks again before it is done, or what only operators see is shown: rights are asked anew."""
        return self.verb is Verb.CONFIRM or self.is_elsewhere or self.verb in _FOR_OPERATORS

    @property
    def changes_channel(self) -> bool:
        """Whether it changes what a channel or a person gets, or writes there."""
        return self.verb in _CHANGES or bool(self.changes)

    @property
    def changes_job(self) -> bool:
        """Whether it is an order to the fine-tuning API."""
        return self.verb in (Verb.CANCEL, Verb.PAUSE, Verb.RESUME, Verb.CREATE, Verb.CONFIRM)

    @property
    def stops_own(self) -> bool:
        """Whether it stops what the asker gets in their own direct messages, which everybody may."""
        return self.verb in _STOPS and self.requester.channel.startswith("D")

    @property
    def opens_window(self) -> bool:
        """Whether its answer belongs in a window of its own, which has to be opened at once."""
        return self.verb in (Verb.DETAILS, Verb.CREATE)


@dataclass(frozen=True)
class Reply:
    """What is said to the asker: to them alone, unless it changes what the channel gets."""

    message: Message
    public: bool = False
    replaces: bool = False
    decision: Decision | None = Decision.DONE
    """What the audit says became of it; None where that is written already."""
    reason: str | None = None
    """Why, for the audit."""
    view: View | None = None
    """What a window shows in place of the message, where the asker has one open."""


def page_start(command: Command, rows: Sized) -> int:
    """Return at which row a list goes on that its *More* button asks for; at the first where there are fewer by now."""
    after = int(command.after) if command.after and command.after.isdecimal() else 0
    return after if after < len(rows) else 0
