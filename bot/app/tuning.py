"""How often what people see of a running job is read and drawn; tests shorten it."""

from dataclasses import dataclass, field

from bot.listeners.replies.slow_notice import SLOW_SECONDS
from bot.poll.progress import PollBudget
from bot.store.jobs.cards import RateLimit
from bot.tracking.flap_suppression import MAX_ALERTS


@dataclass(frozen=True)
class Tuning:
    """How often what people see of a running job is looked at and redrawn."""

    cards: RateLimit = field(default_factory=RateLimit)
    progress: PollBudget = field(default_factory=PollBudget)
    tells_after: float = SLOW_SECONDS
    """Seconds after which somebody hears that the answer is still to come."""
    most_alerts: int | None = MAX_ALERTS
    """Changes of a job that are told one by one, as of ``Damping``."""


TUNING = Tuning()
