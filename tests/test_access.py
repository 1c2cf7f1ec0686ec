"""Who may do what, against the rule written out once more, plainly, over every combination of flags."""

from itertools import product

import pytest

from bot.access import Allowed, Need, Person, Policy, Refused, Why, is_operator, may

FLAGS = "is_admin is_guest is_stranger is_human named in_group".split()
PEOPLE = [None, *(dict(zip(FLAGS, flags, strict=True)) for flags in product([False, True], repeat=len(FLAGS)))]
POLICY_OPERATORS = frozenset({"U0NAMED", "S0MLOPS"})


def expected(
    flags: dict[str, bool] | None, need: Need, *, read_only: bool, same_team: bool, changes_job: bool
) -> object:
    """Return the rule of DESIGN 7: reading for members of our workspace, orders for operators, nothing by default."""
    if read_only and changes_job:
        return Refused(Why.READ_ONLY)
    if need is Need.NOTHING:
        return Allowed()
    if not same_team:
        return Refused(Why.STRANGER)
    if flags is None:
        # Slack could not be asked: the team of the verified request is enough to read, and never to order.
        return Allowed() if need is Need.READ else Refused(Why.SLACK_UNREACHABLE)
    for refused, why in (
        (not flags["is_human"], Why.NOT_A_PERSON),
        (flags["is_stranger"], Why.STRANGER),
        (flags["is_guest"], Why.GUEST),
    ):
        if refused:
            return Refused(why)
    operator = flags["is_admin"] or flags["named"] or flags["in_group"]
    return Allowed() if need is Need.READ or operator else Refused(Why.NOT_AN_OPERATOR)


def person_with(flags: dict[str, bool]) -> Person:
    return Person(
        "U0NAMED" if flags["named"] else "U0OTHER",
        is_admin=flags["is_admin"],
        is_guest=flags["is_guest"],
        is_stranger=flags["is_stranger"],
        is_human=flags["is_human"],
        groups=frozenset({"S0MLOPS"} if flags["in_group"] else ()),
    )


@pytest.mark.parametrize("need", Need)
@pytest.mark.parametrize("flags", PEOPLE, ids=lambda flags: "+".join(k for k in flags if flags[k]) if flags else "-")
def test_everybody_may_exactly_what_the_rule_says(flags: dict[str, bool] | None, need: Need) -> None:
    person = None if flags is None else person_with(flags)
    for read_only, same_team, changes_job in product([False, True], repeat=3):
        policy = Policy(POLICY_OPERATORS, read_only=read_only)
        decision = may(person, need, policy, same_team=same_team, changes_job=changes_job)

        case = {"read_only": read_only, "same_team": same_team, "changes_job": changes_job}
        assert decision == expected(flags, need, **case), case


def test_somebody_of_whom_nothing_is_known_but_the_id_may_read_and_no_more() -> None:
    nobody = Person("U0NOBODY")

    assert nobody == Person(
        "U0NOBODY", is_admin=False, is_guest=False, is_stranger=False, is_human=True, groups=frozenset()
    )
    assert Policy() == Policy(operators=frozenset(), read_only=False)
    assert may(nobody, Need.READ, Policy(), same_team=True, changes_job=False) == Allowed()
    assert may(nobody, Need.OPERATE, Policy(), same_team=True, changes_job=True) == Refused(Why.NOT_AN_OPERATOR)


def test_without_operators_in_the_settings_admins_alone_order() -> None:
    assert is_operator(Person("U1", is_admin=True), Policy())
    assert not is_operator(Person("U1", groups=frozenset({"S0MLOPS"})), Policy())


def test_a_group_that_is_not_named_makes_nobody_an_operator() -> None:
    assert not is_operator(Person("U1", groups=frozenset({"S0OTHER"})), Policy(POLICY_OPERATORS))


def test_a_group_id_is_not_taken_for_a_person() -> None:
    assert not is_operator(Person("s0mlops"), Policy(POLICY_OPERATORS))
    assert is_operator(Person("U2", groups=frozenset({"S0MLOPS", "S0OTHER"})), Policy(POLICY_OPERATORS))


def test_the_audit_keeps_a_reason_in_a_word_that_stays_the_same() -> None:
    words = "read_only stranger guest not_a_person not_an_operator slack_unreachable"

    assert list(map(str, Why)) == words.split()
