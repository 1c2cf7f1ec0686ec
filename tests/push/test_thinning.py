"""Thinning: which steps stay does not depend on the order in which they came, nor on when it was thinned."""

import itertools

from hypothesis import given
from hypothesis import strategies as st

from bot.push.call import MAX_STEP
from bot.push.thinning import kept_steps, priority

STEPS = st.sets(st.integers(0, MAX_STEP), min_size=1, max_size=60)


@given(STEPS, STEPS, st.integers(2, 20))
def test_thinning_commutes(some: set[int], others: set[int], most: int) -> None:
    at_once = kept_steps(some | others, most)

    assert kept_steps(kept_steps(some, most) | others, most) == at_once
    assert kept_steps(kept_steps(some, most) | kept_steps(others, most), most) == at_once


@given(STEPS, st.integers(2, 20))
def test_the_ends_stay_and_no_more_than_allowed(steps: set[int], most: int) -> None:
    kept = kept_steps(steps, most)

    assert {min(steps), max(steps)} <= kept <= steps
    assert len(kept) == min(most, len(steps))


def test_what_stays_is_spread_evenly() -> None:
    kept = sorted(kept_steps(range(4096), 64))

    assert max(after - before for before, after in itertools.pairwise(kept)) <= 2 * 4096 / 64


@given(st.integers(0, MAX_STEP), st.integers(0, MAX_STEP))
def test_each_step_has_a_priority_of_its_own_that_a_database_can_hold(first: int, second: int) -> None:
    assert (priority(first) == priority(second)) is (first == second)
    assert 0 <= priority(first) < 2**63
