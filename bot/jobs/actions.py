"""Orders to a fine-tuning API: what each does to a job, when it applies, and how its effect shows. Pure.

OpenAI does not say in which states it takes them: https://platform.openai.com/docs/api-reference/fine-tuning. Where a
status is unknown an order is offered, and the API decides.
"""

from dataclasses import dataclass
from enum import StrEnum

from bot.jobs.statuses import Phase, is_final, phase_of


class Order(StrEnum):
    """What can be ordered; the word that a person types."""

    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"
    CREATE = "create"
    """Of a job that is not there yet: it is found by the name of its request."""


@dataclass(frozen=True)
class Words:
    """How an order is spoken of."""

    emoji: str
    done: str
    under_way: str
    wanted: str
    """Which jobs it is for."""
    warning: str
    """What to know before it is given."""


WORDS = {
    Order.CANCEL: Words(
        ":octagonal_sign:",
        "cancelled",
        "being cancelled",
        "unfinished",
        "This cannot be undone, and work already done may be billed.",
    ),
    Order.PAUSE: Words(
        ":double_vertical_bar:", "paused", "being paused", "running", "It keeps what it learned and can be resumed."
    ),
    Order.RESUME: Words(
        ":arrow_forward:", "resumed", "being resumed", "paused", "It goes on from where it was paused."
    ),
    Order.CREATE: Words(":heavy_plus_sign:", "created", "being created", "new", "Training is billed."),
}
"""The one table of what people read of orders."""


_CANCELLING = frozenset({"cancelling", "canceling", "cancel_requested"})
"""A job that is being cancelled; nothing undoes that."""


class Fit(StrEnum):
    """Whether an order applies to a job as it is."""

    GO = "go"
    ASK_AGAIN = "ask again"
    """It may mean something else than when its confirmation was shown."""
    TOO_EARLY = "too early"
    """The job has yet to come to where it applies."""
    ALREADY = "already"
    """What it asks for is so."""
    TOO_LATE = "too late"
    """The job is over, or about to be."""


def fit(order: Order, now: str, *, asked: str | None = None) -> Fit:
    """Return whether an order applies to a job, by its status ``now`` and the one that its confirmation showed.

    A job moves on while somebody reads a confirmation: what applies still goes through, whatever the job went through
    meanwhile. It is asked about again only where the job is known no longer to be in a state that the order is for.
    """
    applies = _fit(order, now)
    was_known = asked is not None and phase_of(asked) is not Phase.UNKNOWN
    is_unclear = order is not Order.CANCEL and phase_of(now) is Phase.UNKNOWN
    return Fit.ASK_AGAIN if applies is Fit.GO and was_known and is_unclear else applies


def _fit(order: Order, now: str) -> Fit:
    phase, is_ending = phase_of(now), is_final(now) or now.lower() in _CANCELLING
    match order:
        case Order.CANCEL:
            return Fit.TOO_LATE if is_final(now) else Fit.GO
        case Order.PAUSE | Order.RESUME if is_ending:
            return Fit.TOO_LATE
        case Order.PAUSE if phase is Phase.HELD or _is_on_its_way(order, now):
            return Fit.ALREADY
        case Order.RESUME if phase is Phase.ACTIVE and not _is_on_its_way(Order.PAUSE, now):
            return Fit.ALREADY
        case Order.RESUME if phase in (Phase.HELD, Phase.UNKNOWN):
            return Fit.GO
        case Order.PAUSE if phase in (Phase.ACTIVE, Phase.UNKNOWN):
            return Fit.GO
    return Fit.TOO_EARLY


def shows(order: Order, status: str) -> bool:
    """Whether a job in this status needs no more watching after an order that got no answer: it worked, or cannot any more."""
    match order:
        case Order.CANCEL:
            return is_final(status) or status.lower() in _CANCELLING
        case Order.PAUSE:
            return is_final(status) or phase_of(status) is Phase.HELD or _is_on_its_way(order, status)
        case Order.RESUME:
            return phase_of(status) is not Phase.HELD
        case Order.CREATE:
            return True


def came_too_late(order: Order, status: str) -> bool:
    """Whether a job in this status had ended in another way before the order came."""
    if order is Order.CREATE:
        return False
    return is_final(status) and not (order is Order.CANCEL and phase_of(status) is Phase.CANCELLED)


def _is_on_its_way(order: Order, status: str) -> bool:
    return status.lower() == {Order.PAUSE: "pausing", Order.RESUME: "resuming"}.get(order)
