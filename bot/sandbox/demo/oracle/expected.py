"""Expected results: which finished jobs a channel is to be notified of, from the commands used there. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from bot.sandbox.demo.oracle import user_commands
from bot.sandbox.demo.oracle.user_commands import UserCommand

END_STATUSES = frozenset({"succeeded", "failed", "cancelled"})
_NO_END = frozenset({""})
"""Stands for the statuses of an unfinished job."""
_STATUS_WORDS: Mapping[str, frozenset[str]] = {
    "all": frozenset(),
    **dict.fromkeys(("finished", "done", "ended"), END_STATUSES),
    **dict.fromkeys(("succeeded", "success", "completed", "complete"), frozenset({"succeeded"})),
    **dict.fromkeys(("failed", "error", "failed_validation", "user_error", "expired"), frozenset({"failed"})),
    **dict.fromkeys(("cancelled", "canceled", "stopped", "deleted"), frozenset({"cancelled"})),
    **dict.fromkeys(("active", "open", "created", "queued", "pending", "scheduled", "running", "paused"), _NO_END),
    **dict.fromkeys(("validating", "validating_files", "pausing", "resuming", "cancelling", "canceling"), _NO_END),
}
"""Final statuses by status word; with any other word a filter is not understood."""
_PLAIN_VALUE = re.compile(r"[\w .=@-]+")
"""A value without possible punctuation or formatting."""
_UNIT_SECONDS = {"m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}


@dataclass(frozen=True)
class FinishedJob:
    """A finished job."""

    id: str
    status: str
    at: float
    """When it finished."""
    created_at: float = 0.0
    model: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)
    own_id: str = ""
    """The provider's ID, as in the URL of its page."""


@dataclass(frozen=True)
class SubscriptionFilter:
    """Filter of a subscription."""

    statuses: frozenset[str] = END_STATUSES
    model: str = "*"
    metadata: Mapping[str, str] = field(default_factory=dict)
    is_understood: bool = True
    """Whether each of its words was understood."""

    def matches(self, job: FinishedJob) -> bool:
        """Whether it matches a job."""
        fits = all(job.metadata.get(key) == value for key, value in self.metadata.items())
        names = {job.model.casefold(), re.sub(r"-\d{4}-\d\d-\d\d$", "", job.model.casefold())}
        return self.is_understood and fits and any(fnmatchcase(name, self.model.casefold()) for name in names)


def parse_filter(command: UserCommand) -> SubscriptionFilter:
    """Return the filter that a subscribe command names."""
    statuses, model, metadata, is_understood = set[str](), "*", dict[str, str](), True
    for word in command.words:
        folded, (key, equals, value) = word.casefold(), word.partition("=")
        if (state := folded.replace("-", "_")) in _STATUS_WORDS:
            statuses |= _STATUS_WORDS[state]
        elif folded in ("mine", "my"):
            metadata["slack_user"] = command.user
        elif folded.startswith("model:"):
            model = folded.removeprefix("model:")
        elif equals and key and _PLAIN_VALUE.fullmatch(value):
            metadata[key] = value
        elif not folded.startswith("account:"):
            is_understood = False
    return SubscriptionFilter(frozenset(statuses) or END_STATUSES, model, metadata, is_understood=is_understood)


def is_expected(job: FinishedJob, commands: Sequence[UserCommand], cards: Sequence[float], now: float) -> bool:
    """Whether a channel is to be notified by now of a job's result.

    Args:
        job: the job.
        commands: the commands that took effect in the channel, in order.
        cards: times at which the job's cards were posted there.
        now: the present, in seconds since the epoch.
    """
    state = _ChannelState(job, cards)
    for command in commands:
        state.apply(command)
    return job.status in state.statuses() and not state.is_muted(now)


