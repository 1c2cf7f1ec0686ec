"""Actions that users take on a job: when each one applies, and which status shows its effect. Pure.

OpenAI does not document which statuses accept them (https://platform.openai.com/docs/api-reference/fine-tuning), so an
action on a job of unknown status is offered, and the API decides.
"""

from dataclasses import dataclass
from enum import StrEnum

from bot.jobs.statuses import Phase, is_final, phase_of


class JobAction(StrEnum):
    """An action, by the word that a user types."""

    CANCEL = "cancel"
    PAUSE = "pause"
    RESUME = "resume"
    CREATE = "create"
    """Of a job that does not exist yet; its request ID in the metadata identifies it."""


@dataclass(frozen=True)
class ActionWording:
    """Texts about one action."""

    emoji: str
    done: str
    in_progress: str
    target_jobs: str
    """Adjective for the jobs that it applies to."""
    warning: str
    """What to know before confirming it."""


ACTION_WORDING = {
    JobAction.CANCEL: ActionWording(
        ":octagonal_sign:",
        "canceled",
        "canceling",
        "unfinished",
        "This can't be undone, and you may be billed for the work so far.",
    ),
    JobAction.PAUSE: ActionWording(
        ":double_vertical_bar:", "paused", "pausing", "running", "Progress is kept, and you can resume later."
    ),
    JobAction.RESUME: ActionWording(
        ":arrow_forward:", "resumed", "resuming", "paused", "It'll pick up where it left off."
    ),
    JobAction.CREATE: ActionWording(":heavy_plus_sign:", "created", "creating", "new", "Training is billed."),
}


_CANCELLING = frozenset({"cancelling", "canceling", "cancel_requested"})
"""Statuses of a job that is being canceled, which cannot be undone."""


class Applicability(StrEnum):
    """Whether an action applies to a job in its current status."""

    APPLICABLE = "go"
    RECONFIRM = "ask again"
    """The action may no longer mean what it did when its confirmation was shown."""
    TOO_EARLY = "too early"
    """The job has not reached a status to which it applies."""
    ALREADY = "already"
    """The job already is in the requested state."""
    TOO_LATE = "too late"
    """The job is finished, or about to be."""


class Decision(StrEnum):
    """The decision on an attempt. Values are part of the hashes of stored rows: they must not change."""

    DENIED = "denied"
    TAMPERED = "tampered"
    """A button that this person was never shown here."""
    INVALID = "wrong"
    """An invalid request."""
    FAILED = "failed"
    """The API or the bot failed."""
    SHOWN = "shown"
    PROMPTED = "asked"
    """The confirmation was shown."""
    EXPIRED = "stale"
    """The confirmation expired, or the job changed before its button was pressed."""
    DUPLICATE = "duplicate"
    SUBMITTED = "ordered"
    """Written before the action is submitted; one of the following is written with its result."""
    DONE = "done"
    FINISHED = "over"
    """The job had finished already."""
    EARLY = "early"
    """The job was not in a state for it yet."""
    ALREADY = "already"
    """The job was in the requested state already."""
    REFUSED = "refused"
    """The API rejected it."""
    UNSENT = "unsent"
    """It did not reach the API."""
    UNKNOWN = "unknown"
    """The API did not say, and the job runs on."""


def applicability(action: JobAction, status: str, *, displayed_status: str | None = None) -> Applicability:
    """Return whether an action applies to a job, by its current status and the one that its confirmation showed.

    A job may change between the confirmation and its button. An action that still applies goes through; it needs a new
    confirmation only if the status was known and no longer is.
    """
    applies = _applicability(action, status)
    was_known = displayed_status is not None and phase_of(displayed_status) is not Phase.UNKNOWN
    is_unclear = action is not JobAction.CANCEL and phase_of(status) is Phase.UNKNOWN
    needs_reconfirming = applies is Applicability.APPLICABLE and was_known and is_unclear
    return Applicability.RECONFIRM if needs_reconfirming else applies


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
    """Whether this status shows the result of an unconfirmed action: it took effect, or no longer can."""
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
    """Whether a job in this status finished for another reason before the action arrived."""
    if action is JobAction.CREATE:
        return False
    return is_final(status) and not (action is JobAction.CANCEL and phase_of(status) is Phase.CANCELLED)


def _is_transitioning(action: JobAction, status: str) -> bool:
    return status.lower() == {JobAction.PAUSE: "pausing", JobAction.RESUME: "resuming"}.get(action)
