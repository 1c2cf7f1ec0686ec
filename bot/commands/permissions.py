"""Permissions: who may do what. Pure: everything it needs is handed in."""

from dataclasses import dataclass
from enum import Enum, StrEnum, auto

from bot.slack.directory.members import Person, UnknownReason


class Permission(Enum):
    """What a command requires of its requester."""

    NONE = auto()
    """Nothing, as help: denied only to those of whom Slack says that they may not use the bot at all."""
    READ = auto()
    """A member of the workspace, or a guest where the settings let guests look things up."""
    OPERATE = auto()
    """An operator: changes a job, or what somebody else's channel gets."""


class DenialReason(StrEnum):
    """Why a command was denied. The values are stored in the audit."""

    READ_ONLY = "read_only"
    EXTERNAL_USER = "stranger"
    GUEST = "guest"
    GUEST_READS_ONLY = "guest_reads_only"
    """A guest who may look things up, and asked for more."""
    NOT_A_PERSON = "not_a_person"
    NOT_AN_OPERATOR = "not_an_operator"
    SLACK_UNREACHABLE = "slack_unreachable"
    NO_SUCH_PERSON = "no_such_person"
    UNREADABLE = "unreadable"
    SLACK_REFUSES = "slack_refuses"
    STARTING = "starting"


NEVER_ALLOWED = frozenset(
    {DenialReason.EXTERNAL_USER, DenialReason.GUEST, DenialReason.NOT_A_PERSON, DenialReason.NO_SUCH_PERSON}
)
"""Reasons that Slack gives of people who may not use the bot at all."""

_PERMANENT = NEVER_ALLOWED | {DenialReason.READ_ONLY, DenialReason.GUEST_READS_ONLY}


@dataclass(frozen=True)
class Policy:
    """The permissions in the settings."""

    operators: frozenset[str] = frozenset()
    """User ids and user-group ids."""
    read_only: bool = False
    allow_guests: bool = False
    """Whether guests may look things up; they change nothing in any case."""


@dataclass(frozen=True)
class Authorized:
    """The requester may."""


@dataclass(frozen=True)
class Denied:
    """The requester may not, and why."""

    reason: DenialReason


def authorize(
    person: Person | UnknownReason,
    permission: Permission,
    policy: Policy,
    *,
    changes_job: bool,
    changes_channel: bool = False,
) -> Authorized | Denied:
    """Decide whether somebody may do something: only a known member may, and to change anything known at present.

    Args:
        person: the requester as Slack describes them, or why nothing is known of them.
        permission: what the command requires of them.
        policy: the permissions in the settings.
        changes_job: whether the command changes a job, which a read-only bot never does.
        changes_channel: whether it changes what a channel or a person gets.
    """
    if changes_job and policy.read_only:
        return Denied(DenialReason.READ_ONLY)
    if isinstance(person, UnknownReason):
        reason = DenialReason(person)
        return Authorized() if permission is Permission.NONE and reason not in NEVER_ALLOWED else Denied(reason)
    changes = permission is Permission.OPERATE or (permission is Permission.READ and (changes_job or changes_channel))
    if denial := _denial(person, policy, changes=changes):
        return Denied(denial)
    if person.is_stale and changes:
        return Denied(DenialReason.SLACK_UNREACHABLE)
    if permission is not Permission.OPERATE or is_operator(person, policy):
        return Authorized()
    return Denied(DenialReason.SLACK_UNREACHABLE if person.groups_unknown else DenialReason.NOT_AN_OPERATOR)


def is_conclusive(decision: Authorized | Denied, policy: Policy) -> bool:
    """Whether a decision is a denial that no lookup in Slack can change; the person's groups were not looked up."""
    if isinstance(decision, Authorized):
        return False
    by_group = any(operator.startswith("S") for operator in policy.operators)
    return decision.reason in _PERMANENT or (decision.reason is DenialReason.NOT_AN_OPERATOR and not by_group)


def _denial(person: Person, policy: Policy, *, changes: bool) -> DenialReason | None:
    """Return the reason to deny every command of someone who is no full member; None for a member of the workspace."""
    if not person.is_human:
        return DenialReason.NOT_A_PERSON
    if person.is_external:
        return DenialReason.EXTERNAL_USER
    if person.is_guest and not policy.allow_guests:
        return DenialReason.GUEST
    return DenialReason.GUEST_READS_ONLY if person.is_guest and changes else None


def is_operator(person: Person, policy: Policy) -> bool:
    """Whether someone may change jobs: an admin or owner, or a user or a member of a group that the settings name."""
    return person.is_admin or person.id in policy.operators or bool(person.groups & policy.operators)
