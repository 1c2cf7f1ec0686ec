"""Orders to a fine-tuning API: what each does to a job, when it makes sense, and how its effect shows. Pure.

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

    done: str
    under_way: str
    warning: str
    """What to know before it is given."""


WORDS = {
    Order.CANCEL: Words("cancelled", "being cancelled", "This cannot be undone, and work already done may be billed."),
    Order.PAUSE: Words("paused", "being paused", "It keeps what it learned and can be resumed."),
    Order.RESUME: Words("resumed", "being resumed", "It goes on from where it was paused."),
    Order.CREATE: Words("created", "being created", "Training is billed."),
}


_CANCELLING = frozenset({"cancelling", "canceling", "cancel_requested"})
"""A job that is being cancelled; nothing undoes that."""


def makes_sense(order: Order, status: str) -> bool:
    """Whether an order fits a job in this status, as far as anybody knows."""
    phase = phase_of(status)
    match order:
        case Order.CANCEL:
            return not is_final(status)
        case Order.PAUSE:
            return phase in (Phase.ACTIVE, Phase.UNKNOWN) and not _is_on_its_way(order, status)
        case Order.RESUME:
            return phase in (Phase.HELD, Phase.UNKNOWN)
        case Order.CREATE:
            return False


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
