"""Who may do what, against the rule written out once more, plainly, over every combination of flags."""

from itertools import product

import pytest

from bot.commands.permissions import (
    Authorized,
    DenialReason,
    Denied,
    Permission,
    Policy,
    authorize,
    is_conclusive,
    is_operator,
)
from bot.slack.directory.members import Person, UnknownReason

FLAGS = "is_admin is_guest is_stranger is_human named in_group groups_unknown is_stale".split()
PEOPLE = [dict(zip(FLAGS, flags, strict=True)) for flags in product([False, True], repeat=len(FLAGS))]
POLICY_OPERATORS = frozenset({"U0NAMED", "S0MLOPS"})


def expected(
    flags: dict[str, bool], need: Permission, policy: Policy, *, changes_job: bool, changes_channel: bool
) -> object:
    """Return the expected rule: members of our workspace read, operators act, everyone else is denied."""
    if policy.read_only and changes_job:
        return Denied(DenialReason.READ_ONLY)
    only_reads = need is Permission.READ and not changes_job and not changes_channel
    for refused, why in (
        (not flags["is_human"], DenialReason.NOT_A_PERSON),
        (flags["is_stranger"], DenialReason.EXTERNAL_USER),
        (flags["is_guest"] and not policy.allow_guests, DenialReason.GUEST),
        (flags["is_guest"] and need is not Permission.NONE and not only_reads, DenialReason.GUEST_READS_ONLY),
        (flags["is_stale"] and need is not Permission.NONE and not only_reads, DenialReason.SLACK_UNREACHABLE),
    ):
        if refused:
            return Denied(why)
    operator = flags["is_admin"] or flags["named"] or flags["in_group"]
    if need is not Permission.OPERATE or operator:
        return Authorized()
    return Denied(DenialReason.SLACK_UNREACHABLE if flags["groups_unknown"] else DenialReason.NOT_AN_OPERATOR)


def person_with(flags: dict[str, bool]) -> Person:
    return Person(
        "U0NAMED" if flags["named"] else "U0OTHER",
        is_admin=flags["is_admin"],
        is_guest=flags["is_guest"],
        is_external=flags["is_stranger"],
        is_human=flags["is_human"],
        groups=frozenset({"S0MLOPS"} if flags["in_group"] else ()),
        groups_unknown=flags["groups_unknown"],
        is_stale=flags["is_stale"],
    )


@pytest.mark.parametrize("need", Permission)
def test_everyone_can_do_exactly_what_the_rules_permit(need: Permission) -> None:
    for flags in PEOPLE:
        for read_only, allow_guests, changes_job, changes_channel in product([False, True], repeat=4):
            policy = Policy(POLICY_OPERATORS, read_only=read_only, allow_guests=allow_guests)
            case = {"changes_job": changes_job, "changes_channel": changes_channel}

            assert authorize(person_with(flags), need, policy, **case) == expected(flags, need, policy, **case), (
                flags,
                case,
            )


@pytest.mark.parametrize("why", UnknownReason)
def test_an_unknown_user_can_only_get_help_unless_slack_says_that_they_are_external(
    why: UnknownReason,
) -> None:
    for changes_job, changes_channel in product([False, True], repeat=2):
        changes = {"changes_job": changes_job, "changes_channel": changes_channel}
        helped = Denied(DenialReason(why)) if why is UnknownReason.NO_SUCH_PERSON else Authorized()
        assert authorize(why, Permission.NONE, Policy(allow_guests=True), **changes) == helped
        for need in (Permission.READ, Permission.OPERATE):
            assert authorize(why, need, Policy(frozenset({"U0OTHER"})), **changes) == Denied(DenialReason(why))


def test_a_user_of_whom_only_the_id_is_known_can_only_read() -> None:
    nobody = Person("U0NOBODY")

    assert nobody == Person(
        "U0NOBODY", is_admin=False, is_guest=False, is_external=False, is_human=True, groups=frozenset()
    )
    assert not nobody.groups_unknown
    assert not nobody.is_stale
    assert Policy() == Policy(operators=frozenset(), read_only=False, allow_guests=False)
    assert authorize(nobody, Permission.READ, Policy(), changes_job=False) == Authorized()
    assert authorize(nobody, Permission.OPERATE, Policy(), changes_job=True) == Denied(DenialReason.NOT_AN_OPERATOR)


def test_without_operators_in_the_settings_only_admins_can_act() -> None:
    assert is_operator(Person("U1", is_admin=True), Policy())
    assert not is_operator(Person("U1", groups=frozenset({"S0MLOPS"})), Policy())


def test_a_group_that_is_not_configured_makes_no_one_an_operator() -> None:
    assert not is_operator(Person("U1", groups=frozenset({"S0OTHER"})), Policy(POLICY_OPERATORS))


def test_a_group_id_is_not_a_user_id() -> None:
    assert not is_operator(Person("s0mlops"), Policy(POLICY_OPERATORS))
    assert is_operator(Person("U2", groups=frozenset({"S0MLOPS", "S0OTHER"})), Policy(POLICY_OPERATORS))


def test_the_audit_stores_a_reason_as_a_stable_word() -> None:
    words = "read_only stranger guest guest_reads_only not_a_person not_an_operator slack_unreachable "
    words += "no_such_person unreadable slack_refuses starting"

    assert list(map(str, DenialReason)) == words.split()


@pytest.mark.parametrize("why", DenialReason)
def test_a_denial_is_certain_where_no_other_data_from_slack_could_change_it(why: DenialReason) -> None:
    lasting = {
        DenialReason.READ_ONLY,
        DenialReason.EXTERNAL_USER,
        DenialReason.GUEST,
        DenialReason.GUEST_READS_ONLY,
        DenialReason.NOT_A_PERSON,
        DenialReason.NO_SUCH_PERSON,
    }

    assert is_conclusive(Denied(why), Policy(frozenset({"U0NAMED"}))) == (
        why in lasting | {DenialReason.NOT_AN_OPERATOR}
    )
    assert is_conclusive(Denied(why), Policy(frozenset({"S0MLOPS"}))) == (why in lasting), "a group may make them one"
    assert not is_conclusive(Authorized(), Policy())
