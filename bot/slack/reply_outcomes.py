"""Outcomes of attempts to show a reply: whether it may be visible, and whether to try again. Pure."""

from enum import StrEnum
from http import HTTPStatus

from bot.slack.errors import RATE_LIMITED, TEMPORARY_ERRORS, is_unconfirmed
from bot.slack.messages import PostResult

_TIMED_OUT = f"http_{HTTPStatus.GATEWAY_TIMEOUT.value}"
_RETRYABLE = RATE_LIMITED | TEMPORARY_ERRORS | {"unreachable"}


class ReplyOutcome(StrEnum):
    """Outcome of one attempt to show a reply in one way."""

    ACCEPTED = "accepted"
    RETRYABLE = "retryable"
    """Not shown; a retry may work."""
    REPEATABLE = "repeatable"
    """Maybe shown; repeating it does no harm, since it replaces itself."""
    UNCONFIRMED = "unconfirmed"
    """Maybe shown; a repeat may show it twice. No lookup is possible: private messages are in no history."""
    FAILED = "failed"
    """Not shown; a retry in the same way will not work."""


def outcome_of_status(status: int) -> ReplyOutcome:
    """Return the outcome for the HTTP status of a response URL.

    A server error means that the reply was not shown, except for 504: that gateway gave up waiting and does not know.
    """
    if status == 200:  # noqa: PLR2004
        return ReplyOutcome.ACCEPTED
    if status == HTTPStatus.GATEWAY_TIMEOUT:
        return ReplyOutcome.UNCONFIRMED
    return ReplyOutcome.RETRYABLE if status == 429 or status >= 500 else ReplyOutcome.FAILED  # noqa: PLR2004


def outcome_of_result(result: PostResult) -> ReplyOutcome:
    """Return the outcome for a failed call of the Web API."""
    error = result.error or ""
    if error in _RETRYABLE or (error.startswith("http_5") and error != _TIMED_OUT):
        return ReplyOutcome.RETRYABLE
    return ReplyOutcome.UNCONFIRMED if is_unconfirmed(result) else ReplyOutcome.FAILED
