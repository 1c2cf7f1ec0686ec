"""What a job's status means. Providers add words while we sleep: an unknown one is shown as it is, and is not final.

The words are those of the OpenAI specification and of the providers in its shape (Azure, gateways).
"""

from enum import StrEnum

UNKNOWN = "unknown"
"""The status of a read that did not say one."""


class Phase(StrEnum):
    """Where in its life a job is."""

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
_PHASE_BY_STATUS = {word: phase for phase, words in _STATUSES_BY_PHASE.items() for word in words.split()}
INITIAL_STATUSES = frozenset({"created", "validating_files"})
_PAUSE_TRANSITIONS = frozenset({"pausing", "resuming"})
_ANY_RANK = 9
ACTIVE_STATUSES = frozenset(_STATUSES_BY_PHASE[Phase.ACTIVE].split())
SUCCEEDED_STATUSES = frozenset(_STATUSES_BY_PHASE[Phase.SUCCEEDED].split())
FINAL_PHASES = frozenset({Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED})
FINAL_STATUSES = frozenset(word for word, phase in _PHASE_BY_STATUS.items() if phase in FINAL_PHASES)
KNOWN_STATUSES = frozenset(_PHASE_BY_STATUS)
"""Every status that some provider has."""
ANY_STATUS = "all"
OPEN = "active"
_FINAL_VALUES = frozenset(phase.value for phase in FINAL_PHASES)
_STATUS_GROUPS = dict.fromkeys(("finished", "done", "ended"), _FINAL_VALUES) | dict.fromkeys(
    (OPEN, "open"), frozenset({OPEN})
)
"""What people call several statuses at once."""
_ALIASES = {"validating": "validating_files", "complete": "completed"}
STATUS_WORDS = (ANY_STATUS, *_STATUS_GROUPS, *_PHASE_BY_STATUS)
"""Every word that ``states_of`` knows by its usual spelling."""
_SPELLINGS = {"canceling": "cancelling"}


def phase_of(status: str) -> Phase:
    """Return the phase that a provider's status word stands for, whatever its case."""
    return _PHASE_BY_STATUS.get(_normalized(status), Phase.UNKNOWN)


def canonical_status(status: str) -> str:
    """Return the one spelling of a status: its phase where that is an end, for which providers have many words."""
    phase, plain = phase_of(status), _normalized(status)
    return phase.value if phase in FINAL_PHASES else _SPELLINGS.get(plain, plain)


def parse_status_filter(word: str) -> frozenset[str] | None:
    """Return the statuses that somebody means by a word, as ``settled_word`` spells them; None for no word of ours.

    None at all is any of them. ``OPEN`` among them stands for every status that is not final, also one that we don't know.
    """
    plain = _normalized(word.casefold().replace("-", "_"))
    plain = _ALIASES.get(plain, plain)
    if plain == ANY_STATUS:
        return frozenset()
    if plain in _STATUS_GROUPS:
        return _STATUS_GROUPS[plain]
    return frozenset({canonical_status(plain)}) if plain in KNOWN_STATUSES else None


def is_backward(before: str, after: str) -> bool:
    """Whether a job cannot go from one status to another, so that a read which says so may be stale.

    What is over stays so, and what runs does not wait again unless it was held. Words that we do not know go anywhere.
    """
    if is_final(before):
        return True
    if _normalized(before) in _PAUSE_TRANSITIONS or phase_of(before) in (Phase.HELD, Phase.UNKNOWN):
        return False
    return _rank(after) < _rank(before)


def _rank(status: str) -> int:
    """Return how far on in its life a job is; what can come at any time is behind nothing."""
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
    """Whether a job with this status is over; never for a word that we do not know."""
    return phase_of(status) in FINAL_PHASES
