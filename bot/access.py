"""Who may do what. Pure: everything it needs is handed in."""

from dataclasses import dataclass
from enum import Enum, StrEnum, auto


class Need(Enum):
    """What a command needs of the person who gives it."""

    NOTHING = auto()
    READ = auto()
    """A member of the workspace."""
    OPERATE = auto()
    """An operator: changes a job, or what somebody else's channel gets."""


class Why(StrEnum):
    """Why somebody was refused."""

    READ_ONLY = "read_only"
    STRANGER = "stranger"
    GUEST = "guest"
    NOT_A_PERSON = "not_a_person"
    NOT_AN_OPERATOR = "not_an_operator"
    SLACK_UNREACHABLE = "slack_unreachable"


@dataclass(frozen=True)
class Person:
    """Somebody as Slack describes them."""

    id: str
    is_admin: bool = False
    """An admin or owner of the workspace."""
    is_guest: bool = False
    is_stranger: bool = False
    """A member of another company, in a shared channel."""
    is_human: bool = True
    """Neither a bot nor deactivated."""
    groups: frozenset[str] = frozenset()
    """Those of the operators' user groups that they are in."""


@dataclass(frozen=True)
class Policy:
    """What the settings say."""

    operators: frozenset[str] = frozenset()
    """User ids and user-group ids."""
    read_only: bool = False


@dataclass(frozen=True)
class Allowed:
    """Go ahead."""


@dataclass(frozen=True)
class Refused:
    """No, and why."""

    why: Why


def may(person: Person | None, need: Need, policy: Policy, *, same_team: bool, changes_job: bool) -> Allowed | Refused:
    """Decide whether somebody may do something.

    Args:
        person: None where Slack could not be asked: reading is then decided by the team alone, orders are refused.
        need: what the command asks of them.
        policy: what the settings say.
        same_team: whether the request came from a member of our workspace.
        changes_job: whether the command changes a job, which a read-only bot never does.
    """
    if changes_job and policy.read_only:
        return Refused(Why.READ_ONLY)
    if need is Need.NOTHING:
        return Allowed()
    if not same_team:
        return Refused(Why.STRANGER)
    if person is None:
        return Allowed() if need is Need.READ else Refused(Why.SLACK_UNREACHABLE)
    if not person.is_human:
        return Refused(Why.NOT_A_PERSON)
    if person.is_stranger:
        return Refused(Why.STRANGER)
    if person.is_guest:
        return Refused(Why.GUEST)
    if need is Need.READ or is_operator(person, policy):
        return Allowed()
    return Refused(Why.NOT_AN_OPERATOR)


def is_operator(person: Person, policy: Policy) -> bool:
    """Whether somebody may change jobs: an admin or owner, or named in the settings, alone or by a group."""
    return person.is_admin or person.id in policy.operators or bool(person.groups & policy.operators)
