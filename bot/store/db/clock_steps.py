"""Clock steps: whether the database's clock was just set ahead, so that leases may end too early."""

import math
from collections.abc import Callable

TOLERANCE = 1.0
"""Seconds of drift that are no step: clocks are slewed, too. Leases have a larger margin."""


class ClockSteps:
    """Compares the database's clock with a monotonic clock."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """Take the monotonic clock."""
        self.monotonic = monotonic
        self._max_offset = math.inf
        """The upper bound of the offset between the two clocks, in seconds, at the last observation."""
        self._set_at = -math.inf

    def observe(self, now: float, sent_at: float) -> None:
        """Record that the database's clock read ``now`` at some time since ``asked_at``."""
        received_at = self.monotonic()
        least = now - received_at
        if least > self._max_offset + TOLERANCE:
            self._set_at = received_at
        self._max_offset = now - sent_at

    def remaining(self, seconds: float) -> float:
        """Return how much is left of some seconds since the last step ahead; 0 if they have passed."""
        return max(0.0, self._set_at + seconds - self.monotonic())
