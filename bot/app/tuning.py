"""Timeouts, limits and clocks: what tests shorten or replace."""

import time
from dataclasses import dataclass, field

from bot.commands.rate_limit import LIMITS, Limits
from bot.listeners.replies.slow_notice import SLOW_SECONDS
from bot.poll.progress import PollBudget
from bot.runtime.clock import Clock, monotonic_time
from bot.slack.timeouts import DELIVERY_TIMEOUTS, DeliveryTimeouts
from bot.store.jobs.cards import RateLimit
from bot.tracking.flap_suppression import MAX_ALERTS


@dataclass(frozen=True)
class Tuning:
    """Intervals, timeouts and limits of the running bot; tests shorten them."""

    cards: RateLimit = field(default_factory=RateLimit)
    """Rate limit of card edits."""
    progress: PollBudget = field(default_factory=PollBudget)
    """Budget of reads of running jobs' event logs."""
    slow_after: float = SLOW_SECONDS
    """Seconds until a person sees "Still checking…"."""
    max_alerts: int | None = MAX_ALERTS
    """Alerts per job before flap suppression, as of ``FlapSuppression``; None for no limit."""
    timeouts: DeliveryTimeouts = DELIVERY_TIMEOUTS
    limits: Limits = LIMITS
    """Rate limits of commands."""


TUNING = Tuning()


@dataclass(frozen=True)
class Clocks:
    """The time of day, and the clock by which ages in memory are measured."""

    wall: Clock = time.time
    monotonic: Clock = monotonic_time


CLOCKS = Clocks()
