"""Who may do what, against the rule written out once more, plainly, over every combination of flags."""

from itertools import product

import pytest

from bot.commands.permissions import Allowed, Need, Policy, Refused, Why, is_operator, is_sure, may
from bot.slack.members import Person, Unknown

FLAGS = "is_admin is_guest is_stranger is_human named in_group groups_unknown is_stale".split()
PEOPLE = [dict(zip(FLAGS, flags, strict=True)) for flags in product([False, True], repeat=len(FLAGS))]
POLICY_OPERATORS = frozenset({"U0NAMED", "S0MLOPS"})


def expected(flags: dict[str, bool], need: Need, policy: Policy, *, changes_job: bool, changes_channel: bool) -> object:
    """Return the rule of DESIGN 7: reading for members of our workspace, orders for operators, nothing by default."""
    if policy.read_only and changes_job:
        return Refused(Why.READ_ONLY)
    only_reads = need is Need.READ and not changes_job and not changes_channel
    for refused, why in (
        (not flags["is_human"], Why.NOT_A_PERSON),
        (flags["is_stranger"], Why.STRANGER),
        (flags["is_guest"] and not policy.allow_guests, Why.GUEST),
        (flags["is_guest"] and need is not Need.NOTHING and not only_reads, Why.GUEST_READS_ONLY),
        (flags["is_stale"] and need is not Need.NOTHING and not only_reads, Why.SLACK_UNREACHABLE),
    ):
        if refused:
            return Refused(why)
    operator = flags["is_admin"] or flags["named"] or flags["in_group"]
    if need is not Need.OPERATE or operator:
        return Allowed()
    return Refused(Why.SLACK_UNREACHABLE if flags["groups_unknown"] else Why.NOT_AN_OPERATOR)


def person_with(flags: dict[str, bool]) -> Person:
    return Person(
        "U0NAMED" if flags["named"] else "U0OTHER",
        is_admin=flags["is_admin"],
        is_guest=flags["is_guest"],
        is_stranger=flags["is_stranger"],
        is_human=flags["is_human"],
        groups=frozenset({"S0MLOPS"} if flags["in_group"] else ()),
        groups_unknown=flags["groups_unknown"],
        is_stale=flags["is_stale"],
    )


@pytest.mark.parametrize("need", Need)
def test_everybody_may_exactly_what_the_rule_says(need: Need) -> None:
    for flags in PEOPLE:
        for read_only, allow_guests, changes_job, changes_channel in product([False, True], repeat=4):
            policy = Policy(POLICY_OPERATORS, read_only=read_only, allow_guests=allow_guests)
            case = {"changes_job": changes_job, "changes_channel": changes_channel}

            assert may(person_with(flags), need, policy, **case) == expected(flags, need, policy, **case), (flags, case)


@pytest.mark.parametrize("why", Unknown)
def test_of_whom_nothing_is_known_may_nothing_but_get_help_unless_slack_says_that_they_are_none_of_ours(
    why: Unknown,
) -> None:
    for changes_job, changes_channel in product([False, True], repeat=2):
        changes = {"changes_job": changes_job, "changes_channel": changes_channel}
        helped = Refused(Why(why)) if why is Unknown.NO_SUCH_PERSON else Allowed()
        assert may(why, Need.NOTHING, Policy(allow_guests=True), **changes) == helped
        for need in (Need.READ, Need.OPERATE):
            assert may(why, need, Policy(frozenset({"U0OTHER"})), **changes) == Refused(Why(why))


def test_somebody_of_whom_nothing_is_known_but_the_id_may_read_and_no_more() -> None:
    nobody = Person("U0NOBODY")

    assert nobody == Person(
        "U0NOBODY", is_admin=False, is_guest=False, is_stranger=False, is_human=True, groups=frozenset()
    )
    assert not nobody.groups_unknown
    assert not nobody.is_stale
    assert Policy() == Policy(operators=frozenset(), read_only=False, allow_guests=False)
    assert may(nobody, Need.READ, Policy(), changes_job=False) == Allowed()
    assert may(nobody, Need.OPERATE, Policy(), changes_job=True) == Refused(Why.NOT_AN_OPERATOR)


def test_without_operators_in_the_settings_admins_alone_order() -> None:
    assert is_operator(Person("U1", is_admin=True), Policy())
    assert not is_operator(Person("U1", groups=frozenset({"S0MLOPS"})), Policy())


def test_a_group_that_is_not_named_makes_nobody_an_operator() -> None:
    assert not is_operator(Person("U1", groups=frozenset({"S0OTHER"})), Policy(POLICY_OPERATORS))


def test_a_group_id_is_not_taken_for_a_person() -> None:
    assert not is_operator(Person("s0mlops"), Policy(POLICY_OPERATORS))
    assert is_operator(Person("U2", groups=frozenset({"S0MLOPS", "S0OTHER"})), Policy(POLICY_OPERATORS))


def test_the_audit_keeps_a_reason_in_a_word_that_stays_the_same() -> None:
    words = "read_only stranger guest guest_reads_only not_a_person not_an_operator slack_unreachable "
    words += "no_such_person unreadable slack_refuses starting"

    assert list(map(str, Why)) == words.split()


@pytest.mark.parametrize("why", Why)
def test_a_refusal_is_sure_where_no_other_word_of_slacks_could_change_it(why: Why) -> None:
    lasting = {Why.READ_ONLY, Why.STRANGER, Why.GUEST, Why.GUEST_READS_ONLY, Why.NOT_A_PERSON, Why.NO_SUCH_PERSON}

    assert is_sure(Refused(why), Policy(frozenset({"U0NAMED"}))) == (why in lasting | {Why.NOT_AN_OPERATOR})
    assert is_sure(Refused(why), Policy(frozenset({"S0MLOPS"}))) == (why in lasting), "a group may make them one"
    assert not is_sure(Allowed(), Policy())
