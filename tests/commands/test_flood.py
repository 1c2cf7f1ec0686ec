from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.flood import LIMITS, MOST_TOLD, Admitted, Bound, Flood, Limit, Limits, Wait

SMALL = Limits(person=Limit(2, 4.0), workspace=Limit(5, 8.0), orders=Limit(2, 8.0), under_way=Limit(3, 5.0))

gaps = st.integers(0, 12).map(lambda quarters: quarters / 4)
"""Seconds between two commands; quarters are exact."""
typed = st.lists(st.tuples(gaps, st.sampled_from("abcd"), st.integers(0, 4)), max_size=120)


def most_in_a_window(times: list[float], seconds: float) -> int:
    return max((sum(end - seconds < at <= end for at in times) for end in times), default=0)


@given(typed)
def test_no_window_has_more_than_its_limit_and_no_refusal_comes_below_it(
    commands: list[tuple[float, str, int]],
) -> None:
    flood, now, taken = Flood(SMALL), 1000.0, list[tuple[float, str]]()

    for gap, person, under_way in commands:
        now += gap
        decision = flood.admit(person, now, under_way=under_way)
        mine = sum(now - 4 < at and who == person for at, who in taken)
        everybodys = sum(now - 8 < at for at, _ in taken)
        if isinstance(decision, Admitted):
            taken.append((now, person))
        else:
            reached = {Bound.PERSON: mine >= 2, Bound.WORKSPACE: everybodys >= 5, Bound.UNDER_WAY: under_way >= 3}
            assert reached[decision.bound]

    assert most_in_a_window([at for at, _ in taken], 8) <= 5
    assert all(most_in_a_window([at for at, who in taken if who == person], 4) <= 2 for person in "abcd")


@given(typed)
def test_a_refusal_is_silent_only_while_a_wait_that_was_said_runs(commands: list[tuple[float, str, int]]) -> None:
    flood, now, told = Flood(SMALL), 1000.0, dict[str, float]()

    for gap, person, under_way in commands:
        now += gap
        decision = flood.admit(person, now, under_way=under_way)
        if isinstance(decision, Wait):
            assert decision.seconds >= 1
            assert decision.say is (told.get(person, now) <= now)
            if decision.say:
                told[person] = now + decision.seconds


@given(typed)
def test_who_waits_as_long_as_was_said_meets_that_limit_no_more(commands: list[tuple[float, str, int]]) -> None:
    flood, now = Flood(SMALL), 1000.0

    for number, (gap, person, _) in enumerate(commands):
        now += gap
        decision = flood.admit(person, now, under_way=0)
        if isinstance(decision, Wait):
            now += decision.seconds
            newcomer = person if decision.bound is Bound.PERSON else f"newcomer {number}"
            again = flood.admit(newcomer, now, under_way=0)
            assert isinstance(again, Admitted) or again.bound is not decision.bound


@given(st.lists(st.tuples(gaps, st.sampled_from(["ask", "confirm"])), max_size=60))
def test_orders_of_each_kind_keep_to_their_limit_and_every_refusal_is_said(orders: list[tuple[float, str]]) -> None:
    flood, now, taken = Flood(SMALL), 1000.0, {"ask": list[float](), "confirm": list[float]()}

    for gap, kind in orders:
        now += gap
        decision = flood.admit_order(kind, now)
        if isinstance(decision, Admitted):
            taken[kind].append(now)
        else:
            assert (decision.bound, decision.say) == (Bound.ORDERS, True)
            assert sum(now - 8 < at for at in taken[kind]) == 2

    assert all(most_in_a_window(times, 8) <= 2 for times in taken.values())


def test_b55_of_200_commands_of_one_person_ten_are_taken_one_refusal_is_said_and_others_are_taken() -> None:
    flood = Flood()
    flooding = [flood.admit("milo", 1000 + n / 20, under_way=n % 10) for n in range(200)]

    assert [isinstance(each, Admitted) for each in flooding] == [n < 10 for n in range(200)]
    assert [n for n, each in enumerate(flooding) if isinstance(each, Wait) and each.say] == [10]
    assert flooding[10] == Wait(Bound.PERSON, LIMITS.person, 10, say=True)
    assert isinstance(flood.admit("olivia", 1010, under_way=10), Admitted)
    assert isinstance(flood.admit("milo", 1010, under_way=10), Admitted)


def test_everybody_who_is_refused_for_the_others_hears_of_it_once() -> None:
    flood = Flood()
    taken = [flood.admit(f"U{n // 10}", 1000, under_way=0) for n in range(120)]
    refused = [flood.admit(who, 1010 + again, under_way=0) for again in range(3) for who in ("milo", "olivia")]

    assert Counter(taken) == {Admitted(): 120}
    assert refused[:2] == [Wait(Bound.WORKSPACE, LIMITS.workspace, 50, say=True)] * 2
    assert [each.say for each in refused[2:] if isinstance(each, Wait)] == [False] * 4


def test_a_hundred_commands_under_way_are_the_most() -> None:
    flood = Flood()

    assert isinstance(flood.admit("milo", 1000, under_way=99), Admitted)
    assert flood.admit("milo", 1000, under_way=100) == Wait(Bound.UNDER_WAY, LIMITS.under_way, 5, say=True)


def test_s35_memory_is_bounded_whatever_the_number_of_people() -> None:
    flood = Flood()
    for n in range(20_000):
        flood.admit(f"U{n}", 1000 + n / 1000, under_way=0)

    assert len(flood._admitted) == LIMITS.workspace.most  # noqa: SLF001 - memory is nowhere else to be seen
    assert len(flood._told) == MOST_TOLD  # noqa: SLF001


@pytest.mark.parametrize("back", [1.0, 3600.0])
def test_a_clock_that_is_set_back_locks_nobody_out_and_silences_nobody(back: float) -> None:
    flood = Flood()
    for _ in range(11):
        flood.admit("milo", 1000, under_way=0)
        flood.admit_order("ask", 1000)

    assert isinstance(flood.admit("milo", 1000 - back, under_way=0), Admitted)
    assert isinstance(flood.admit_order("ask", 1000 - back), Admitted)
    for _ in range(9):
        flood.admit("milo", 1000 - back, under_way=0)
    refusal = flood.admit("milo", 1000 - back, under_way=0)
    assert isinstance(refusal, Wait)
    assert refusal.say is (back > 60)


def test_limits_under_which_memory_would_outgrow_the_workspaces_are_refused() -> None:
    with pytest.raises(ValueError, match="window"):
        Limits(person=Limit(1, 61.0))
