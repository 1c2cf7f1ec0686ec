"""Who may do what. Pure: everything it needs is handed in."""

from dataclasses import dataclass
from enum import Enum, StrEnum, auto

from bot.slack.members import Person, Unknown


class Need(Enum):
    """What a command needs of the person who gives it."""

    NOTHING = auto()
    """No right, as help: refused only to those of whom Slack says that they may not use the bot at all."""
    READ = auto()
    """A member of the workspace, or a guest where the settings let guests look things up."""
    OPERATE = auto()
    """An operator: changes a job, or what somebody else's channel gets."""


class Why(StrEnum):
    """Why somebody was refused."""

    READ_ONLY = "read_only"
    STRANGER = "stranger"
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


OUTSIDE = frozenset({Why.STRANGER, Why.GUEST, Why.NOT_A_PERSON, Why.NO_SUCH_PERSON})
"""What Slack said of people who may not use the bot at all."""

_LASTING = OUTSIDE | {Why.READ_ONLY, Why.GUEST_READS_ONLY}


@dataclass(frozen=True)
class Policy:
    """What the settings say."""

    operators: frozenset[str] = frozenset()
    """User ids and user-group ids."""
    read_only: bool = False
    allow_guests: bool = False
    """Whether guests may look things up; they change nothing in any case."""


@dataclass(frozen=True)
class Allowed:
    """Go ahead."""


@dataclass(frozen=True)
class Refused:
    """No, and why."""

    why: Why


def may(
    who: Person | Unknown, need: Need, policy: Policy, *, changes_job: bool, changes_channel: bool = False
) -> Allowed | Refused:
    """Decide whether somebody may do something: only a known member may, and to change anything known at present.

    Args:
        who: the person as Slack describes them, or why nothing is known of them.
        need: what the command asks of them.
        policy: what the settings say.
        changes_job: whether the command changes a job, which a read-only bot never does.
        changes_channel: whether it changes what a channel or a person gets.
    """
    if changes_job and policy.read_only:
        return Refused(Why.READ_ONLY)
    if isinstance(who, Unknown):
        return Allowed() if need is Need.NOTHING and Why(who) not in OUTSIDE else Refused(Why(who))
    changes = need is Need.OPERATE or (need is Need.READ and (changes_job or changes_channel))
    if why := _kept_out(who, policy, changes=changes):
        return Refused(why)
    if who.is_stale and changes:
        return Refused(Why.SLACK_UNREACHABLE)
    if need is not Need.OPERATE or is_operator(who, policy):
        return Allowed()
    return Refused(Why.SLACK_UNREACHABLE if who.groups_unknown else Why.NOT_AN_OPERATOR)


def is_sure(decision: Allowed | Refused, policy: Policy) -> bool:
    """Whether a refusal stays one whatever Slack says now, of somebody whose groups were not asked."""
    if isinstance(decision, Allowed):
        return False
    by_group = any(operator.startswith("S") for operator in policy.operators)
    return decision.why in _LASTING or (decision.why is Why.NOT_AN_OPERATOR and not by_group)


def _kept_out(person: Person, policy: Policy, *, changes: bool) -> Why | None:
    """Return why somebody may not do a thing whoever else may, None where they are one of ours."""
    if not person.is_human:
        return Why.NOT_A_PERSON
    if person.is_stranger:
        return Why.STRANGER
    if person.is_guest and not policy.allow_guests:
        return Why.GUEST
    return Why.GUEST_READS_ONLY if person.is_guest and changes else None


def is_operator(person: Person, policy: Policy) -> bool:
    """Whether somebody may change jobs: an admin or owner, or named in the settings, alone or by a group."""
    return person.is_admin or person.id in policy.operators or bool(person.groups & policy.operators)
