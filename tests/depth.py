"""How far the tests that roll dice go: a part of the way each time, ``make deep`` all of it."""

import os

DEEP = "FTJOB_DEEP" in os.environ


def rolls(whole: int, part: int) -> int:
    """Return how many examples a test tries."""
    return whole if DEEP else part
