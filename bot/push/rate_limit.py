"""Rate limit of calls: about one a second for each job, with room for the last call right after another one."""

import math

from bot.runtime.clock import Clock

BURST = 3
"""Calls of a job that may come at once."""
_MAX_JOBS = 5_000
"""Jobs whose last calls are remembered; those that called longest ago are forgotten."""


class CallRateLimit:
    """A bucket of ``BURST`` calls for each job, which fills by one a second."""

    def __init__(self, monotonic: Clock) -> None:
        self._monotonic = monotonic
        self._full_at: dict[tuple[str, str], float] = {}
        """When the bucket of each job is full again."""

    def seconds_to_wait(self, account: str, job_id: str) -> int:
        """Return 0 and count a call of a job, or return after how many seconds it may be sent."""
        now, key = self._monotonic(), (account, job_id)
        full_at = max(now, self._full_at.pop(key, now))
        if full_at - now > BURST - 1:
            self._full_at[key] = full_at
            return math.ceil(full_at - now - (BURST - 1))
        self._full_at[key] = full_at + 1
        if len(self._full_at) > _MAX_JOBS:
            self._full_at.pop(next(iter(self._full_at)))
        return 0
