"""``python -m tests.races RACES [--from N] [--digests]``: run races and print their figures."""

import sys

from tests.races.report import races, total
from tests.seeds import print_failures, seed_parser, seeds_of

PROGRAM = "tests.races"


def main() -> int:
    """Run the races that the command line names; return 1 if one broke a promise."""
    parser = seed_parser(PROGRAM, __doc__)
    parser.add_argument("--digests", action="store_true", help="print the hash of each race's evidence")
    options = parser.parse_args()
    results = []
    for each in races(seeds_of(options)):
        results.append(each)
        if options.digests:
            sys.stdout.write(f"{each.seed} {each.digest}\n")
        if each.broken:
            sys.stdout.write(f"{each.seed}\n")
            print_failures(PROGRAM, each.seed, each.broken)
    sys.stdout.write(f"{total(results)}\n")
    return int(any(each.broken for each in results))


if __name__ == "__main__":
    sys.exit(main())
