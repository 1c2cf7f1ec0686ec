"""What became of one attempt to answer somebody: whether the answer could be there. Pure."""

from enum import StrEnum
from http import HTTPStatus

from bot.slack.errors import MAYBE_POSTED, RATE_LIMITED, TEMPORARY_ERRORS
from bot.slack.messages import PostResult

_TIMED_OUT = f"http_{HTTPStatus.GATEWAY_TIMEOUT.value}"
_RETRYABLE = RATE_LIMITED | TEMPORARY_ERRORS | {"unreachable"}


class ReplyOutcome(StrEnum):
    """How an attempt to show an answer in one way ended."""

    ACCEPTED = "taken"
    RETRYABLE = "refused"
    """It is certainly not there, and may be taken later."""
    REPEATABLE = "again"
    """It may be there; to show it again in this way changes nothing."""
    UNCONFIRMED = "unknown"
    """It may be there, and would be there twice. Nobody can look: private messages stand in no history."""
    FAILED = "closed"
    """It is certainly not there, and never will be in this way."""


def outcome_of_status(status: int) -> ReplyOutcome:
    """Return what the HTTP status of a response URL says: a server that says that it failed did not show the answer.

    A gateway that waited in vain for the server behind it (504) does not know.
    """
    if status == 200:  # noqa: PLR2004
        return ReplyOutcome.ACCEPTED
    if status == HTTPStatus.GATEWAY_TIMEOUT:
        return ReplyOutcome.UNCONFIRMED
    return ReplyOutcome.RETRYABLE if status == 429 or status >= 500 else ReplyOutcome.FAILED  # noqa: PLR2004


def outcome_of_result(result: PostResult) -> ReplyOutcome:
    """Return what a refusal of the Web API says."""
    error = result.error or ""
    if error in _RETRYABLE or (error.startswith("http_5") and error != _TIMED_OUT):
        return ReplyOutcome.RETRYABLE
    return ReplyOutcome.UNCONFIRMED if result.maybe_posted or result.error in MAYBE_POSTED else ReplyOutcome.FAILED
