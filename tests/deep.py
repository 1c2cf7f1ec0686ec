"""Test depth: ``make test`` tries fewer examples; ``make deep`` tries all and runs the longest tests."""

import os

DEEP = "FTJOB_DEEP" in os.environ


def max_examples(whole: int, part: int) -> int:
    """Return how many examples a test tries."""
    return whole if DEEP else part
