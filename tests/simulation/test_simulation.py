"""The production code against simulated worlds: nothing lost, nothing out of order, nothing posted twice.

``python -m tests.simulation`` runs more of them.

A world that fails is run alone by ``python -m tests.simulation 1 --from SEED``.
"""

import sys
from collections.abc import Iterable

import pytest

from tests.deep import TIMEOUT, max_examples
from tests.seeds import on_every_core, printed
from tests.simulation.report import failures, line, total
from tests.simulation.simulation import Result, simulate

SEEDS = max_examples(108, 36)


@pytest.fixture(scope="module")
def results() -> list[Result]:
    """Every world, on every core: a world of its own is one process's work."""
    return list(on_every_core(simulate, range(SEEDS)))


@pytest.mark.timeout(TIMEOUT)
def test_no_world_breaks_a_promise(results: list[Result], capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        sys.stdout.write(f"\n{total(results)}\n")
    broken = {result.plan.seed: [line(result), *failures(result)] for result in results if failures(result)}
    assert broken == {}


@pytest.mark.timeout(TIMEOUT)
def test_the_worlds_are_hard_enough(results: list[Result]) -> None:
    assert sum(result.checked.due for result in results) >= 1600
    assert sum(result.counts.unconfirmed for result in results) >= 300
    assert sum(result.crashes for result in results) >= 60
    assert sum(result.stops for result in results) >= 6


@pytest.mark.timeout(TIMEOUT)
def test_nothing_breaks_inside_a_living_bot(results: list[Result]) -> None:
    # A Slack that does not answer, or refuses the token, is one of the faults, and reported loudly.
    broken = {result.plan.seed: set(result.errors) - {"slack.auth_failed", "slack.unreachable"} for result in results}
    assert {seed: events for seed, events in broken.items() if events} == {}


def test_a_seed_decides_everything() -> None:
    assert ledgers(3, hash_seed=1) == ledgers(3, hash_seed=2)


def test_without_lookup_the_same_checker_finds_duplicates() -> None:
    blind = [simulate(seed, has_lookup=False) for seed in covered(range(8))]
    assert sum(len(result.checked.doubled) for result in blind) > 0
    # They are the ones that the bot counted, and nothing is lost for it.
    assert [result.plan.seed for result in blind if failures(result)] == []


def covered(seeds: Iterable[int]) -> list[int]:
    return [seed for seed in seeds if seed % 3 != 2]


def ledgers(worlds: int, *, hash_seed: int) -> list[list[str]]:
    """Run some worlds in a process of their own; return their numbers and the hashes of all that passed."""
    rows = [row.split() for row in printed("tests.simulation", str(worlds), hash_seed=hash_seed)]
    found = [[row[0], row[-1]] for row in rows if len(row) > 1 and row[1] in ("covered", "beyond")]
    assert len(found) == worlds
    return found
