"""Thinning of long series: which steps are kept does not depend on the order in which they arrive. Pure.

The first and the last step are kept, and of the rest those whose number has the smallest value with its bits reversed: they
are spread evenly, and a step that was dropped once would be dropped again.
"""

from collections.abc import Iterable

from bot.push.call import MAX_STEP

MAX_POINTS = 5_000
"""Points that are kept of a series of a run."""
_BITS = MAX_STEP.bit_length()


def priority(step: int) -> int:
    """Return the value of a step with its bits reversed: of a long series, the steps with the smallest ones are kept."""
    return int(f"{step:0{_BITS}b}"[::-1], 2)


def kept_steps(steps: Iterable[int], most: int) -> set[int]:
    """Return the steps of a series that are kept, at most ``most`` of them, which is at least two."""
    distinct = set(steps)
    if len(distinct) <= most:
        return distinct
    ends = {min(distinct), max(distinct)}
    return ends | set(sorted(distinct - ends, key=priority)[: most - len(ends)])
