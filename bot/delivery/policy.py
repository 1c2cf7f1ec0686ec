"""What to do after an attempt to post, decided by one question: could the message be in the channel? Pure."""

from dataclasses import dataclass, replace
from enum import StrEnum

from bot.net.retry_after import LONGEST_PAUSE, SHORTEST_PAUSE, jittered
from bot.slack.errors import (
    CHANNEL_CLOSED,
    LOST_ACCESS,
    MAYBE_POSTED,
    NEVER_SEES,
    OUR_FAULT,
    RATE_LIMITED,
    REFUSED_FOR_NOW,
    THREAD_GONE,
    WORKSPACE_CLOSED,
)
from bot.slack.messages import Answer, Sight
from bot.slack.timeouts import PACE, PATIENCE, Patience
from bot.store.outbox import queue
from bot.store.outbox.delivery import Outcome

LONGEST_BACKOFF = queue.LONGEST_WAIT
_MOST_DOUBLINGS = 12
MOST_UNKNOWN = 5
"""How often an error that we do not know is tried again."""


NOT_DRAWN = "not_drawn"
"""Ours: the message could not even be drawn."""


class Next(StrEnum):
    """What to do with a delivery in doubt after a look-up."""

    SENT = "sent"
    """It is there."""
    SEND = "send"
    """It is not there."""
    SEND_BLIND = "send_blind"
    """Nobody can see whether it is there: better told twice than not at all, and the message says so."""
    LOOK_AGAIN = "look_again"
    PARK = "park"
    """The channel is closed, for looking too."""


@dataclass(frozen=True)
class Verdict:
    """What becomes of a delivery after an attempt."""

    outcome: Outcome
    wait: float = 0.0
    """Seconds until it may be tried again."""
    channel_wait: float = PACE
    """Seconds until anything more goes to its channel, the pace at the least."""


def decide(answer: Answer, attempts: int, *, was_plain: bool, luck: float, patience: Patience = PATIENCE) -> Verdict:
    """Return what becomes of a delivery.

    Args:
        answer: how the attempt ended.
        attempts: how many there have been, this one included.
        was_plain: whether it already went out without blocks.
        luck: a random number from 0 to 1 that spreads retries.
        patience: how long to wait for what.
    """
    verdict = _sorted(answer, attempts, was_plain=was_plain, luck=luck, patience=patience)
    return replace(verdict, channel_wait=patience.pace) if verdict.channel_wait == PACE else verdict


def backoff(failures: int, luck: float, longest: float = LONGEST_BACKOFF) -> float:
    """Return the seconds until what failed so often before is tried again; ``luck`` as of ``decide``."""
    return min(longest, 2.0 ** min(failures, _MOST_DOUBLINGS)) * (0.5 + luck / 2)


def pause_asked(answer: Answer) -> float:
    """Return the seconds that Slack's rate limit asks for, within our bounds."""
    return min(max(SHORTEST_PAUSE, answer.retry_after or SHORTEST_PAUSE), LONGEST_PAUSE)


def _sorted(answer: Answer, attempts: int, *, was_plain: bool, luck: float, patience: Patience) -> Verdict:
    error = answer.error or ""
    wait = backoff(attempts - 1, luck)
    if answer.ts:
        return Verdict("sent")
    if answer.maybe_posted or error in MAYBE_POSTED:
        return Verdict("ambiguous", wait=patience.settle)
    if error in RATE_LIMITED:
        pause = jittered(pause_asked(answer), luck)
        return Verdict("pending", wait=pause, channel_wait=pause)
    if error in CHANNEL_CLOSED or error == LOST_ACCESS:
        return Verdict("dead" if error == LOST_ACCESS else "parked")
    if error in WORKSPACE_CLOSED:
        return Verdict("pending", wait=LONGEST_BACKOFF, channel_wait=LONGEST_BACKOFF)
    if error in OUR_FAULT:
        return Verdict("dead" if was_plain else "pending")
    if error in THREAD_GONE:
        return Verdict("pending")
    if error in REFUSED_FOR_NOW or error == "unreachable":
        return Verdict("pending", wait=wait)
    if attempts == 1 and error != NOT_DRAWN:
        return Verdict("ambiguous", wait=patience.settle)  # a word that we do not know may mean anything, once
    return Verdict("pending" if attempts <= MOST_UNKNOWN else "dead", wait=wait)


def after_look(sight: Sight, looks: int, patience: Patience) -> Next:
    """Return what to do with a delivery in doubt after a look-up, ``looks`` of which before could not see either."""
    if sight.ts:
        return Next.SENT
    if sight.blind is None:
        return Next.SEND
    if sight.blind in CHANNEL_CLOSED:
        return Next.PARK
    if sight.blind in NEVER_SEES or (looks + 1) * patience.look_again >= patience.blind:
        return Next.SEND_BLIND
    return Next.LOOK_AGAIN
