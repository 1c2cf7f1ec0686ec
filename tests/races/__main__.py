"""``python -m tests.races RACES [--from N] [--digests]``: run races and print what came of them."""

import argparse
import sys

from tests.races.report import races, total


def main() -> int:
    """Run the races that the command line names; return 1 where one broke a promise."""
    parser = argparse.ArgumentParser(prog="python -m tests.races", description=__doc__)
    parser.add_argument("races", type=int, help="how many")
    parser.add_argument("--from", dest="first", type=int, default=0, help="the first one")
    parser.add_argument("--digests", action="store_true", help="print the hash of what came of each")
    asked = parser.parse_args()
    results = []
    for each in races(range(asked.first, asked.first + asked.races)):
        results.append(each)
        if asked.digests:
            sys.stdout.write(f"{each.seed} {each.digest}\n")
        if each.broken:
            broken = "".join(f"    {promise}\n" for promise in each.broken)
            sys.stdout.write(f"{each.seed}\n{broken}    alone: python -m tests.races 1 --from {each.seed}\n")
            sys.stdout.flush()
    sys.stdout.write(f"{total(results)}\n")
    return int(any(each.broken for each in results))


if __name__ == "__main__":
    sys.exit(main())
