from collections import Counter

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.commands.rate_limit import (
    LIMITS,
    MAX_REMEMBERED,
    Allowed,
    Limit,
    Limited,
    LimitKind,
    Limits,
    RateLimiter,
    RequestKind,
)

SMALL = Limits(person=Limit(2, 4.0), workspace=Limit(5, 8.0), actions=Limit(2, 8.0), concurrent=Limit(3, 5.0))

gaps = st.integers(0, 12).map(lambda quarters: quarters / 4)
"""Seconds between two commands; quarters are exact."""
typed = st.lists(st.tuples(gaps, st.sampled_from("abcd"), st.integers(0, 4)), max_size=120)


def most_in_a_window(times: list[float], seconds: float) -> int:
    return max((sum(end - seconds < at <= end for at in times) for end in times), default=0)


@given(typed)
def test_no_window_has_more_than_its_limit_and_no_refusal_comes_below_it(
    commands: list[tuple[float, str, int]],
) -> None:
    limiter, now, taken = RateLimiter(SMALL), 1000.0, list[tuple[float, str]]()

    for gap, person, under_way in commands:
        now += gap
        decision = limiter.admit(person, now, in_progress=under_way)
        mine = sum(now - 4 < at and who == person for at, who in taken)
        everybodys = sum(now - 8 < at for at, _ in taken)
        if isinstance(decision, Allowed):
            taken.append((now, person))
        else:
            reached = {
                LimitKind.PERSON: mine >= 2,
                LimitKind.WORKSPACE: everybodys >= 5,
                LimitKind.CONCURRENT: under_way >= 3,
            }
            assert reached[decision.kind]

    assert most_in_a_window([at for at, _ in taken], 8) <= 5
    assert all(most_in_a_window([at for at, who in taken if who == person], 4) <= 2 for person in "abcd")


@given(typed)
def test_a_refusal_is_silent_only_while_an_announced_wait_lasts(commands: list[tuple[float, str, int]]) -> None:
    limiter, now, told = RateLimiter(SMALL), 1000.0, dict[str, float]()

    for gap, person, under_way in commands:
        now += gap
        decision = limiter.admit(person, now, in_progress=under_way)
        if isinstance(decision, Limited):
            assert decision.seconds >= 1
            assert decision.should_notify is (told.get(person, now) <= now)
            if decision.should_notify:
                told[person] = now + decision.seconds


@given(typed)
def test_after_the_announced_wait_that_limit_does_not_apply(commands: list[tuple[float, str, int]]) -> None:
    limiter, now = RateLimiter(SMALL), 1000.0

    for number, (gap, person, _) in enumerate(commands):
        now += gap
        decision = limiter.admit(person, now, in_progress=0)
        if isinstance(decision, Limited):
            now += decision.seconds
            newcomer = person if decision.kind is LimitKind.PERSON else f"newcomer {number}"
            again = limiter.admit(newcomer, now, in_progress=0)
            assert isinstance(again, Allowed) or again.kind is not decision.kind


@given(st.lists(st.tuples(gaps, st.sampled_from(["ask", "confirm"])), max_size=60))
def test_actions_of_each_kind_have_their_limit_and_every_refusal_is_announced(orders: list[tuple[float, str]]) -> None:
    limiter, now, taken = RateLimiter(SMALL), 1000.0, {"ask": list[float](), "confirm": list[float]()}

    for gap, kind in orders:
        now += gap
        decision = limiter.admit_action(kind, now)
        if isinstance(decision, Allowed):
            taken[kind].append(now)
        else:
            assert (decision.kind, decision.should_notify) == (LimitKind.ACTIONS, True)
            assert sum(now - 8 < at for at in taken[kind]) == 2

    assert all(most_in_a_window(times, 8) <= 2 for times in taken.values())


