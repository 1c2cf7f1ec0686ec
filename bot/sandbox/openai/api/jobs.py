"""The endpoints under /fine_tuning/jobs."""

from collections.abc import Mapping

from bot.sandbox.openai.api.methods import method_fields
from bot.sandbox.openai.api.orders import validate_creation
from bot.sandbox.openai.api.shelf import FilesAndModels, snapshot_of
from bot.sandbox.openai.api.state import FINAL, JobStore
from bot.sandbox.openai.api.wire import (
    ApiRequest,
    JsonObject,
    invalid_state,
    items_after,
    page,
    page_with_ids,
    require_object,
    training_not_available,
)
from bot.sandbox.openai.scenarios import Scenario


class JobsApi:
    """Answers questions about jobs and takes orders for them."""

    def __init__(self, jobs: JobStore, shelf: FilesAndModels) -> None:
        self._jobs, self._shelf = jobs, shelf
        self.scenario_of_created: Scenario | None = None
        """The life of every job that is created over HTTP; None: it waits for orders, ``validating_files``."""
        self.accepts_jobs = True
        """Whether the organisation may still train; OpenAI is winding that down."""

    def list_jobs(self, ask: ApiRequest) -> JsonObject:
        """GET /fine_tuning/jobs."""
        limit = ask.limit(20)
        jobs = self._jobs.newest_first(ask.project, ask.query.get("after"))
        wanted = _wanted_metadata(ask.query)
        return page((job for job in jobs if _fits(job.get("metadata"), wanted)), limit)

    def create(self, ask: ApiRequest) -> JsonObject:
        """POST /fine_tuning/jobs."""
        body = require_object(ask.body)
        if not self.accepts_jobs:
            raise training_not_available()
        validate_creation(body, self._shelf)
        fields = {name: body[name] for name in _COPIED if body.get(name) is not None}
        fields |= method_fields(body)
        if body.get("suffix"):
            fields["user_provided_suffix"] = body["suffix"]
        job_id = self._jobs.add(
            status="validating_files",
            model=snapshot_of(body["model"]),
            scenario=self.scenario_of_created,
            project=ask.project,
            **fields,
        )
        return self._jobs.by_id[job_id]

    def retrieve(self, ask: ApiRequest) -> JsonObject:
        """GET /fine_tuning/jobs/{id}."""
        return self._jobs.get(ask.id, ask.project)

    def cancel(self, ask: ApiRequest) -> JsonObject:
        """POST /fine_tuning/jobs/{id}/cancel: allowed until the job is over."""
        if self.retrieve(ask)["status"] in FINAL:
            raise invalid_state()
        return self._jobs.change(ask.id, {"status": "cancelled"})

    def pause(self, ask: ApiRequest) -> JsonObject:
        """POST /fine_tuning/jobs/{id}/pause: allowed while the job runs."""
        if self.retrieve(ask)["status"] != "running":
            raise invalid_state()
        return self._jobs.change(ask.id, {"status": "paused"})

    def resume(self, ask: ApiRequest) -> JsonObject:
        """POST /fine_tuning/jobs/{id}/resume: a paused job is queued again."""
        if self.retrieve(ask)["status"] != "paused":
            raise invalid_state()
        return self._jobs.change(ask.id, {"status": "queued"})

    def events(self, ask: ApiRequest) -> JsonObject:
        """GET /fine_tuning/jobs/{id}/events."""
        self.retrieve(ask)
        return page(items_after(self._jobs.events(ask.id), ask.query.get("after")), ask.limit(20))

    def checkpoints(self, ask: ApiRequest) -> JsonObject:
        """GET /fine_tuning/jobs/{id}/checkpoints."""
        self.retrieve(ask)
        return page_with_ids(items_after(self._jobs.checkpoints(ask.id), ask.query.get("after")), ask.limit(10))


_COPIED = ("training_file", "validation_file", "integrations", "seed", "metadata")


def _wanted_metadata(query: Mapping[str, str]) -> Mapping[str, str] | None:
    """Return the pairs that a job must carry; None: only jobs without metadata are wanted."""
    if query.get("metadata") == "null":
        return None
    prefix, end = "metadata[", "]"
    names = [name for name in query if name.startswith(prefix) and name.endswith(end)]
    return {name[len(prefix) : -len(end)]: query[name] for name in names}


def _fits(metadata: Mapping[str, str] | None, wanted: Mapping[str, str] | None) -> bool:
    if wanted is None:
        return not metadata
    return wanted.items() <= (metadata or {}).items()
