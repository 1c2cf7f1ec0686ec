from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.rate_limit import LIMITS, MOST_TOLD, Admitted, Asks, Bound, Flood, Limit, Limits, Wait

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


def fill(flood: Flood, people: int, *, asks: Asks = Asks.MEMBER, refused: bool | None = None) -> int:
    """Let people type a command each second; ``refused``: each is refused, for good or not. Return how many were taken."""
    taken = 0
    for second in range(60):
        for person in (f"guest{n}" for n in range(people)):
            if isinstance(flood.admit(person, 1000.0 + second, under_way=0, asks=asks), Admitted):
                taken += 1
                if refused is not None:
                    flood.refused(person, 1000.0 + second, for_good=refused)
    return taken


@pytest.mark.parametrize("people", [2, 12, 60])
@pytest.mark.parametrize("asks", Asks)
def test_people_who_may_not_use_the_bot_take_nothing_of_the_workspaces_limit(people: int, asks: Asks) -> None:
    flood = Flood()

    taken = fill(flood, people, asks=asks, refused=True)

    assert taken <= LIMITS.others.most + people, "each is refused once before it is known"
    mine = [flood.admit(f"member{n // 10}", 1060.0 + n / 1000, under_way=0) for n in range(120)]
    assert mine == [Admitted()] * 120


def test_one_who_may_not_use_the_bot_leaves_room_for_others_who_may_not() -> None:
    flood = Flood()

    assert fill(flood, 1, refused=True) == LIMITS.refused.most
    assert isinstance(flood.admit("another", 1060.0, under_way=0), Admitted)


def test_members_whom_an_operators_command_is_refused_take_nothing_of_it_either_and_may_still_read() -> None:
    flood = Flood()
    fill(flood, 20, asks=Asks.OPERATOR, refused=False)

    mine = [flood.admit(f"guest{n % 20}", 1070.0 + n / 1000, under_way=0) for n in range(120)]
    assert mine == [Admitted()] * 120


@pytest.mark.parametrize("asks", [Asks.OPERATOR, Asks.CONFIRMATION])
def test_what_operators_do_never_waits_for_the_workspaces_limit(asks: Asks) -> None:
    flood = Flood()
    fill(flood, 70, asks=Asks.OPERATOR, refused=True)
    fill(flood, 70, asks=Asks.NOTHING)
    for n in range(120):
        flood.admit(f"member{n // 10}", 1059.0, under_way=0)

    waiting = flood.admit("olivia", 1059.0, under_way=0)
    assert isinstance(waiting, Wait)
    assert waiting.bound is Bound.WORKSPACE
    assert flood.admit("olivia", 1059.0, under_way=0, asks=asks) == Admitted()
    assert (flood.admit("olivia", 1059.0, under_way=100, asks=asks) == Admitted()) is (asks is Asks.CONFIRMATION)


@pytest.mark.parametrize("asks", [Asks.OPERATOR, Asks.CONFIRMATION])
@pytest.mark.parametrize("typos", [1, 10])
def test_who_asked_for_help_or_made_typos_may_operate_at_once_however_many_were_refused(asks: Asks, typos: int) -> None:
    flood = Flood()
    mine = [flood.admit("olivia", 1000.0 + 5 * n, under_way=0, asks=Asks.NOTHING) for n in range(typos)]
    assert mine == [Admitted()] * typos
    crowd = [flood.admit(f"guest{n % 20}", 1051.0 + n / 100, under_way=0, asks=Asks.NOTHING) for n in range(80)]
    assert any(isinstance(each, Wait) and each.bound is Bound.OTHERS for each in crowd)

    assert flood.admit("olivia", 1055.0, under_way=0, asks=asks) == Admitted()


def test_calls_for_help_have_a_limit_of_their_own() -> None:
    flood = Flood()

    assert fill(flood, 30, asks=Asks.NOTHING) == LIMITS.others.most
    refused = flood.admit("milo", 1059.0, under_way=0, asks=Asks.NOTHING)
    assert isinstance(refused, Wait)
    assert refused.bound is Bound.OTHERS
    assert flood.admit("milo", 1059.0, under_way=0) == Admitted()


def test_who_becomes_a_member_draws_on_the_workspaces_limit_again() -> None:
    flood = Flood()
    assert fill(flood, 30, refused=True) <= LIMITS.others.most + 30
    assert isinstance(flood.admit("guest0", 1059.0, under_way=0), Wait)

    flood.allowed("guest0")

    assert flood.admit("guest0", 1059.0, under_way=0) == Admitted()


def test_memory_is_bounded_whatever_is_refused_to_however_many() -> None:
    flood = Flood(Limits(others=Limit(10**6, 60.0)))
    for n in range(5_000):
        flood.admit(f"U{n}", 1000 + n / 1000, under_way=0, asks=Asks.OPERATOR)
        flood.refused(f"U{n}", 1000 + n / 1000, for_good=True)

    assert len(flood._admitted) <= LIMITS.workspace.most + MOST_TOLD  # noqa: SLF001 - memory is nowhere else to be seen
    assert len(flood._refused) <= MOST_TOLD  # noqa: SLF001
