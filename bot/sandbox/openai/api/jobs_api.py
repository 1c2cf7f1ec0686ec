"""Endpoints under /fine_tuning/jobs."""

from collections.abc import Mapping

from bot.sandbox.openai.api.creation_rules import validate_creation
from bot.sandbox.openai.api.files_and_models import FilesAndModels, snapshot_of
from bot.sandbox.openai.api.job_store import FINAL, JobStore
from bot.sandbox.openai.api.training_methods import method_fields
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
    """Lists, creates and changes jobs."""

    def __init__(self, jobs: JobStore, files_and_models: FilesAndModels) -> None:
        self._jobs, self._files_and_models = jobs, files_and_models
        self.scenario_of_created: Scenario | None = None
        """Scenario of every job that is created over HTTP; None leaves it at ``validating_files``."""
        self.accepts_jobs = True
        """Whether the organization may still create jobs; OpenAI is winding that down."""

    def list_jobs(self, request: ApiRequest) -> JsonObject:
        """GET /fine_tuning/jobs."""
        limit = request.limit(20)
        jobs = self._jobs.index.newest_first(request.project, request.query.get("after"))
        required = _required_metadata(request.query)
        return page((job for job in jobs if _matches(job.get("metadata"), required)), limit)

    def create(self, request: ApiRequest) -> JsonObject:
        """POST /fine_tuning/jobs."""
        body = require_object(request.body)
        if not self.accepts_jobs:
            raise training_not_available()
        validate_creation(body, self._files_and_models)
        fields = {name: body[name] for name in _COPIED_FIELDS if body.get(name) is not None}
        fields |= method_fields(body)
        if body.get("suffix"):
            fields["user_provided_suffix"] = body["suffix"]
        job_id = self._jobs.add(
            status="validating_files",
            model=snapshot_of(body["model"]),
            scenario=self.scenario_of_created,
            project=request.project,
            **fields,
        )
        return self._jobs.index.by_id[job_id]

    def retrieve(self, request: ApiRequest) -> JsonObject:
        """GET /fine_tuning/jobs/{id}."""
        return self._jobs.index.get(request.id, request.project)

    def cancel(self, request: ApiRequest) -> JsonObject:
        """POST /fine_tuning/jobs/{id}/cancel: allowed until the job is over."""
        if self.retrieve(request)["status"] in FINAL:
            raise invalid_state()
        return self._jobs.change(request.id, {"status": "cancelled"})

    def pause(self, request: ApiRequest) -> JsonObject:
        """POST /fine_tuning/jobs/{id}/pause: allowed while the job runs."""
        if self.retrieve(request)["status"] != "running":
            raise invalid_state()
        return self._jobs.change(request.id, {"status": "paused"})

    def resume(self, request: ApiRequest) -> JsonObject:
        """POST /fine_tuning/jobs/{id}/resume: a paused job is queued again."""
        if self.retrieve(request)["status"] != "paused":
            raise invalid_state()
        return self._jobs.change(request.id, {"status": "queued"})

    def events(self, request: ApiRequest) -> JsonObject:
        """GET /fine_tuning/jobs/{id}/events."""
        self.retrieve(request)
        return page(items_after(self._jobs.log.events(request.id), request.query.get("after")), request.limit(20))

    def checkpoints(self, request: ApiRequest) -> JsonObject:
        """GET /fine_tuning/jobs/{id}/checkpoints."""
        self.retrieve(request)
        return page_with_ids(
            items_after(self._jobs.log.checkpoints(request.id), request.query.get("after")), request.limit(10)
        )


_COPIED_FIELDS = ("training_file", "validation_file", "integrations", "seed", "metadata")


def _required_metadata(query: Mapping[str, str]) -> Mapping[str, str] | None:
    """Return the metadata pairs that a job must have, None for jobs without metadata."""
    if query.get("metadata") == "null":
        return None
    prefix, end = "metadata[", "]"
    names = [name for name in query if name.startswith(prefix) and name.endswith(end)]
    return {name[len(prefix) : -len(end)]: query[name] for name in names}


def _matches(metadata: Mapping[str, str] | None, required: Mapping[str, str] | None) -> bool:
    if required is None:
        return not metadata
    return required.items() <= (metadata or {}).items()
