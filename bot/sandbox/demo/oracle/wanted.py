"""Which finished jobs a channel is to be told of, by what people asked for there. Pure."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatchcase

from bot.sandbox.demo.oracle import asks
from bot.sandbox.demo.oracle.asks import UserCommand

END_STATUSES = frozenset({"succeeded", "failed", "cancelled"})
_OPEN = frozenset({""})
"""What is told of a job that goes on, which is no end."""
_STATES: Mapping[str, frozenset[str]] = {
    "all": frozenset(),
    **dict.fromkeys(("finished", "done", "ended"), END_STATUSES),
    **dict.fromkeys(("succeeded", "success", "completed", "complete"), frozenset({"succeeded"})),
    **dict.fromkeys(("failed", "error", "failed_validation", "user_error", "expired"), frozenset({"failed"})),
    **dict.fromkeys(("cancelled", "canceled", "stopped", "deleted"), frozenset({"cancelled"})),
    **dict.fromkeys(("active", "open", "created", "queued", "pending", "scheduled", "running", "paused"), _OPEN),
    **dict.fromkeys(("validating", "validating_files", "pausing", "resuming", "cancelling", "canceling"), _OPEN),
}
"""The ends that words for states stand for; other words leave a subscription unread."""
_PLAIN = re.compile(r"[\w .=@-]+")
"""A value of which nothing may be punctuation or formatting."""
_SECONDS = {"m": 60.0, "min": 60.0, "h": 3600.0, "d": 86_400.0}


@dataclass(frozen=True)
class FinishedJob:
    """A job that is over."""

    id: str
    status: str
    at: float
    """When it ended."""
    created_at: float = 0.0
    model: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class SubscriptionFilter:
    """What somebody subscribed to."""

    statuses: frozenset[str] = END_STATUSES
    model: str = "*"
    metadata: Mapping[str, str] = field(default_factory=dict)
    is_understood: bool = True
    """Whether each of its words is understood here."""

    def matches(self, job: FinishedJob) -> bool:
        """Whether it is about a job."""
        fits = all(job.metadata.get(key) == value for key, value in self.metadata.items())
        names = {job.model.casefold(), re.sub(r"-\d{4}-\d\d-\d\d$", "", job.model.casefold())}
        return self.is_understood and fits and any(fnmatchcase(name, self.model.casefold()) for name in names)


def parse_filter(ask: UserCommand) -> SubscriptionFilter:
    """Return the filter that the words of a subscription are."""
    tells, model, metadata, is_read = set[str](), "*", dict[str, str](), True
    for word in ask.words:
        folded, (key, equals, value) = word.casefold(), word.partition("=")
        if (state := folded.replace("-", "_")) in _STATES:
            tells |= _STATES[state]
        elif folded in ("mine", "my"):
            metadata["slack_user"] = ask.user
        elif folded.startswith("model:"):
            model = folded.removeprefix("model:")
        elif equals and key and _PLAIN.fullmatch(value):
            metadata[key] = value
        elif not folded.startswith("account:"):
            is_read = False
    return SubscriptionFilter(frozenset(tells) or END_STATUSES, model, metadata, is_understood=is_read)


def is_expected(job: FinishedJob, asked: Sequence[UserCommand], cards: Sequence[float], now: float) -> bool:
    """Whether a channel is to be told by now that a job is over.

    Args:
        job: the job.
        asked: what took effect in the channel, in order.
        cards: when cards of the job were posted there.
        now: the present, in seconds since the epoch.
    """
    here = _Here(job, cards)
    for ask in asked:
        here.apply(ask)
    return job.status in here.statuses() and not here.is_muted(now)


class _Here:
    """What holds for one job in one channel, one ask after the other."""

    def __init__(self, job: FinishedJob, cards: Sequence[float]) -> None:
        self._job, self._cards = job, cards
        self._filters: dict[str, SubscriptionFilter] = {}
        """Subscriptions that follow the job, by the exchange that made them."""
        self._had = set[str]()
        """Those of them that found the job: it stays tracked when they end."""
        self._open: dict[str, SubscriptionFilter] = {}
        """Subscriptions that go on, in the order in which the bot numbers them."""
        self._by_hand = self._is_unread = self._failures_only = False
        self._untracked = 0.0
        self._mutes: dict[str, float] = {}

    def apply(self, ask: UserCommand) -> None:
        """Go on to the next ask."""
        match ask.verb:
            case "subscribe":
                self._subscribe(ask)
            case "unsubscribe":
                self._unsubscribe(ask)
            case "track" if self._job.id in ask.words:
                self._by_hand = True
            case asks.UNDO_TRACK if self._job.id in ask.words:
                self._cards = [at for at in self._cards if at < ask.at]
            case "untrack" if self._names(ask):
                self._untracked, self._by_hand, self._filters = ask.at, False, {}
            case "mute":
                self._mutes[self._muted(ask.words)] = ask.at + _seconds(ask.words[-1:])
            case "unmute":
                self._unmute(ask.words)
            case "settings" if ask.at <= self._job.at:
                self._set(ask.words)

    def statuses(self) -> frozenset[str]:
        """Return the ends of the job that are told here."""
        has_card = any(at > self._untracked for at in self._cards)
        kept = [each for name, each in self._filters.items() if has_card or name in self._open or name in self._had]
        told = frozenset[str]().union(*(each.statuses for each in kept))
        # A card that nothing explains: it was tracked in a way that is not known here.
        if self._by_hand or (has_card and not kept and not self._is_unread):
            told = END_STATUSES
        return told & {"failed"} if self._failures_only else told

    def is_muted(self, now: float) -> bool:
        """Whether people want to hear nothing of it now."""
        return any(until > now for name, until in self._mutes.items() if name in ("all", self._job.id))

    def _subscribe(self, ask: UserCommand) -> None:
        wanted = parse_filter(ask)
        self._is_unread |= not wanted.is_understood
        self._open[ask.interaction_id] = wanted
        if self._job.at > ask.at and wanted.matches(self._job):
            self._filters[ask.interaction_id] = wanted
            if self._job.created_at <= ask.at:
                self._had.add(ask.interaction_id)

    def _unsubscribe(self, ask: UserCommand) -> None:
        names = list(self._open)
        if ask.words and (first := ask.words[0].removeprefix("#")).isdecimal():
            number = int(first)
            ended = names[number - 1 : number] if number else []
        elif ask.words and not _is_all(ask.words):
            ended = [name for name in names if self._open[name] == parse_filter(ask)]
        else:
            ended = names
        for name in ended:
            del self._open[name]

    def _names(self, ask: UserCommand) -> bool:
        return self._job.id in ask.words or (_is_all(ask.words) and self._job.created_at <= ask.at)

    def _muted(self, words: Sequence[str]) -> str:
        return "all" if _is_all(words) else next(iter(words), "")

    def _unmute(self, words: Sequence[str]) -> None:
        if not words or _is_all(words):
            self._mutes.clear()
        else:
            self._mutes.pop(words[0], None)

    def _set(self, words: Sequence[str]) -> None:
        folded = [word.casefold() for word in words]
        chosen = dict(zip(folded[::2], folded[1::2], strict=False))
        if "alerts" in chosen:
            self._failures_only = chosen["alerts"] == "failures"


def _is_all(words: Sequence[str]) -> bool:
    return "all" in [word.casefold() for word in words]


def _seconds(words: Sequence[str]) -> float:
    """Return how long "30m" or "2h" is."""
    for word in words:
        for unit, seconds in sorted(_SECONDS.items(), key=lambda each: -len(each[0])):
            number = word.casefold().removesuffix(unit)
            if number != word.casefold() and number.isdecimal():
                return int(number) * seconds
    return 0.0
