"""What became of one attempt to answer somebody: whether the answer could be there. Pure."""

from enum import StrEnum
from http import HTTPStatus

from bot.slack.errors import MAYBE_POSTED, RATE_LIMITED, REFUSED_FOR_NOW
from bot.slack.messages import Answer

_TIMED_OUT = f"http_{HTTPStatus.GATEWAY_TIMEOUT.value}"
_FOR_NOW = RATE_LIMITED | REFUSED_FOR_NOW | {"unreachable"}


class Sent(StrEnum):
    """How an attempt to show an answer in one way ended."""

    TAKEN = "taken"
    REFUSED = "refused"
    """It is certainly not there, and may be taken later."""
    AGAIN = "again"
    """It may be there; to show it again in this way changes nothing."""
    UNKNOWN = "unknown"
    """It may be there, and would be there twice. Nobody can look: private messages stand in no history."""
    CLOSED = "closed"
    """It is certainly not there, and never will be in this way."""


def of_status(status: int) -> Sent:
    """Return what the HTTP status of a response URL says: a server that says that it failed did not show the answer.

    A gateway that waited in vain for the server behind it (504) does not know.
    """
    if status == 200:  # noqa: PLR2004
        return Sent.TAKEN
    if status == HTTPStatus.GATEWAY_TIMEOUT:
        return Sent.UNKNOWN
    return Sent.REFUSED if status == 429 or status >= 500 else Sent.CLOSED  # noqa: PLR2004


def of_answer(answer: Answer) -> Sent:
    """Return what a refusal of the Web API says."""
    error = answer.error or ""
    if error in _FOR_NOW or (error.startswith("http_5") and error != _TIMED_OUT):
        return Sent.REFUSED
    return Sent.UNKNOWN if answer.maybe_posted or answer.error in MAYBE_POSTED else Sent.CLOSED
