"""Command lines of the randomized harnesses: run numbered seeds, and print how to repeat one that failed."""

import argparse
import sys
from collections.abc import Iterable

MAX_LINES = 12
"""Failures that are printed of one seed."""


def seed_parser(program: str, doc: str | None) -> argparse.ArgumentParser:
    """Return a parser of the number of seeds and the first one; ``program`` is the module, as of ``python -m``."""
    parser = argparse.ArgumentParser(prog=f"python -m {program}", description=doc)
    parser.add_argument("seeds", type=int, help="how many")
    parser.add_argument("--from", dest="first", type=int, default=0, help="the first one")
    return parser


def seeds_of(options: argparse.Namespace) -> range:
    """Return the seeds that a command line names."""
    return range(options.first, options.first + options.seeds)


def print_failures(program: str, seed: int, failures: Iterable[str], *, options: str = "") -> None:
    """Print what failed under a seed, and the command that repeats it alone."""
    lines = [f"    {each}\n" for each in failures][:MAX_LINES]
    sys.stdout.write(f"{''.join(lines)}    alone: python -m {program} 1 --from {seed}{options}\n")
    sys.stdout.flush()
