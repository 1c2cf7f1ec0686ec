"""Delivery check over time: results may be pending during an outage, but not forever. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

LATE_AFTER_SECONDS = 30.0
"""Seconds that a result may be pending without an outage."""
SECONDS_PER_MESSAGE = 1.5
"""Further seconds for each message that its channel got meanwhile: Slack accepts about one a second."""
MAX_STEP_SECONDS = 5.0
"""Longest interval between two updates that counts in full: outages within a longer one would be missed."""


class Color(StrEnum):
    """Result of the check."""

    GREEN = "green"
    """Every result was delivered exactly once."""
    AMBER = "amber"
    """A result is pending, or there is an outage."""
    RED = "red"
    """A result is overdue or a message is duplicated, or Slack found a violation."""


@dataclass
class _PendingResult:
    seconds: float
    posts_before: int
    """Messages in its channel when the wait began."""
    is_late: bool = False


@dataclass
class DeliveryCheck:
    """Tracks pending results from update to update."""

    _pending: dict[tuple[str, str], _PendingResult] = field(default_factory=dict)
    _outage_until: dict[str, float] = field(default_factory=dict)
    _updated_at: float | None = None

    def update(
        self,
        now: float,
        pending: Collection[tuple[str, str]],
        posts: Mapping[str, int],
        *,
        outages: Mapping[str, float],
    ) -> set[tuple[str, str]]:
        """Return the pending results that are late.

        Args:
            now: seconds of a monotonic clock.
            pending: (channel, job id) of each result that was not delivered yet.
            posts: messages of the bot by channel so far.
            outages: current outages by name (a channel's id for a closed channel), with the seconds that the bot may
                need to recover afterwards.
        """
        step = min(now - self._updated_at, MAX_STEP_SECONDS) if self._updated_at is not None else 0.0
        self._updated_at = now
        for name, seconds in outages.items():
            self._outage_until[name] = max(self._outage_until.get(name, 0.0), now + seconds)
        self._pending = {
            each: self._pending.get(each) or _PendingResult(0.0, posts.get(each[0], 0)) for each in pending
        }
        for (channel, _), wait in self._pending.items():
            if self._is_in_outage(channel, now):
                wait.seconds, wait.posts_before = 0.0, posts.get(channel, 0)
            else:
                wait.seconds += step
            explained = SECONDS_PER_MESSAGE * (posts.get(channel, 0) - wait.posts_before)
            wait.is_late |= wait.seconds - explained > LATE_AFTER_SECONDS
        return {each for each, wait in self._pending.items() if wait.is_late}

    def _is_in_outage(self, channel: str, now: float) -> bool:
        return any(self._outage_until.get(name, 0.0) > now for name in (ALL_CHANNELS, channel))


ALL_CHANNELS = ""
"""Name of an outage that affects every channel."""


def color(*, pending: int, late: int, duplicates: int, violations: int, is_broken: bool) -> Color:
    """Return the result of the check."""
    if late or duplicates or violations:
        return Color.RED
    return Color.AMBER if pending or is_broken else Color.GREEN
