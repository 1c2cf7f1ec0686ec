"""Job statuses and the phase that each stands for. Pure.

The words are those of the OpenAI specification and of compatible providers. Providers may add more: an unknown status is
shown as it is, and is not final.
"""

from enum import StrEnum

UNKNOWN = "unknown"
"""The status of a read that did not name one."""


class Phase(StrEnum):
    """Phase of a job's life cycle."""

    WAITING = "waiting"
    ACTIVE = "active"
    HELD = "held"
    SUCCEEDED = "succeeded"
    FAILED = "failed"
    CANCELLED = "cancelled"
    UNKNOWN = "unknown"


_STATUSES_BY_PHASE = {
    Phase.WAITING: "created pending notrunning queued validating_files scheduled",
    Phase.ACTIVE: "running compressing uploading pausing resuming cancelling canceling cancel_requested",
    Phase.HELD: "paused",
    Phase.SUCCEEDED: "succeeded completed success",
    Phase.FAILED: "failed error failed_validation user_error expired",
    Phase.CANCELLED: "cancelled canceled stopped deleted",
}
_PHASE_BY_STATUS = {status: phase for phase, statuses in _STATUSES_BY_PHASE.items() for status in statuses.split()}
INITIAL_STATUSES = frozenset({"created", "validating_files"})
_PAUSE_TRANSITIONS = frozenset({"pausing", "resuming"})
_ANY_RANK = 9
ACTIVE_STATUSES = frozenset(_STATUSES_BY_PHASE[Phase.ACTIVE].split())
SUCCEEDED_STATUSES = frozenset(_STATUSES_BY_PHASE[Phase.SUCCEEDED].split())
FINAL_PHASES = frozenset({Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED})
FINAL_STATUSES = frozenset(status for status, phase in _PHASE_BY_STATUS.items() if phase in FINAL_PHASES)
KNOWN_STATUSES = frozenset(_PHASE_BY_STATUS)
"""Every status of a known provider."""
ANY_STATUS = "all"
OPEN = "active"
_FINAL_VALUES = frozenset(phase.value for phase in FINAL_PHASES)
_STATUS_GROUPS = dict.fromkeys(("finished", "done", "ended"), _FINAL_VALUES) | dict.fromkeys(
    (OPEN, "open"), frozenset({OPEN})
)
"""Words that users type for several statuses at once."""
_ALIASES = {"validating": "validating_files", "complete": "completed"}
STATUS_WORDS = (ANY_STATUS, *_STATUS_GROUPS, *_PHASE_BY_STATUS)
"""Every word that ``parse_status_filter`` knows, in its usual spelling."""
_SPELLINGS = {"canceling": "cancelling"}


def phase_of(status: str) -> Phase:
    """Return the phase of a status; case does not count."""
    return _PHASE_BY_STATUS.get(_normalized(status), Phase.UNKNOWN)


def canonical_status(status: str) -> str:
    """Return the one spelling of a status: for a final one its phase, since providers have many words for it."""
    phase, normalized = phase_of(status), _normalized(status)
    return phase.value if phase in FINAL_PHASES else _SPELLINGS.get(normalized, normalized)


def parse_status_filter(word: str) -> frozenset[str] | None:
    """Return the statuses that a typed word stands for, in canonical spelling; None for an unknown word.

    An empty set matches any status. ``OPEN`` in the set matches every status that is not final, unknown ones included.
    """
    normalized = _normalized(word.casefold().replace("-", "_"))
    normalized = _ALIASES.get(normalized, normalized)
    if normalized == ANY_STATUS:
        return frozenset()
    if normalized in _STATUS_GROUPS:
        return _STATUS_GROUPS[normalized]
    return frozenset({canonical_status(normalized)}) if normalized in KNOWN_STATUSES else None


def is_backward(before: str, after: str) -> bool:
    """Whether a job cannot go from one status to another, so that the read may be stale.

    A finished job stays finished, and a running one does not wait again unless it was paused. An unknown status may
    follow and precede any other.
    """
    if is_final(before):
        return True
    if _normalized(before) in _PAUSE_TRANSITIONS or phase_of(before) in (Phase.HELD, Phase.UNKNOWN):
        return False
    return _rank(after) < _rank(before)


def _rank(status: str) -> int:
    """Return the position of a status in the life cycle; one that can come at any time ranks last."""
    match phase_of(status):
        case Phase.WAITING:
            return 0 if _normalized(status) in INITIAL_STATUSES else 1
        case Phase.ACTIVE:
            return 2
        case Phase.HELD | Phase.UNKNOWN:
            return _ANY_RANK
    return 3


def _normalized(status: str) -> str:
    return status.lower().removeprefix("job_state_")


def is_final(status: str) -> bool:
    """Whether a job in this status is finished; False for an unknown status."""
    return phase_of(status) in FINAL_PHASES
