"""Failpoints: named places at which a test kills the process as by ``kill -9``.

``FTJOB_CRASH_AT=before_post:3`` kills the process when it reaches ``before_post`` for the third time. Without it, as
always outside of tests, a failpoint costs one comparison.
"""

import os
import signal
from collections.abc import Callable


def failpoint(name: str) -> None:
    """Call the armed hook, if any, with the name of this failpoint."""
    if _hook is not None:
        _hook(name)


def arm(hook: Callable[[str], None] | None) -> None:
    """Call ``hook`` with the name of each failpoint reached; None disarms."""
    global _hook  # noqa: PLW0603 - one hook per process
    _hook = hook


def sigkill_hook(spec: str) -> Callable[[str], None]:
    """Return a hook that kills this process at the failpoint and count in ``spec`` ("before_post:3")."""
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
