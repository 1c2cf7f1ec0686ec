"""What Slack may answer about somebody, and who they are to us then: a member, or why not."""

from typing import Any

import pytest

from bot.commands.permissions import DenialReason, Denied, Permission, Policy, authorize
from bot.slack.directory.members import (
    FORBIDDEN,
    NO_SUCH_PERSON,
    Person,
    UnknownReason,
    Workspace,
    person_of,
    same_workspace,
    unknown_reason,
)

ID = "U0MILO"
OURS = Workspace("T0OURS")
GRID = Workspace("T0OURS", "E0GRID")
FLAGS = dict.fromkeys(
    "deleted is_bot is_restricted is_ultra_restricted is_admin is_owner is_primary_owner".split(), False
)
MEMBER: dict[str, Any] = {"id": ID, "team_id": "T0OURS", **FLAGS}
OF_GRID = {"id": ID, "enterprise_id": "E0GRID", "teams": ["T0OURS", "T0HOME2"]}
ELSEWHERE = {"id": ID, "enterprise_id": "E0OTHER", "teams": ["T0THEIRS"]}


def without(*names: str) -> dict[str, Any]:
    return {name: value for name, value in MEMBER.items() if name not in names}


PEOPLE: dict[str, tuple[dict[str, Any], Person]] = {
    "a member": (MEMBER, Person(ID)),
    "a member who uses the app": ({**MEMBER, "is_app_user": True}, Person(ID)),
    "a member of whom more is said": ({**MEMBER, "is_stranger": False, "has_2fa": True, "x": [1]}, Person(ID)),
    "an admin": ({**MEMBER, "is_admin": True}, Person(ID, is_admin=True)),
    "an owner": ({**MEMBER, "is_owner": True}, Person(ID, is_admin=True)),
    "the primary owner": ({**MEMBER, "is_primary_owner": True}, Person(ID, is_admin=True)),
    "an admin of the organization alone": (
        {**MEMBER, "enterprise_user": {**OF_GRID, "is_admin": True, "is_owner": True}},
        Person(ID),
    ),
    "a guest of many channels": ({**MEMBER, "is_restricted": True}, Person(ID, is_guest=True)),
    "a guest of one channel": ({**MEMBER, "is_ultra_restricted": True}, Person(ID, is_guest=True)),
    "a stranger": ({**MEMBER, "team_id": "T0THEIRS"}, Person(ID, is_external=True)),
    "a stranger of whom no more is said": ({"id": ID, "team_id": "T0THEIRS"}, Person(ID, is_external=True)),
    "a stranger in a shared channel": (
        {**MEMBER, "team_id": "T0THEIRS", "is_stranger": False},
        Person(ID, is_external=True),
    ),
    "a stranger with our team": ({**MEMBER, "is_stranger": True}, Person(ID, is_external=True)),
    "a bot": ({**MEMBER, "is_bot": True}, Person(ID, is_human=False)),
    "a workflow": ({**MEMBER, "is_workflow_bot": True}, Person(ID, is_human=False)),
    "a bot of another platform": ({**MEMBER, "is_connector_bot": True}, Person(ID, is_human=False)),
    "somebody deactivated": ({**MEMBER, "deleted": True}, Person(ID, is_human=False)),
    "somebody deactivated of whom no more is said": (
        {"id": ID, "team_id": "T0OURS", "deleted": True},
        Person(ID, is_human=False),
    ),
    "somebody invited": ({**MEMBER, "is_invited_user": True}, Person(ID, is_human=False)),
}


@pytest.mark.parametrize(("user", "person"), PEOPLE.values(), ids=PEOPLE.keys())
def test_a_user_has_the_roles_that_slack_reports(user: dict[str, Any], person: Person) -> None:
    assert person_of(user, ID, OURS) == person


UNREADABLE: dict[str, Any] = {
    "nothing": None,
    "an empty object": {},
    "a text": "milo",
    "a list": [MEMBER],
    "no id": without("id"),
    "another id": {**MEMBER, "id": "U0OLIVIA"},
    "an id that is no text": {**MEMBER, "id": 7},
    "no team": without("team_id"),
    "an empty team": {**MEMBER, "team_id": ""},
    "a team that is no text": {**MEMBER, "team_id": ["T0OURS"]},
    "not whether they are active": without("deleted"),
    "not whether they are a bot": without("is_bot"),
    "not whether they are a guest": without("is_restricted"),
    "not whether they are a guest of one channel": without("is_ultra_restricted"),
    "null for whether they are a guest": {**MEMBER, "is_restricted": None},
    "a text for whether they are a guest": {**MEMBER, "is_restricted": "false"},
    "a number for whether they are an admin": {**MEMBER, "is_admin": 1},
    "a text for whether they are a stranger": {**MEMBER, "is_stranger": "no"},
    "a text for the teams of a Grid": {**MEMBER, "enterprise_user": {**OF_GRID, "teams": "T0OURS"}},
    "numbers for the teams of a Grid": {**MEMBER, "enterprise_user": {**OF_GRID, "teams": [1, 2]}},
    "a text for the account of a Grid": {**MEMBER, "enterprise_user": "W0MILO"},
}


