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


_WORDS = {
    Phase.WAITING: "created pending notrunning queued validating_files scheduled",
    Phase.ACTIVE: "running compressing uploading pausing resuming cancelling canceling cancel_requested",
    Phase.HELD: "paused",
    Phase.SUCCEEDED: "succeeded completed success",
    Phase.FAILED: "failed error failed_validation user_error expired",
    Phase.CANCELLED: "cancelled canceled stopped deleted",
}
_PHASES = {word: phase for phase, words in _WORDS.items() for word in words.split()}
AT_THE_BEGINNING = frozenset({"created", "validating_files"})
_ON_THE_WAY_BACK = frozenset({"pausing", "resuming"})
_ANYWHERE = 9
ACTIVE_WORDS = frozenset(_WORDS[Phase.ACTIVE].split())
SUCCEEDED_WORDS = frozenset(_WORDS[Phase.SUCCEEDED].split())
FINAL_PHASES = frozenset({Phase.SUCCEEDED, Phase.FAILED, Phase.CANCELLED})
FINAL_WORDS = frozenset(word for word, phase in _PHASES.items() if phase in FINAL_PHASES)
KNOWN_WORDS = frozenset(_PHASES)
"""Every status that some provider has."""
EVERY = "all"
OPEN = "active"
_ENDS = frozenset(phase.value for phase in FINAL_PHASES)
_GROUPS = dict.fromkeys(("finished", "done", "ended"), _ENDS) | dict.fromkeys((OPEN, "open"), frozenset({OPEN}))
"""What people call several statuses at once."""
_MEANT = {"validating": "validating_files", "complete": "completed"}
STATE_WORDS = (EVERY, *_GROUPS, *_PHASES)
"""Every word that ``states_of`` knows by its usual spelling."""
_TWO_SPELLINGS = {"canceling": "cancelling"}


def phase_of(status: str) -> Phase:
    """Return the phase that a provider's status word stands for, whatever its case."""
    return _PHASES.get(_plain(status), Phase.UNKNOWN)


def settled_word(status: str) -> str:
    """Return the one spelling of a status: its phase where that is an end, for which providers have many words."""
    phase, plain = phase_of(status), _plain(status)
    return phase.value if phase in FINAL_PHASES else _TWO_SPELLINGS.get(plain, plain)


def states_of(word: str) -> frozenset[str] | None:
    """Return the statuses that somebody means by a word, as ``settled_word`` spells them; None for no word of ours.

    None at all is any of them. ``OPEN`` among them stands for every status that is not final, also one that we don't know.
    """
    plain = _plain(word.casefold().replace("-", "_"))
    plain = _MEANT.get(plain, plain)
    if plain == EVERY:
        return frozenset()
    if plain in _GROUPS:
        return _GROUPS[plain]
    return frozenset({settled_word(plain)}) if plain in KNOWN_WORDS else None


def is_backward(before: str, after: str) -> bool:
    """Whether a job cannot go from one status to another, so that a read which says so may be stale.

    What is over stays so, and what runs does not wait again unless it was held. Words that we do not know go anywhere.
    """
    if is_final(before):
        return True
    if _plain(before) in _ON_THE_WAY_BACK or phase_of(before) in (Phase.HELD, Phase.UNKNOWN):
        return False
    return _place(after) < _place(before)


def _place(status: str) -> int:
    """Return how far on in its life a job is; what can come at any time is behind nothing."""
    match phase_of(status):
        case Phase.WAITING:
            return 0 if _plain(status) in AT_THE_BEGINNING else 1
        case Phase.ACTIVE:
            return 2
        case Phase.HELD | Phase.UNKNOWN:
            return _ANYWHERE
    return 3


def _plain(status: str) -> str:
    return status.lower().removeprefix("job_state_")


def is_final(status: str) -> bool:
    """Whether a job with this status is over; never for a word that we do not know."""
    return phase_of(status) in FINAL_PHASES