class _ChannelState:
    """Subscriptions, tracks, mutes and settings of one job in one channel, built up command by command."""

    def __init__(self, job: FinishedJob, cards: Sequence[float]) -> None:
        self._job, self._cards = job, cards
        self._matching: dict[str, tuple[SubscriptionFilter, bool]] = {}
        """Subscriptions that match the job, by the interaction that made them, and whether each found the existing job:
        then it stays tracked when the subscription ends."""
        self._subscriptions: dict[str, SubscriptionFilter] = {}
        """Active subscriptions, in the order of the bot's numbers."""
        self._is_tracked = self._has_unknown_filter = self._failures_only = False
        self._untracked_at = 0.0
        self._mutes: dict[str, float] = {}

    def apply(self, command: UserCommand) -> None:
        """Apply the next command."""
        match command.verb:
            case "subscribe":
                self._subscribe(command)
            case "unsubscribe":
                self._unsubscribe(command)
            case "track" if self._job.id in command.words:
                self._is_tracked = True
            case user_commands.UNDO_TRACK if self._job.id in command.words:
                self._cards = [at for at in self._cards if at < command.at]
            case "untrack" if self._is_mentioned_by(command):
                self._untracked_at, self._is_tracked, self._matching = command.at, False, {}
            case "mute":
                self._mutes[self._mute_key(command.words)] = command.at + _parse_duration(command.words[-1:])
            case "unmute":
                self._unmute(command.words)
            case "settings" if command.at <= self._job.at:
                self._apply_settings(command.words)

    def statuses(self) -> frozenset[str]:
        """Return the final statuses that are posted here."""
        has_card = any(at > self._untracked_at for at in self._cards)
        kept = [
            each
            for name, (each, found_job) in self._matching.items()
            if has_card or name in self._subscriptions or found_job
        ]
        statuses = frozenset[str]().union(*(each.statuses for each in kept))
        # An unexplained card: the job was tracked in a way that is not modeled here.
        if self._is_tracked or (has_card and not kept and not self._has_unknown_filter):
            statuses = END_STATUSES
        return statuses & {"failed"} if self._failures_only else statuses

    def is_muted(self, now: float) -> bool:
        """Whether the job is muted now."""
        return any(until > now for name, until in self._mutes.items() if name in ("all", self._job.id))

    def _subscribe(self, command: UserCommand) -> None:
        subscription = parse_filter(command)
        self._has_unknown_filter |= not subscription.is_understood
        self._subscriptions[command.interaction_id] = subscription
        if self._job.at > command.at and subscription.matches(self._job):
            self._matching[command.interaction_id] = subscription, self._job.created_at <= command.at

    def _unsubscribe(self, command: UserCommand) -> None:
        names = list(self._subscriptions)
        if command.words and (first := command.words[0].removeprefix("#")).isdecimal():
            number = int(first)
            ended = names[number - 1 : number] if number else []
        elif command.words and not _is_all(command.words):
            ended = [name for name in names if self._subscriptions[name] == parse_filter(command)]
        else:
            ended = names
        for name in ended:
            del self._subscriptions[name]

    def _is_mentioned_by(self, command: UserCommand) -> bool:
        return self._job.id in command.words or (_is_all(command.words) and self._job.created_at <= command.at)

    def _mute_key(self, words: Sequence[str]) -> str:
        return "all" if _is_all(words) else next(iter(words), "")

    def _unmute(self, words: Sequence[str]) -> None:
        if not words or _is_all(words):
            self._mutes.clear()
        else:
            self._mutes.pop(words[0], None)

    def _apply_settings(self, words: Sequence[str]) -> None:
        folded = [word.casefold() for word in words]
        chosen = dict(zip(folded[::2], folded[1::2], strict=False))
        if "alerts" in chosen:
            self._failures_only = chosen["alerts"] == "failures"


def _is_all(words: Sequence[str]) -> bool:
    return "all" in [word.casefold() for word in words]


def _parse_duration(words: Sequence[str]) -> float:
    """Return the seconds of a duration such as "30m" or "2h", 0 if there is none."""
    for word in words:
        for unit, seconds in sorted(_UNIT_SECONDS.items(), key=lambda each: -len(each[0])):
            number = word.casefold().removesuffix(unit)
            if number != word.casefold() and number.isdecimal():
                return int(number) * seconds
    return 0.0
