"""How often what people see of a running job is read and drawn; tests shorten it."""

from dataclasses import dataclass, field

from bot.listeners.replies.waiting import AFTER
from bot.poll.progress import Allowance
from bot.store.jobs.cards import Rhythm
from bot.tracking.damping import MOST_ALERTS


@dataclass(frozen=True)
class Pace:
    """How often what people see of a running job is looked at and redrawn."""

    cards: Rhythm = field(default_factory=Rhythm)
    logs: Allowance = field(default_factory=Allowance)
    tells_after: float = AFTER
    """Seconds after which somebody hears that the answer is still to come."""
    most_alerts: int | None = MOST_ALERTS
    """Changes of a job that are told one by one, as of ``Damping``."""


PACE = Pace()
