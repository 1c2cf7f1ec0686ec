"""The page's one check over time: what is pending may wait through an outage, but not for good. Pure."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

LATE_AFTER_SECONDS = 30.0
"""Seconds that a result may be pending where nothing is broken."""
SECONDS_PER_MESSAGE = 1.5
"""Seconds more for each message that its channel got meanwhile: Slack takes about one a second."""
MAX_STEP_SECONDS = 5.0
"""Seconds between two looks of which it is known how the world was: what was not looked at does not count."""


class Color(StrEnum):
    """What the check says."""

    GREEN = "green"
    """All is told, once."""
    AMBER = "amber"
    """Something is pending, as during an outage, or something is broken."""
    RED = "red"
    """Something is lost, or stands twice."""


@dataclass
class _Wait:
    seconds: float
    posts_before: int
    """How many messages its channel had when the waiting began."""
    is_late: bool = False


@dataclass
class DeliveryCheck:
    """Follows what is pending from look to look."""

    _waits: dict[tuple[str, str], _Wait] = field(default_factory=dict)
    _excused_until: dict[str, float] = field(default_factory=dict)
    _last: float | None = None

    def update(
        self,
        now: float,
        pending: Collection[tuple[str, str]],
        posts: Mapping[str, int],
        *,
        outages: Mapping[str, float],
    ) -> set[tuple[str, str]]:
        """Return those of the pending results that are late.

        Args:
            now: seconds by a clock that only goes on.
            pending: (channel, job id) of each result that was not told yet.
            posts: how many messages each channel got so far.
            outages: what is broken now (a channel's id for one that is closed), and for how many seconds the bot may
                still wait after that ends.
        """
        step = min(now - self._last, MAX_STEP_SECONDS) if self._last is not None else 0.0
        self._last = now
        for name, seconds in outages.items():
            self._excused_until[name] = max(self._excused_until.get(name, 0.0), now + seconds)
        self._waits = {each: self._waits.get(each) or _Wait(0.0, posts.get(each[0], 0)) for each in pending}
        for (channel, _), wait in self._waits.items():
            if self._is_excused(channel, now):
                wait.seconds, wait.posts_before = 0.0, posts.get(channel, 0)
            else:
                wait.seconds += step
            explained = SECONDS_PER_MESSAGE * (posts.get(channel, 0) - wait.posts_before)
            wait.is_late |= wait.seconds - explained > LATE_AFTER_SECONDS
        return {each for each, wait in self._waits.items() if wait.is_late}

    def _is_excused(self, channel: str, now: float) -> bool:
        return any(self._excused_until.get(name, 0.0) > now for name in (ALL_CHANNELS, channel))


ALL_CHANNELS = ""
"""The name of what is broken for every channel."""


def color(*, pending: int, late: int, doubled: int, complaints: int, is_broken: bool) -> Color:
    """Return what the check says."""
    if late or doubled or complaints:
        return Color.RED
    return Color.AMBER if pending or is_broken else Color.GREEN
