"""Checker: was every due alert delivered, once, in order? Pure.

It believes Slack. Of the bot's own rows it takes what was due, what it says it gave up, and which digest is said to
hold an alert; whether it does is read in its text.
"""

import re
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field

from bot.jobs.ids import short_id
from tests.simulation.plan import State

_DIGEST_LINE = re.compile(r"^:\w+: \*(?:<[^|>]*\|)?([\w…-]+)>?\* ", re.MULTILINE)
"""A line of a digest, by how it begins; it holds the job."""
NEW, MODEL = "new", "model"
CARD = "card"
GIVEN_UP = ("parked", "dead")


@dataclass(frozen=True)
class Recorded:
    """A change that the bot committed."""

    job: str
    version: int
    kind: str
    state: State


@dataclass(frozen=True)
class Alert:
    """An outbox row of a change."""

    key: str
    channel: str
    change: Recorded
    kind: str
    row: str
    """The row's state at the end."""
    held_by: str | None = None
    """The key of the digest that is said to tell it."""

    @property
    def name(self) -> str:
        """What it is called in a verdict."""
        change = self.change
        return f"{self.channel} {change.job} v{change.version} {self.kind} {change.state[0]} {self.key[:8]}"


@dataclass(frozen=True)
class Posted:
    """A message that is in Slack."""

    channel: str
    ts: float
    key: str
    is_ours: bool
    text: str
    """As it was posted: a card is edited later."""
    now: str = ""
    """Its text at the end."""


@dataclass(frozen=True)
class Card:
    """A card as the bot's store has it."""

    job: str
    channel: str
    ts: float


@dataclass
class CheckResult:
    """Result of a check; lists name alerts."""

    due: int = 0
    given_up: int = 0
    lost: list[str] = field(default_factory=list)
    doubled: list[str] = field(default_factory=list)
    repeats: int = 0
    """Messages beyond the first with the same key: a digest that came twice doubles many alerts."""
    disordered: list[str] = field(default_factory=list)
    stale: list[str] = field(default_factory=list)
    """Cards that do not show how their job ended."""
    untrue: int = 0
    """Changes that say of a finished job that it is not, or of one that has its model that it lost it."""


def check(
    followers: Mapping[str, set[str]],
    ends: Mapping[str, State],
    changes: Sequence[Recorded],
    alerts: Sequence[Alert],
    posted: Sequence[Posted],
    *,
    cards: Sequence[Card] = (),
) -> CheckResult:
    """Check a run.

    Args:
        followers: the channels that follow each job.
        ends: the state in which each job really ended.
        changes: what the bot committed.
        alerts: what the bot enqueued for it.
        posted: what is in Slack.
        cards: the cards' positions.
    """
    checked = CheckResult(due=len(alerts))
    deliveries = {alert.key: list(_deliveries_of(alert, posted)) for alert in alerts}
    for alert in alerts:
        if not deliveries[alert.key]:
            if alert.row in GIVEN_UP:
                checked.given_up += 1
            else:
                checked.lost.append(f"{alert.name}: {alert.row}, but nowhere")
        elif len(deliveries[alert.key]) > 1:
            checked.doubled.append(f"{alert.name} at {deliveries[alert.key]}")
    checked.doubled += _foreign_digest_lines(alerts, posted)
    checked.lost += _never_enqueued(followers, changes, alerts)
    checked.lost += _never_seen(followers, ends, changes)
    keys = Counter(message.key for message in posted if message.is_ours and message.key)
    checked.repeats = sum(times - 1 for times in keys.values())
    checked.disordered = list(_out_of_order(alerts, deliveries))
    checked.stale = list(_stale(cards, ends, posted))
    checked.untrue = _untrue(changes)
    return checked


def mentions_change(text: str, change: Recorded, kind: str = "change") -> bool:
    """Whether a text names the job of a change and, where it does, its new state; a card names the job."""
    status, model = change.state
    wanted = shown_status(status)
    name = short_id(change.job).lower()  # none of these jobs has a name of its own
    if kind == CARD:
        return name in text.lower()  # it shows what is known when it is posted, which may be newer
    said = [_current_part(piece) for piece in re.split(r"[\n;]", text.lower()) if name in piece]
    if change.kind == MODEL:
        return any("model" in piece or (model or "?").lower() in piece for piece in said)
    return any(wanted in piece for piece in said)


