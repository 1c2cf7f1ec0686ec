"""Cancel races: an action is given at most once, and its end is found out, written down and told truly.

``python -m tests.races`` runs more of them.

A race that fails is run alone by ``python -m tests.races 1 --from SEED``.
"""

import sys
from collections import Counter

import pytest

from bot.jobs.actions import Decision
from tests.deep import TIMEOUT, max_examples
from tests.races.checker import ENDS
from tests.races.report import Figures, races, total
from tests.seeds import printed

RACES = max_examples(10_000, 250)


@pytest.fixture(scope="module")
def results() -> list[Figures]:
    return list(races(range(RACES)))


@pytest.mark.timeout(TIMEOUT)
def test_no_race_breaks_a_promise(results: list[Figures], capsys: pytest.CaptureFixture[str]) -> None:
    with capsys.disabled():
        sys.stdout.write(f"\n{total(results)}\n")
    assert {each.seed: each.broken for each in results if each.broken} == {}


@pytest.mark.timeout(TIMEOUT)
def test_the_races_are_hard_enough(results: list[Figures]) -> None:
    decisions = sum((each.decisions for each in results), Counter[Decision]())
    rare = {decision: times for decision, times in decisions.items() if times < 3}
    assert rare == {}
    assert decisions.keys() >= {*ENDS, Decision.DUPLICATE, Decision.EXPIRED, Decision.TAMPERED, Decision.FAILED}
    assert sum(each.crashes for each in results) >= 100
    assert sum(each.faults for each in results) >= 120
    assert sum(each.posts == 1 for each in results) >= 120


def test_a_seed_decides_everything() -> None:
    assert digests(20, hash_seed=1) == digests(20, hash_seed=2)


def digests(number: int, *, hash_seed: int) -> list[str]:
    """Run some races in a process of their own; return the hashes of what came of them."""
    *found, _ = printed("tests.races", str(number), "--digests", hash_seed=hash_seed)
    assert len(found) == number
    return found
