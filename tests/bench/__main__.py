"""The bench: every figure of docs/performance.md, both sides of each measured in this run.

python -m tests.bench [--only polls commands alerts ends crowd bursts pushes page start] [--write]
"""

import argparse
import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from rich.console import Console

from tests.bench import alerts, bursts, commands, pages, polls, pushes, results, slow_clients, startup
from tests.bench.figures import Part, table, write
from tests.bench.processes import REPOSITORY, StandIns, stand_ins

PAGE = REPOSITORY / "docs" / "performance.md"
FAMILIES = ("polls", "commands", "alerts", "ends", "crowd", "bursts", "pushes", "page", "start")
JOBS = (100, 1000)


async def _polls(standins: StandIns, folder: Path) -> list[Part]:
    parts = []
    for jobs in JOBS:
        place = folder / str(jobs)
        place.mkdir()
        parts.append(await polls.measure(standins, place, jobs))
    return parts


async def _family(name: str, standins: StandIns, folder: Path) -> list[Part]:
    match name:
        case "polls":
            return await _polls(standins, folder)
        case "commands":
            return [await commands.measure(standins, folder)]
        case "alerts":
            return [await alerts.measure(standins, folder)]
        case "ends":
            return await results.measure(standins, folder)
        case "crowd":
            return [await slow_clients.measure(standins, folder)]
        case "bursts":
            return await bursts.measure(standins, folder)
        case "pushes":
            return await pushes.measure(standins, folder)
        case "page":
            return [await pages.measure()]
        case _:
            return [await startup.measure(standins, folder)]


async def measure(names: Sequence[str], console: Console) -> list[Part]:
    """Measure these families one after the other, each with stand-ins of its own."""
    parts = []
    for name in names:
        with tempfile.TemporaryDirectory(prefix="ftjob-bench-") as folder, console.status(f"measuring: {name}"):
            async with stand_ins(JOBS) as standins:
                parts += await _family(name, standins, Path(folder))
    return parts


def main() -> int:
    """Measure, show, perhaps write; return 0 if every bar holds."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench")
    parser.add_argument("--only", nargs="+", choices=FAMILIES, default=FAMILIES)
    parser.add_argument("--write", action="store_true", help=f"put the figures into {PAGE.relative_to(REPOSITORY)}")
    given = parser.parse_args()
    if given.write and set(given.only) != set(FAMILIES):
        parser.error("--write needs all the figures, so it cannot go with --only")
    console = Console()
    parts = asyncio.run(measure(given.only, console))
    console.print(table(parts))
    if given.write:
        write(parts, PAGE)
    return 0 if all(figure.holds for part in parts for figure in part.figures) else 1


if __name__ == "__main__":
    sys.exit(main())
