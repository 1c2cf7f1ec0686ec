"""Test depth: ``make test`` tries fewer examples; ``make deep`` tries all and runs the longest tests."""

import os

DEEP = "FTJOB_DEEP" in os.environ
TIMEOUT = 3600 if DEEP else 600
"""Seconds for a test that goes through many worlds; a tenth of it, on a machine that does nothing else."""


def max_examples(whole: int, part: int) -> int:
    """Return how many examples a test tries."""
    return whole if DEEP else part
