"""How far the tests go: ``make test`` rolls the dice some of the times, ``make deep`` all of them, and runs the longest."""

import os

DEEP = "FTJOB_DEEP" in os.environ


def max_examples(whole: int, part: int) -> int:
    """Return how many examples a test tries."""
    return whole if DEEP else part