def test_of_200_commands_of_one_user_ten_are_accepted_and_one_refusal_is_announced() -> None:
    limiter = RateLimiter()
    decisions = [limiter.admit("milo", 1000 + n / 20, in_progress=n % 10) for n in range(200)]

    assert [isinstance(each, Allowed) for each in decisions] == [n < 10 for n in range(200)]
    assert [n for n, each in enumerate(decisions) if isinstance(each, Limited) and each.should_notify] == [10]
    assert decisions[10] == Limited(LimitKind.PERSON, LIMITS.person, 10, should_notify=True)
    assert isinstance(limiter.admit("olivia", 1010, in_progress=10), Allowed)
    assert isinstance(limiter.admit("milo", 1010, in_progress=10), Allowed)


def test_each_user_refused_for_the_workspaces_limit_is_notified_once() -> None:
    limiter = RateLimiter()
    taken = [limiter.admit(f"U{n // 10}", 1000, in_progress=0) for n in range(120)]
    refused = [limiter.admit(who, 1010 + again, in_progress=0) for again in range(3) for who in ("milo", "olivia")]

    assert Counter(taken) == {Allowed(): 120}
    assert refused[:2] == [Limited(LimitKind.WORKSPACE, LIMITS.workspace, 50, should_notify=True)] * 2
    assert [each.should_notify for each in refused[2:] if isinstance(each, Limited)] == [False] * 4


def test_at_most_a_hundred_commands_run_at_once() -> None:
    limiter = RateLimiter()

    assert isinstance(limiter.admit("milo", 1000, in_progress=99), Allowed)
    assert limiter.admit("milo", 1000, in_progress=100) == Limited(
        LimitKind.CONCURRENT, LIMITS.concurrent, 5, should_notify=True
    )


def test_memory_is_bounded_for_any_number_of_users() -> None:
    limiter = RateLimiter()
    for n in range(20_000):
        limiter.admit(f"U{n}", 1000 + n / 1000, in_progress=0)

    assert len(limiter._admitted) == LIMITS.workspace.most  # noqa: SLF001 - memory is nowhere else to be seen
    assert len(limiter._notified) == MAX_REMEMBERED  # noqa: SLF001


@pytest.mark.parametrize("back", [1.0, 3600.0])
def test_a_clock_that_is_set_back_neither_blocks_users_nor_silences_refusals(back: float) -> None:
    limiter = RateLimiter()
    for _ in range(11):
        limiter.admit("milo", 1000, in_progress=0)
        limiter.admit_action("ask", 1000)

    assert isinstance(limiter.admit("milo", 1000 - back, in_progress=0), Allowed)
    assert isinstance(limiter.admit_action("ask", 1000 - back), Allowed)
    for _ in range(9):
        limiter.admit("milo", 1000 - back, in_progress=0)
    refusal = limiter.admit("milo", 1000 - back, in_progress=0)
    assert isinstance(refusal, Limited)
    assert refusal.should_notify is (back > 60)


def test_limits_that_would_need_more_memory_than_the_workspaces_are_rejected() -> None:
    with pytest.raises(ValueError, match="window"):
        Limits(person=Limit(1, 61.0))


def fill(
    limiter: RateLimiter, people: int, *, asks: RequestKind = RequestKind.MEMBER, refused: bool | None = None
) -> int:
    """Let people type a command each second; ``refused``: each is refused, for good or not. Return how many were taken."""
    taken = 0
    for second in range(60):
        for person in (f"guest{n}" for n in range(people)):
            if isinstance(limiter.admit(person, 1000.0 + second, in_progress=0, kind=asks), Allowed):
                taken += 1
                if refused is not None:
                    limiter.record_denied(person, 1000.0 + second, permanent=refused)
    return taken


@pytest.mark.parametrize("people", [2, 12, 60])
@pytest.mark.parametrize("asks", RequestKind)
def test_users_without_permission_do_not_count_against_the_workspaces_limit(people: int, asks: RequestKind) -> None:
    limiter = RateLimiter()

    taken = fill(limiter, people, asks=asks, refused=True)

    assert taken <= LIMITS.others.most + people, "each is refused once before it is known"
    mine = [limiter.admit(f"member{n // 10}", 1060.0 + n / 1000, in_progress=0) for n in range(120)]
    assert mine == [Allowed()] * 120


