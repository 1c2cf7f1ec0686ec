"""Documents of jobs: what one response of an API, or one call of a trainer, says of a job. Pure."""

import hashlib
import json
from dataclasses import dataclass
from enum import Enum, auto
from functools import cached_property
from typing import Any

from bot.jobs.changes import ChangeKind
from bot.jobs.models import Job, Snapshot
from bot.store.jobs.changes import serialize


class RunStart(Enum):
    """How a run became the newest one of its job."""

    NEW = auto()
    AGAIN = auto()
    """It had been before, and was announced then: runs are ordered by estimates, which calls that come late correct."""


@dataclass(frozen=True)
class Pushed:
    """What a call of a trainer says beside the state of its job, which counts at once: no stale replica is behind it."""

    start: RunStart | None = None
    """Set if another run than before is the newest one."""
    recovery: ChangeKind | None = None
    """The change by which a stalled job recovers, if its state stays the same."""


@dataclass(frozen=True)
class JobDocument:
    """A job as one API response describes it; what is derived from the response is computed once."""

    snapshot: Snapshot
    body: dict[str, Any]
    pushed: Pushed | None = None
    """Set if a call of a trainer describes it, not a response."""

    @cached_property
    def serialized(self) -> str:
        """The body as it is stored."""
        return serialize(self.body)

    @cached_property
    def job(self) -> Job:
        """The job in full, without secrets."""
        return Job.model_validate(json.loads(self.serialized))

    @cached_property
    def body_hash(self) -> str:
        """The hash of the body, by which changed descriptions are noticed."""
        return body_hash_of(self.body)


def body_hash_of(body: dict[str, Any]) -> str:
    """Return the hash of a job's description."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:32]
