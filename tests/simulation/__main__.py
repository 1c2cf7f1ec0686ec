"""``python -m tests.simulation SEEDS [--from N] [--no-lookup]``: run seeds and print what came of them."""

import argparse
import sys

from tests.simulation.report import HEAD, failures, line, total
from tests.simulation.simulation import simulate


def main() -> int:
    """Run the seeds that the command line names; return how many failed."""
    parser = argparse.ArgumentParser(prog="python -m tests.simulation", description=__doc__)
    parser.add_argument("seeds", type=int, help="how many")
    parser.add_argument("--from", dest="first", type=int, default=0, help="the first one")
    parser.add_argument(
        "--no-lookup", action="store_true", help="a Slack app that may not read what stands in channels"
    )
    asked = parser.parse_args()
    sys.stdout.write(f"{HEAD}\n")
    results, failed = [], 0
    for seed in range(asked.first, asked.first + asked.seeds):
        result = simulate(seed, has_lookup=not asked.no_lookup)
        results.append(result)
        sys.stdout.write(f"{line(result)}\n")
        if found := failures(result):
            failed += 1
            again = f"python -m tests.simulation 1 --from {seed}" + (" --no-lookup" if asked.no_lookup else "")
            sys.stdout.write("".join(f"    {each}\n" for each in found[:12]) + f"    alone: {again}\n")
        sys.stdout.flush()
    sys.stdout.write(f"{total(results)}\n{failed} seeds failed\n")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
