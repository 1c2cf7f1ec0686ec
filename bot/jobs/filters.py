"""What a subscription waits for: which jobs, and what of them. Pure."""

import json
from collections.abc import Collection, Iterable
from dataclasses import asdict, dataclass
from fnmatch import fnmatchcase
from typing import Self

from bot.jobs.models import OWNER, Job
from bot.jobs.statuses import settled_word


@dataclass(frozen=True)
class Filter:
    """What all has to be so of a job; an empty one takes every job and every change."""

    statuses: tuple[str, ...] = ()
    """The statuses whose coming is told, sorted, as ``settled_word`` spells them; none: every change is."""
    model: str | None = None
    """The base model, with ``*`` for anything; case does not count."""
    metadata: tuple[tuple[str, str], ...] = ()
    """Pairs that the job carries, sorted."""
    owner: str | None = None
    """Whose job it is, by Slack user id."""

    def takes(self, job: Job) -> bool:
        """Whether a job is one of those that are waited for."""
        carried = job.metadata or {}
        wanted = dict(self.metadata) | ({OWNER: self.owner} if self.owner else {})
        return self._takes_model(job.model or "") and all(carried.get(key) == value for key, value in wanted.items())

    def _takes_model(self, model: str) -> bool:
        return self.model is None or fnmatchcase(model.casefold(), self.model.casefold())

    def to_json(self) -> str:
        """Return what tells this filter from every other."""
        return json.dumps({name: value for name, value in asdict(self).items() if value}, sort_keys=True)

    @classmethod
    def from_json(cls, text: str) -> Self:
        """Return the filter that ``to_json`` wrote."""
        found = json.loads(text)
        pairs = tuple((key, value) for key, value in found.get("metadata", ()))
        return cls(tuple(found.get("statuses", ())), found.get("model"), pairs, found.get("owner"))


EVERYTHING = Filter()


def union(told: Iterable[Collection[str]]) -> tuple[str, ...]:
    """Return the statuses that are told where each of these is; none of them is all of them."""
    several = [set(statuses) for statuses in told]
    return tuple(sorted(set[str]().union(*several))) if all(several) else ()


def waits_for(status: str, statuses: Collection[str]) -> bool:
    """Whether the coming of a status is told where these are."""
    return not statuses or settled_word(status) in statuses
