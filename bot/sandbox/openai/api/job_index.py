"""Job index: jobs by id, project and age."""

from collections.abc import Iterator

from bot.sandbox.openai.api.wire import JsonObject, job_not_found, unknown_cursor


class JobIndex:
    """Every job with its project, in the order of creation."""

    def __init__(self) -> None:
        self.by_id: dict[str, JsonObject] = {}
        """The jobs as they are now; one that is deleted here is unknown to the API."""
        self._creation_order: list[str] = []
        self._positions: dict[str, int] = {}
        self._projects: dict[str, str] = {}
        self._newest_created_at = 0

    def add(self, job: JsonObject, project: str) -> None:
        """Add a job; its ``created_at`` becomes at least that of the job before it."""
        job_id = job["id"]
        self._newest_created_at = max(self._newest_created_at, job["created_at"])
        self.by_id[job_id] = job | {"created_at": self._newest_created_at}
        self._positions[job_id] = len(self._creation_order)
        self._creation_order.append(job_id)
        self._projects[job_id] = project

    def get(self, job_id: str, project: str) -> JsonObject:
        """Return one job.

        Raises:
            ApiError: there is none, or it belongs to another project.
        """
        job = self.by_id.get(job_id)
        if job is None or self._projects[job_id] != project:
            raise job_not_found(job_id)
        return job

    def newest_first(self, project: str, after: str | None = None) -> Iterator[JsonObject]:
        """Yield the jobs of ``project`` that are older than ``after``, lazily.

        Raises:
            ApiError: ``after`` is not a job of this project.
        """
        if after is not None and (after not in self.by_id or self._projects[after] != project):
            raise unknown_cursor(after)
        start = self._positions[after] if after else len(self._creation_order)
        older = (self._creation_order[position] for position in range(start - 1, -1, -1))
        return (self.by_id[job_id] for job_id in older if job_id in self.by_id and self._projects[job_id] == project)
