"""Filter for jobs: which ones a list shows, or a subscription follows and what it tells of them. Pure."""

import json
import re
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Self

from bot.jobs.models import OWNER_KEY, Job
from bot.jobs.statuses import OPEN, canonical_status, is_final

_DATE = re.compile(r"-\d{4}-\d{2}-\d{2}$", re.ASCII)
"""The end of a snapshot's name: https://platform.openai.com/docs/models."""


@dataclass(frozen=True)
class Filter:
    """Conditions that a job must meet; an empty filter takes every job and every change."""

    statuses: tuple[str, ...] = ()
    """Statuses, sorted, as ``states_of`` names them; none: any. A list shows jobs that are in one of them, a subscription
    tells when a job comes to be in one."""
    model: str | None = None
    """The base model, with ``*`` for anything; case does not count. A name without a date stands for its snapshots, too."""
    metadata: tuple[tuple[str, str], ...] = ()
    """Pairs that the job carries, sorted."""
    owner: str | None = None
    """Whose job it is, by Slack user id."""

    def matches(self, job: Job) -> bool:
        """Whether a job meets the conditions, whatever its status is."""
        carried = job.metadata or {}
        return self._matches_model(job.model or "") and all(
            carried.get(key) == value for key, value in self.required_metadata.items()
        )

    @property
    def required_metadata(self) -> dict[str, str]:
        """The metadata that a job must carry, its owner among it."""
        return dict(self.metadata) | ({OWNER_KEY: self.owner} if self.owner else {})

    def _matches_model(self, model: str) -> bool:
        # A job made with "gpt-4o" is one of "gpt-4o-2024-08-06" once the API lists it.
        names = (model.casefold(), _DATE.sub("", model.casefold()))
        return self.model is None or any(fnmatchcase(name, self.model.casefold()) for name in names)

    def to_json(self) -> str:
        """Return what tells this filter from every other."""
        return json.dumps({name: value for name, value in asdict(self).items() if value}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the filter that ``to_json`` wrote."""
        found = json.loads(text)
        pairs = tuple((key, value) for key, value in found.get("metadata", ()))
        statuses = sorted({canonical_status(each) for each in found.get("statuses", ())})
        return cls(tuple(statuses), found.get("model"), pairs, found.get("owner"))


MATCH_ALL = Filter()


def union_of_statuses(status_filters: Iterable[Collection[str]]) -> tuple[str, ...]:
    """Return the statuses that are told where each of these is; none of them is all of them."""
    several = [set(statuses) for statuses in status_filters]
    return tuple(sorted(set[str]().union(*several))) if all(several) else ()


def matches_status(status: str, statuses: Collection[str]) -> bool:
    """Whether a status is one of these; none is any."""
    if not statuses or (OPEN in statuses and not is_final(status)):
        return True
    return canonical_status(status) in map(canonical_status, statuses)
