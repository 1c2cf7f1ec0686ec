"""Crash points: named moments at which a test lets the process die as by ``kill -9``.

``FTJOB_CRASH_AT=before_post:3`` kills the process when it comes to ``before_post`` for the third time. Without it,
which is always but in tests, passing a point costs one comparison.
"""

import os
import signal
from collections.abc import Callable


def failpoint(name: str) -> None:
    """Die here, if a test said so."""
    if _hook is not None:
        _hook(name)


def arm(hook: Callable[[str], None] | None) -> None:
    """Call ``at`` with the name of each point that is passed; None disarms. A simulation dies in its own way."""
    global _hook  # noqa: PLW0603 - a process has one end
    _hook = hook


def sigkill_hook(spec: str) -> Callable[[str], None]:
    """Return a hook that kills this process as ``spec`` ("before_post:3") says."""
    name, _, times = spec.partition(":")
    left = [int(times or 1)]

    def kill(passed: str) -> None:
        if passed == name:
            left[0] -= 1
            if left[0] == 0:
                signal.raise_signal(signal.SIGKILL)

    return kill


_hook: Callable[[str], None] | None = None
if "FTJOB_CRASH_AT" in os.environ:
    arm(sigkill_hook(os.environ["FTJOB_CRASH_AT"]))
