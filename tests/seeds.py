"""Runs of the randomized harnesses: the command line, seeds on every core, and how to repeat one that failed."""

import argparse
import logging
import multiprocessing
import os
import subprocess
import sys
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path
from typing import TypeVar

ROOT = Path(__file__).parents[1]

MAX_LINES = 12
"""Failures that are printed of one seed."""

Figures = TypeVar("Figures")


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


def on_every_core(run: Callable[[int], Figures], seeds: Iterable[int], *, at_once: int = 1) -> Iterator[Figures]:
    """Yield what ``run`` returns for each seed, in their order; a process is handed ``at_once`` seeds at a time."""
    cores, spawn = max(1, len(os.sched_getaffinity(0))), multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(max_workers=cores, mp_context=spawn, initializer=_quiet) as pool:
        yield from pool.map(run, seeds, chunksize=at_once)


def printed(program: str, *arguments: str, hash_seed: int) -> list[str]:
    """Return the lines that a harness prints in a process with this hash seed."""
    command = [sys.executable, "-m", program, *arguments]
    environ = {**os.environ, "PYTHONHASHSEED": str(hash_seed)}
    ran = subprocess.run(command, cwd=ROOT, env=environ, capture_output=True, text=True, check=True)
    return ran.stdout.splitlines()


def _quiet() -> None:
    # A killed process closes its connections at once, which SQLAlchemy reports on stderr.
    logging.getLogger("sqlalchemy.pool").setLevel(logging.CRITICAL)
