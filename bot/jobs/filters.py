"""Filters for jobs: which ones a list shows, or a subscription tracks and for which statuses it alerts. Pure."""

import json
import re
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Self

from bot.jobs.models import OWNER_KEY, Job
from bot.jobs.statuses import OPEN, canonical_status, is_final

_DATE = re.compile(r"-\d{4}-\d{2}-\d{2}$", re.ASCII)
"""Suffix of a dated model snapshot: https://platform.openai.com/docs/models."""


@dataclass(frozen=True)
class Filter:
    """Conditions a job must meet. An empty filter matches every job and every change."""

    statuses: tuple[str, ...] = ()
    """Sorted statuses as of ``parse_status_filter``; empty for any. A list shows jobs in one of them, a subscription alerts
    when a job enters one."""
    model: str | None = None
    """Base model, ``*`` matches anything; case does not count. A name without a date matches its dated snapshots, too."""
    metadata: tuple[tuple[str, str], ...] = ()
    """Sorted pairs that the job must have."""
    owner: str | None = None
    """Slack user ID of the job's owner."""

    def matches(self, job: Job) -> bool:
        """Whether a job meets the conditions, leaving its status aside."""
        metadata = job.metadata or {}
        return self._matches_model(job.model or "") and all(
            metadata.get(key) == value for key, value in self.required_metadata.items()
        )

    @property
    def required_metadata(self) -> dict[str, str]:
        """The metadata that a job must have, including its owner."""
        return dict(self.metadata) | ({OWNER_KEY: self.owner} if self.owner else {})

    def _matches_model(self, model: str) -> bool:
        # A job created with "gpt-4o" is listed with "gpt-4o-2024-08-06".
        names = (model.casefold(), _DATE.sub("", model.casefold()))
        return self.model is None or any(fnmatchcase(name, self.model.casefold()) for name in names)

    def to_json(self) -> str:
        """Return JSON that is the same for equal filters only."""
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
    """Return the statuses that any of these filters matches; an empty one matches all, so that the union is empty."""
    several = [set(statuses) for statuses in status_filters]
    return tuple(sorted(set[str]().union(*several))) if all(several) else ()


def matches_status(status: str, statuses: Collection[str]) -> bool:
    """Whether a status is one of these; an empty collection matches any."""
    if not statuses or (OPEN in statuses and not is_final(status)):
        return True
    return canonical_status(status) in map(canonical_status, statuses)
