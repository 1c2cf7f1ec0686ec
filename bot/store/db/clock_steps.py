"""Whether the database's clock was just set ahead: leases that go by it may then be over too early."""

import math
from collections.abc import Callable

TOLERANCE = 1.0
"""Seconds by which the clock may be off before it was set: clocks are slewed, too. Leases have a larger margin."""


class ClockSteps:
    """Compares what the database says the time is with a clock that nobody sets."""

    def __init__(self, monotonic: Callable[[], float]) -> None:
        """Take the clock that nobody sets."""
        self.monotonic = monotonic
        self._max_offset = math.inf
        """By how many seconds the database's clock was ahead of the other, at the most, when it was last asked."""
        self._set_at = -math.inf

    def observe(self, now: float, asked_at: float) -> None:
        """Note that it was ``now`` for the database at some moment between ``asked_at`` and this one."""
        answered_at = self.monotonic()
        least = now - answered_at
        if least > self._max_offset + TOLERANCE:
            self._set_at = answered_at
        self._max_offset = now - asked_at

    def remaining(self, seconds: float) -> float:
        """Return how much is left of some seconds since the clock was set ahead, 0 where they have passed."""
        return max(0.0, self._set_at + seconds - self.monotonic())
