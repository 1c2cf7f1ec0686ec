"""Orders to a fine-tuning API: what each does to a job, when it applies, and how its effect shows. Pure.

OpenAI does not say in which states it takes them: https://platform.openai.com/docs/api-reference/fine-tuning. Where a
status is unknown an order is offered, and the API decides.
"""

from dataclasses import dataclass
from enum import StrEnum

from bot.jobs.statuses import Phase, is_final, phase_of


class JobAction(StrEnum):
    """What can be ordered; the word that a person types."""

    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"
    CREATE = "create"
    """Of a job that is not there yet: it is found by the name of its request."""


@dataclass(frozen=True)
class ActionWording:
    """How an order is spoken of."""

    emoji: str
    done: str
    in_progress: str
    target_jobs: str
    """Which jobs it is for."""
    warning: str
    """What to know before it is given."""


ACTION_WORDING = {
    JobAction.CANCEL: ActionWording(
        ":octagonal_sign:",
        "cancelled",
        "being cancelled",
        "unfinished",
        "This cannot be undone, and work already done may be billed.",
    ),
    JobAction.PAUSE: ActionWording(
        ":double_vertical_bar:", "paused", "being paused", "running", "It keeps what it learned and can be resumed."
    ),
    JobAction.RESUME: ActionWording(
        ":arrow_forward:", "resumed", "being resumed", "paused", "It goes on from where it was paused."
    ),
    JobAction.CREATE: ActionWording(":heavy_plus_sign:", "created", "being created", "new", "Training is billed."),
}
"""The one table of what people read of orders."""


_CANCELLING = frozenset({"cancelling", "canceling", "cancel_requested"})
"""A job that is being cancelled; nothing undoes that."""


class Applicability(StrEnum):
    """Whether an order applies to a job as it is."""

    APPLICABLE = "go"
    RECONFIRM = "ask again"
    """It may mean something else than when its confirmation was shown."""
    TOO_EARLY = "too early"
    """The job has yet to come to where it applies."""
    ALREADY = "already"
    """What it asks for is so."""
    TOO_LATE = "too late"
    """The job is over, or about to be."""


def applicability(action: JobAction, status: str, *, shown_status: str | None = None) -> Applicability:
    """Return whether an order applies to a job, by its status ``now`` and the one that its confirmation showed.

    A job moves on while somebody reads a confirmation: what applies still goes through, whatever the job went through
    meanwhile. It is asked about again only where the job is known no longer to be in a state that the order is for.
    """
    applies = _applicability(action, status)
    was_known = shown_status is not None and phase_of(shown_status) is not Phase.UNKNOWN
    is_unclear = action is not JobAction.CANCEL and phase_of(status) is Phase.UNKNOWN
    return Applicability.RECONFIRM if applies is Applicability.APPLICABLE and was_known and is_unclear else applies


def _applicability(action: JobAction, status: str) -> Applicability:
    phase, is_ending = phase_of(status), is_final(status) or status.lower() in _CANCELLING
    match action:
        case JobAction.CANCEL:
            return Applicability.TOO_LATE if is_final(status) else Applicability.APPLICABLE
        case JobAction.PAUSE | JobAction.RESUME if is_ending:
            return Applicability.TOO_LATE
        case JobAction.PAUSE if phase is Phase.HELD or _is_transitioning(action, status):
            return Applicability.ALREADY
        case JobAction.RESUME if phase is Phase.ACTIVE and not _is_transitioning(JobAction.PAUSE, status):
            return Applicability.ALREADY
        case JobAction.RESUME if phase in (Phase.HELD, Phase.UNKNOWN):
            return Applicability.APPLICABLE
        case JobAction.PAUSE if phase in (Phase.ACTIVE, Phase.UNKNOWN):
            return Applicability.APPLICABLE
    return Applicability.TOO_EARLY


def is_resolved(action: JobAction, status: str) -> bool:
    """Whether a job in this status needs no more watching after an order that got no answer: it worked, or cannot any more."""
    match action:
        case JobAction.CANCEL:
            return is_final(status) or status.lower() in _CANCELLING
        case JobAction.PAUSE:
            return is_final(status) or phase_of(status) is Phase.HELD or _is_transitioning(action, status)
        case JobAction.RESUME:
            return phase_of(status) is not Phase.HELD
        case JobAction.CREATE:
            return True


def came_too_late(action: JobAction, status: str) -> bool:
    """Whether a job in this status had ended in another way before the order came."""
    if action is JobAction.CREATE:
        return False
    return is_final(status) and not (action is JobAction.CANCEL and phase_of(status) is Phase.CANCELLED)


def _is_transitioning(action: JobAction, status: str) -> bool:
    return status.lower() == {JobAction.PAUSE: "pausing", JobAction.RESUME: "resuming"}.get(action)
