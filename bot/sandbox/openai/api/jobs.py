"""The endpoints under /fine_tuning/jobs."""

from collections.abc import Mapping

from bot.sandbox.openai.api.methods import method_of
from bot.sandbox.openai.api.orders import check_creation
from bot.sandbox.openai.api.shelf import Shelf, snapshot_of
from bot.sandbox.openai.api.state import FINAL, Jobs
from bot.sandbox.openai.api.wire import (
    Ask,
    Shape,
    following,
    object_of,
    page,
    page_with_ids,
    training_not_available,
    wrong_state,
)
from bot.sandbox.openai.scenarios import Life


class JobDesk:
    """Answers questions about jobs and takes orders for them."""

    def __init__(self, jobs: Jobs, shelf: Shelf) -> None:
        self._jobs, self._shelf = jobs, shelf
        self.life_of_created: Life | None = None
        """The life of every job that is created over HTTP; None: it waits for orders, ``validating_files``."""
        self.takes_jobs = True
        """Whether the organisation may still train; OpenAI is winding that down."""

    def list_jobs(self, ask: Ask) -> Shape:
        """GET /fine_tuning/jobs."""
        limit = ask.limit(20)
        jobs = self._jobs.newest_first(ask.project, ask.query.get("after"))
        wanted = _wanted_metadata(ask.query)
        return page((job for job in jobs if _fits(job.get("metadata"), wanted)), limit)

    def create(self, ask: Ask) -> Shape:
        """POST /fine_tuning/jobs."""
        body = object_of(ask.body)
        if not self.takes_jobs:
            raise training_not_available()
        check_creation(body, self._shelf)
        fields = {name: body[name] for name in _COPIED if body.get(name) is not None}
        fields |= method_of(body)
        if body.get("suffix"):
            fields["user_provided_suffix"] = body["suffix"]
        job_id = self._jobs.add(
            status="validating_files",
            model=snapshot_of(body["model"]),
            life=self.life_of_created,
            project=ask.project,
            **fields,
        )
        return self._jobs.by_id[job_id]

    def retrieve(self, ask: Ask) -> Shape:
        """GET /fine_tuning/jobs/{id}."""
        return self._jobs.get(ask.id, ask.project)

    def cancel(self, ask: Ask) -> Shape:
        """POST /fine_tuning/jobs/{id}/cancel: allowed until the job is over."""
        if self.retrieve(ask)["status"] in FINAL:
            raise wrong_state()
        return self._jobs.change(ask.id, {"status": "cancelled"})

    def pause(self, ask: Ask) -> Shape:
        """POST /fine_tuning/jobs/{id}/pause: allowed while the job runs."""
        if self.retrieve(ask)["status"] != "running":
            raise wrong_state()
        return self._jobs.change(ask.id, {"status": "paused"})

    def resume(self, ask: Ask) -> Shape:
        """POST /fine_tuning/jobs/{id}/resume: a paused job is queued again."""
        if self.retrieve(ask)["status"] != "paused":
            raise wrong_state()
        return self._jobs.change(ask.id, {"status": "queued"})

    def events(self, ask: Ask) -> Shape:
        """GET /fine_tuning/jobs/{id}/events."""
        self.retrieve(ask)
        return page(following(self._jobs.events(ask.id), ask.query.get("after")), ask.limit(20))

    def checkpoints(self, ask: Ask) -> Shape:
        """GET /fine_tuning/jobs/{id}/checkpoints."""
        self.retrieve(ask)
        return page_with_ids(following(self._jobs.checkpoints(ask.id), ask.query.get("after")), ask.limit(10))


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