def shown_status(status: str) -> str:
    """Return a status as messages write it."""
    return status.replace("_", " ").lower().replace("cancelled", "canceled")


def _current_part(piece: str) -> str:
    """Return what a piece of text says of the present, without what was before."""
    return re.sub(r"\(was [^)]*\)", "", piece.rsplit("→", 1)[-1])


def _deliveries_of(alert: Alert, posted: Iterable[Posted]) -> Iterator[float]:
    """Yield the timestamps of messages that show an alert: its own, or the digest that holds it."""
    for message in posted:
        is_it = message.is_ours and message.channel == alert.channel and message.key in {alert.key, alert.held_by}
        # A digest shows the change in one line for the card and the alert.
        message_kind = alert.kind if message.key == alert.key else "change"
        if is_it and mentions_change(message.text, alert.change, message_kind):
            yield message.ts


def _foreign_digest_lines(alerts: Sequence[Alert], posted: Sequence[Posted]) -> Iterator[str]:
    """Yield what digests tell beyond the alerts that they are said to hold."""
    alone = {alert.key for alert in alerts}
    held: dict[str, set[tuple[str, int]]] = defaultdict(set)
    for alert in alerts:
        if alert.held_by:
            held[alert.held_by].add((alert.change.job, alert.change.version))
    for message in posted:
        if message.is_ours and message.key in held and message.key not in alone:
            lines = Counter(_DIGEST_LINE.findall(message.text))
            for job, times in (lines - Counter(short_id(job) for job, _ in held[message.key])).items():
                yield f"{message.channel} {job}: {times} lines too many in the digest at {message.ts}"


def _never_enqueued(
    followers: Mapping[str, set[str]], changes: Iterable[Recorded], alerts: Iterable[Alert]
) -> Iterator[str]:
    """Yield changes for which a channel that follows the job got no alert."""
    enqueued = {(alert.channel, alert.change.job, alert.change.version) for alert in alerts if _announces(alert)}
    for change in changes:
        for channel in sorted(followers.get(change.job, ())):
            if (channel, change.job, change.version) not in enqueued:
                yield f"{channel} {change.job} v{change.version}: never enqueued"


def _announces(alert: Alert) -> bool:
    return alert.kind != CARD or alert.change.kind == NEW


def _never_seen(
    followers: Mapping[str, set[str]], ends: Mapping[str, State], changes: Iterable[Recorded]
) -> Iterator[str]:
    """Yield followed jobs whose end the bot did not see."""
    last = {change.job: change.state for change in changes}
    for job, end in ends.items():
        if followers.get(job) and last.get(job) != end:
            yield f"{job}: ended as {end}, the bot saw {last.get(job)}"


def _out_of_order(alerts: Iterable[Alert], deliveries: Mapping[str, list[float]]) -> Iterator[str]:
    """Yield alerts of a job that first appear in a channel after a newer one.

    One that was given up, because Slack refused it again and again, and that Slack shows in the end, has no position in the queue.
    """
    by_line: dict[tuple[str, str], list[Alert]] = defaultdict(list)
    for alert in alerts:
        if deliveries[alert.key] and alert.row != "dead":
            by_line[alert.channel, alert.change.job].append(alert)
    for line in by_line.values():
        latest = 0.0
        for alert in sorted(line, key=lambda alert: (alert.change.version, alert.kind != CARD)):
            first = min(deliveries[alert.key])
            if first < latest:
                yield f"{alert.name} at {first}: before an older one at {latest}"
            latest = max(latest, first)


def _stale(cards: Iterable[Card], ends: Mapping[str, State], posted: Iterable[Posted]) -> Iterator[str]:
    """Yield posted cards that do not show how their job ended."""
    stands = {(message.channel, message.ts): message for message in posted if message.is_ours}
    for card in cards:
        message, end = stands.get((card.channel, card.ts)), ends.get(card.job)
        if message and end and shown_status(end[0]) not in message.now.lower():
            yield f"{card.channel} {card.job}: ended as {end[0]}, its card says {message.now[:60]!r}"


def _untrue(changes: Iterable[Recorded]) -> int:
    final = ("succeeded", "failed", "cancelled")
    before: dict[str, State] = {}
    found = 0
    for change in changes:
        (status, model), (was, had) = change.state, before.get(change.job, ("", None))
        found += (was in final and status not in final) or (had is not None and model is None)
        before[change.job] = change.state
    return found
