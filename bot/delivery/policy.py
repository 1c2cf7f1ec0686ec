"""Retry policy of deliveries. The deciding question: may the message be in the channel already? Pure."""

from dataclasses import dataclass, replace
from enum import StrEnum

from bot.net.retry_after import MAX_PAUSE, MIN_PAUSE, jittered
from bot.slack.errors import (
    AUTH_ERRORS,
    CHANNEL_CLOSED,
    INVALID_CONTENT,
    LOOKUP_FORBIDDEN,
    RATE_LIMITED,
    TEMPORARY_ERRORS,
    THREAD_UNAVAILABLE,
    is_unconfirmed,
)
from bot.slack.messages import LookupResult, PostResult
from bot.slack.timeouts import CHANNEL_INTERVAL, DELIVERY_TIMEOUTS, DeliveryTimeouts
from bot.store.outbox import queue
from bot.store.outbox.dead_letters import LOST_ACCESS
from bot.store.outbox.delivery import Outcome

MAX_BACKOFF = queue.MAX_WAIT
_MAX_DOUBLINGS = 12
MAX_UNKNOWN_ERRORS = 5
"""Attempts, of any outcome, after which an unknown error gives the delivery up."""

RENDER_FAILED = "not_drawn"
"""Our own error: the message could not be rendered."""


class AfterLookup(StrEnum):
    """Next step of an unconfirmed delivery after a lookup."""

    SENT = "sent"
    """The message was found."""
    SEND = "send"
    """The message is not there."""
    SEND_UNCONFIRMED = "send_unconfirmed"
    """Lookups failed for too long: send it, marked as a possible duplicate, rather than lose it."""
    LOOK_UP_AGAIN = "look_up_again"
    PARK = "park"
    """The channel is closed, to lookups too."""


@dataclass(frozen=True)
class RetryDecision:
    """Decision about a delivery after an attempt."""

    outcome: Outcome
    wait: float = 0.0
    """Seconds until the next attempt."""
    channel_wait: float = CHANNEL_INTERVAL
    """Seconds until the next delivery to the same channel."""


def classify(
    result: PostResult, attempts: int, *, was_plain: bool, jitter: float, timeouts: DeliveryTimeouts = DELIVERY_TIMEOUTS
) -> RetryDecision:
    """Classify the result of an attempt.

    Args:
        result: result of the attempt.
        attempts: number of attempts, this one included.
        was_plain: whether the message was sent without blocks.
        jitter: random number from 0 to 1 that spreads retries.
        timeouts: timeouts and intervals of deliveries.
    """
    decision = _classify(result, attempts, was_plain=was_plain, jitter=jitter, timeouts=timeouts)
    return (
        replace(decision, channel_wait=timeouts.channel_interval)
        if decision.channel_wait == CHANNEL_INTERVAL
        else decision
    )


def backoff(failures: int, jitter: float, longest: float = MAX_BACKOFF) -> float:
    """Return the exponential backoff after so many failures, in seconds; ``jitter`` as of ``classify``."""
    return min(longest, 2.0 ** min(failures, _MAX_DOUBLINGS)) * (0.5 + jitter / 2)


def requested_pause(result: PostResult) -> float:
    """Return the pause that Slack's rate limit asks for, in seconds and within our bounds."""
    return min(max(MIN_PAUSE, result.retry_after or MIN_PAUSE), MAX_PAUSE)


def _classify(
    result: PostResult, attempts: int, *, was_plain: bool, jitter: float, timeouts: DeliveryTimeouts
) -> RetryDecision:
    error = result.error or ""
    wait = backoff(attempts - 1, jitter)
    if result.ts:
        return RetryDecision("sent")
    if is_unconfirmed(result):
        return RetryDecision("unconfirmed", wait=timeouts.visibility_delay)
    if error in RATE_LIMITED:
        pause = jittered(requested_pause(result), jitter)
        return RetryDecision("pending", wait=pause, channel_wait=pause)
    if error in CHANNEL_CLOSED or error == LOST_ACCESS:
        return RetryDecision("dead" if error == LOST_ACCESS else "parked")
    if error in AUTH_ERRORS:
        return RetryDecision("pending", wait=MAX_BACKOFF, channel_wait=MAX_BACKOFF)
    if error in INVALID_CONTENT:
        return RetryDecision("dead" if was_plain else "pending")
    if error in THREAD_UNAVAILABLE:
        return RetryDecision("pending")
    if error in TEMPORARY_ERRORS or error == "unreachable":
        return RetryDecision("pending", wait=wait)
    if attempts == 1 and error != RENDER_FAILED:
        return RetryDecision(
            "unconfirmed", wait=timeouts.visibility_delay
        )  # an unknown error: once, it may have been posted
    return RetryDecision("pending" if attempts <= MAX_UNKNOWN_ERRORS else "dead", wait=wait)


def after_lookup(result: LookupResult, failed_lookups: int, timeouts: DeliveryTimeouts) -> AfterLookup:
    """Return the next step of an unconfirmed delivery, given a lookup and the number of failed ones before it."""
    if result.ts:
        return AfterLookup.SENT
    if result.error is None:
        return AfterLookup.SEND
    if result.error in CHANNEL_CLOSED:
        return AfterLookup.PARK
    if result.error in LOOKUP_FORBIDDEN or (failed_lookups + 1) * timeouts.lookup_interval >= timeouts.lookup_limit:
        return AfterLookup.SEND_UNCONFIRMED
    return AfterLookup.LOOK_UP_AGAIN