def test_one_user_without_permission_leaves_room_for_others_without_it() -> None:
    limiter = RateLimiter()

    assert fill(limiter, 1, refused=True) == LIMITS.denied.most
    assert isinstance(limiter.admit("another", 1060.0, in_progress=0), Allowed)


def test_members_denied_an_operators_command_do_not_count_either_and_can_still_read() -> None:
    limiter = RateLimiter()
    fill(limiter, 20, asks=RequestKind.OPERATOR, refused=False)

    mine = [limiter.admit(f"guest{n % 20}", 1070.0 + n / 1000, in_progress=0) for n in range(120)]
    assert mine == [Allowed()] * 120


@pytest.mark.parametrize("asks", [RequestKind.OPERATOR, RequestKind.CONFIRMATION])
def test_operators_actions_are_exempt_from_the_workspaces_limit(asks: RequestKind) -> None:
    limiter = RateLimiter()
    fill(limiter, 70, asks=RequestKind.OPERATOR, refused=True)
    fill(limiter, 70, asks=RequestKind.NO_PERMISSION)
    for n in range(120):
        limiter.admit(f"member{n // 10}", 1059.0, in_progress=0)

    waiting = limiter.admit("olivia", 1059.0, in_progress=0)
    assert isinstance(waiting, Limited)
    assert waiting.kind is LimitKind.WORKSPACE
    assert limiter.admit("olivia", 1059.0, in_progress=0, kind=asks) == Allowed()
    assert (limiter.admit("olivia", 1059.0, in_progress=100, kind=asks) == Allowed()) is (
        asks is RequestKind.CONFIRMATION
    )


@pytest.mark.parametrize("asks", [RequestKind.OPERATOR, RequestKind.CONFIRMATION])
@pytest.mark.parametrize("typos", [1, 10])
def test_help_and_typos_do_not_delay_an_operators_action(asks: RequestKind, typos: int) -> None:
    limiter = RateLimiter()
    mine = [
        limiter.admit("olivia", 1000.0 + 5 * n, in_progress=0, kind=RequestKind.NO_PERMISSION) for n in range(typos)
    ]
    assert mine == [Allowed()] * typos
    crowd = [
        limiter.admit(f"guest{n % 20}", 1051.0 + n / 100, in_progress=0, kind=RequestKind.NO_PERMISSION)
        for n in range(80)
    ]
    assert any(isinstance(each, Limited) and each.kind is LimitKind.OTHERS for each in crowd)

    assert limiter.admit("olivia", 1055.0, in_progress=0, kind=asks) == Allowed()


def test_help_has_its_own_limit() -> None:
    limiter = RateLimiter()

    assert fill(limiter, 30, asks=RequestKind.NO_PERMISSION) == LIMITS.others.most
    refused = limiter.admit("milo", 1059.0, in_progress=0, kind=RequestKind.NO_PERMISSION)
    assert isinstance(refused, Limited)
    assert refused.kind is LimitKind.OTHERS
    assert limiter.admit("milo", 1059.0, in_progress=0) == Allowed()


def test_a_user_who_becomes_a_member_counts_against_the_workspaces_limit_again() -> None:
    limiter = RateLimiter()
    assert fill(limiter, 30, refused=True) <= LIMITS.others.most + 30
    assert isinstance(limiter.admit("guest0", 1059.0, in_progress=0), Limited)

    limiter.record_authorized("guest0")

    assert limiter.admit("guest0", 1059.0, in_progress=0) == Allowed()


def test_memory_is_bounded_for_any_number_of_refusals() -> None:
    limiter = RateLimiter(Limits(others=Limit(10**6, 60.0)))
    for n in range(5_000):
        limiter.admit(f"U{n}", 1000 + n / 1000, in_progress=0, kind=RequestKind.OPERATOR)
        limiter.record_denied(f"U{n}", 1000 + n / 1000, permanent=True)

    assert len(limiter._admitted) <= LIMITS.workspace.most + MAX_REMEMBERED  # noqa: SLF001 - memory is nowhere else to be seen
    assert len(limiter._denied) <= MAX_REMEMBERED  # noqa: SLF001
