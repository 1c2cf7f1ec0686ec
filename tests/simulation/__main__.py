"""``python -m tests.simulation SEEDS [--from N] [--no-lookup]``: run seeds and print their figures."""

import sys

from tests.seeds import print_failures, seed_parser, seeds_of
from tests.simulation.report import HEAD, failures, line, total
from tests.simulation.simulation import simulate

PROGRAM = "tests.simulation"


def main() -> int:
    """Run the seeds that the command line names; return 1 if one failed."""
    parser = seed_parser(PROGRAM, __doc__)
    parser.add_argument("--no-lookup", action="store_true", help="a Slack app that may not read channels")
    options = parser.parse_args()
    sys.stdout.write(f"{HEAD}\n")
    results, failed = [], 0
    for seed in seeds_of(options):
        result = simulate(seed, has_lookup=not options.no_lookup)
        results.append(result)
        sys.stdout.write(f"{line(result)}\n")
        sys.stdout.flush()
        if found := failures(result):
            failed += 1
            print_failures(PROGRAM, seed, found, options=" --no-lookup" if options.no_lookup else "")
    sys.stdout.write(f"{total(results)}\n{failed} seeds failed\n")
    return min(failed, 1)


if __name__ == "__main__":
    sys.exit(main())