@pytest.mark.parametrize("user", UNREADABLE.values(), ids=UNREADABLE.keys())
def test_a_response_without_the_needed_fields_makes_no_one_a_member(user: Any) -> None:
    assert person_of(user, ID, OURS) is UnknownReason.UNREADABLE


@pytest.mark.parametrize(
    ("word", "why"),
    [
        *((word, UnknownReason.NO_SUCH_PERSON) for word in sorted(NO_SUCH_PERSON)),
        *((word, UnknownReason.FORBIDDEN) for word in sorted(FORBIDDEN)),
        *(
            (word, UnknownReason.UNREACHABLE)
            for word in ("ratelimited", "internal_error", "fatal_error", "", "new_word")
        ),
    ],
)
def test_an_error_has_its_reason(word: str, why: UnknownReason) -> None:
    assert unknown_reason(word) is why
    assert {"user_not_found", "user_not_visible"} <= NO_SUCH_PERSON
    assert {"missing_scope", "invalid_auth", "token_revoked"} <= FORBIDDEN


@pytest.mark.parametrize("need", [Permission.READ, Permission.OPERATE])
@pytest.mark.parametrize("user", [*(user for user, _ in PEOPLE.values()), *UNREADABLE.values()])
def test_for_any_response_of_slack_only_members_can_read_and_only_operators_operate(
    user: Any, need: Permission
) -> None:
    who = person_of(user, ID, OURS)
    full = isinstance(who, Person) and who.is_human and not who.is_guest and not who.is_external
    allowed = full and (need is Permission.READ or (isinstance(who, Person) and who.is_admin))

    decision = authorize(who, need, Policy(), changes_job=False)

    assert (not isinstance(decision, Denied)) is allowed
    assert not (isinstance(decision, Denied) and decision.reason is DenialReason.READ_ONLY)


WHERE: dict[str, tuple[dict[str, Any], bool | None, bool | None]] = {
    "our team": ({"team_id": "T0OURS"}, True, True),
    "another team": ({"team_id": "T0THEIRS"}, False, False),
    "another team of our Grid that does not list ours": (
        {"team_id": "T0HOME2", "enterprise_id": "E0GRID"},
        False,
        False,
    ),
    "the organization for a team": ({"team_id": "E0GRID"}, False, False),
    "no team": ({}, None, None),
    "no team, in our Grid": ({"enterprise_user": {"enterprise_id": "E0GRID"}}, None, None),
    "another team, and a list with ours": ({"team_id": "T0HOME2", "enterprise_user": OF_GRID}, True, True),
    "our team, and a list with ours": ({"team_id": "T0OURS", "enterprise_user": OF_GRID}, True, True),
    "the organization, and a list with ours": ({"team_id": "E0GRID", "enterprise_user": OF_GRID}, True, True),
    "a list with ours alone": ({"enterprise_user": OF_GRID}, True, True),
    "a list beside the account": ({"teams": ["T0OURS"], "enterprise_id": "E0GRID"}, True, True),
    "our team, and a list without ours": (
        {"team_id": "T0OURS", "enterprise_user": {"enterprise_id": "E0GRID", "teams": ["T0HOME2"]}},
        False,
        False,
    ),
    "somebody of another Grid": ({"team_id": "T0THEIRS", "enterprise_user": ELSEWHERE}, False, False),
    "somebody of another Grid, with our team": ({"team_id": "T0OURS", "enterprise_user": ELSEWHERE}, False, False),
    "somebody of another Grid that lists ours": (
        {"enterprise_user": {"enterprise_id": "E0OTHER", "teams": ["T0OURS"]}},
        True,
        False,
    ),
    "somebody whom no channel shares": ({"team_id": "T0OURS", "is_stranger": True}, False, False),
    "a list that is none": ({"team_id": "T0OURS", "teams": "T0OURS"}, None, None),
}


@pytest.mark.parametrize("where", WHERE)
def test_membership_of_our_workspace(where: str) -> None:
    user, alone, in_grid = WHERE[where]

    assert same_workspace(user, OURS) is alone
    assert same_workspace(user, GRID) is in_grid


def test_a_response_about_a_grid_user_can_omit_fields_but_those_present_count() -> None:
    bare = {"id": ID, "team_id": "T0HOME2", "enterprise_user": OF_GRID}

    assert person_of(bare, ID, GRID) == Person(ID)
    assert person_of({**bare, "is_ultra_restricted": True}, ID, GRID) == Person(ID, is_guest=True)
    assert person_of({**bare, "deleted": True}, ID, GRID) == Person(ID, is_human=False)
    assert person_of({**bare, "id": "W0MILO", "enterprise_user": {**OF_GRID, "id": ID}}, ID, GRID) == Person(ID)
    assert person_of({**bare, "is_restricted": "no"}, ID, GRID) is UnknownReason.UNREADABLE
