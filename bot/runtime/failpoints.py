"""Crash points: named moments at which a test lets the process die as by ``kill -9``.

``FTJOB_CRASH_AT=before_wire:3`` kills the process when it comes to ``before_wire`` for the third time. Without it,
which is always but in tests, passing a point costs one comparison.
"""

import os
import signal
from collections.abc import Callable


def crash_point(name: str) -> None:
    """Die here, if a test said so."""
    if _at is not None:
        _at(name)


def arm(at: Callable[[str], None] | None) -> None:
    """Call ``at`` with the name of each point that is passed; None disarms. A simulation dies in its own way."""
    global _at  # noqa: PLW0603 - a process has one end
    _at = at


def killing(spec: str) -> Callable[[str], None]:
    """Return a hook that kills this process as ``spec`` ("before_wire:3") says."""
    name, _, times = spec.partition(":")
    left = [int(times or 1)]

    def kill(passed: str) -> None:
        if passed == name:
            left[0] -= 1
            if left[0] == 0:
                signal.raise_signal(signal.SIGKILL)

    return kill


_at: Callable[[str], None] | None = None
if "FTJOB_CRASH_AT" in os.environ:
    arm(killing(os.environ["FTJOB_CRASH_AT"]))
