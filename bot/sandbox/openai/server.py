"""Stand-in for OpenAI's fine-tuning API: the same contract, stateful, and as strict as the service."""

import time
from types import TracebackType
from typing import Any, ClassVar, Unpack

from aiohttp import web
from aiohttp.typedefs import Handler
from typing_extensions import override

from bot.sandbox.openai.api import graders
from bot.sandbox.openai.api.files_and_models_api import FilesAndModelsApi
from bot.sandbox.openai.api.job_store import MODEL, PROJECT
from bot.sandbox.openai.api.jobs_api import JobsApi
from bot.sandbox.openai.api.keys import (
    FILES_READ,
    JOBS_READ,
    JOBS_WRITE,
    MODELS_READ,
    MODELS_WRITE,
    PERMISSIONS,
)
from bot.sandbox.openai.api.permissions_api import PermissionsApi
from bot.sandbox.openai.api.webhooks import WebhookSender
from bot.sandbox.openai.api.wire import JsonObject
from bot.sandbox.openai.jobs_server import JobsServer, Route, ServerOptions
from bot.sandbox.openai.scenarios import Scenario


class FineTuningApi(JobsServer):
    """API server with one account; start it with ``async with``."""

    id_header: ClassVar[str] = "x-request-id"

    def __init__(self, **options: Unpack[ServerOptions]) -> None:
        """Start without jobs."""
        super().__init__(**options)
        self._jobs_api = JobsApi(self._jobs, self._files_and_models)
        self._webhooks: list[WebhookSender] = []
        self._add_routes()

    @property
    def files(self) -> dict[str, JsonObject]:
        """Every file, by id."""
        return self._files_and_models.files

    @property
    def models(self) -> dict[str, JsonObject]:
        """Every model, by id: bases, fine-tuned ones and checkpoints."""
        return self._files_and_models.models

    @property
    def training_file(self) -> str:
        """Id of a valid training file."""
        return self._files_and_models.training_file

    @property
    def validation_file(self) -> str:
        """Id of a valid validation file."""
        return self._files_and_models.validation_file

    def add_webhook(self, url: str, secret: str) -> WebhookSender:
        """Send a webhook to ``url`` for each job that ends from now on."""
        webhooks = WebhookSender(url, secret, self._clock)
        self._webhooks.append(webhooks)
        self._jobs.on_end.append(webhooks.send_job_end)
        return webhooks

    @override
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for webhooks in self._webhooks:
            await webhooks.close()
        await super().__aexit__(kind, error, trace)

    def stop_accepting_jobs(self) -> None:
        """Reject the creation of jobs from now on."""
        self._jobs_api.accepts_jobs = False

    @property
    def scenario_of_created(self) -> Scenario | None:
        """Scenario of every job that is created over HTTP; None leaves it as it is created."""
        return self._jobs_api.scenario_of_created

    @scenario_of_created.setter
    def scenario_of_created(self, scenario: Scenario | None) -> None:
        self._jobs_api.scenario_of_created = scenario

    def add_job(
        self,
        *,
        status: str = "queued",
        model: str = MODEL,
        scenario: Scenario | None = None,
        project: str = PROJECT,
        **fields: Any,
    ) -> str:
        """Create a job and return its id; a ``scenario`` determines its status from the start."""
        job_id = self._jobs.add(status=status, model=model, scenario=scenario, project=project, **fields)
        self.request_log.notify_waiters()
        return job_id

    def change(self, job_id: str, **fields: Any) -> None:
        """Set fields of a job; a new status is logged, sets the timestamps, and ends or pauses the job's scenario."""
        self._jobs.advance()
        self._jobs.change(job_id, fields)
        self.request_log.notify_waiters()

    def add_event(
        self,
        job_id: str,
        message: str,
        *,
        level: str = "info",
        type: str = "message",  # noqa: A002 - the field's own name
        data: Any = None,
    ) -> None:
        """Append an event to a job's log."""
        self._jobs.log.add_event(job_id, message, level=level, type_=type, data=data)
        self.request_log.notify_waiters()

    def add_checkpoint(self, job_id: str, step: int, **metrics: float) -> str:
        """Save a checkpoint and return its model's name."""
        checkpoint = self._jobs.add_checkpoint(job_id, step, metrics)
        self.request_log.notify_waiters()
        return str(checkpoint["fine_tuned_model_checkpoint"])

    def add_file(self, content: bytes, *, filename: str = "data.jsonl", purpose: str = "fine-tune") -> str:
        """Store a file and return its id."""
        return self._files_and_models.add_file(content, filename=filename, purpose=purpose)

    def _add_routes(self) -> None:
        jobs, files_and_models = self._jobs_api, FilesAndModelsApi(self._files_and_models)
        permissions = PermissionsApi(self._files_and_models, self._ids, self._clock)
        job, of_checkpoint = "/fine_tuning/jobs/{id}", "/fine_tuning/checkpoints/{id}/permissions"
        routes: list[Route] = [
            ("GET", "/fine_tuning/jobs", JOBS_READ, jobs.list_jobs),
            ("POST", "/fine_tuning/jobs", JOBS_WRITE, jobs.create),
            ("GET", job, JOBS_READ, jobs.retrieve),
            ("POST", f"{job}/cancel", JOBS_WRITE, jobs.cancel),
            ("POST", f"{job}/pause", JOBS_WRITE, jobs.pause),
            ("POST", f"{job}/resume", JOBS_WRITE, jobs.resume),
            ("GET", f"{job}/events", JOBS_READ, jobs.events),
            ("GET", f"{job}/checkpoints", JOBS_READ, jobs.checkpoints),
            ("GET", of_checkpoint, PERMISSIONS, permissions.list_permissions),
            ("POST", of_checkpoint, PERMISSIONS, permissions.create),
            ("DELETE", f"{of_checkpoint}/{{permission_id}}", PERMISSIONS, permissions.delete),
            ("POST", "/fine_tuning/alpha/graders/validate", JOBS_WRITE, graders.validate),
            ("POST", "/fine_tuning/alpha/graders/run", JOBS_WRITE, graders.run),
            ("GET", "/files", FILES_READ, files_and_models.list_files),
            ("GET", "/files/{id}", FILES_READ, files_and_models.retrieve_file),
            ("GET", "/files/{id}/content", FILES_READ, files_and_models.file_content),
            ("GET", "/models", MODELS_READ, files_and_models.list_models),
            ("GET", "/models/{id}", MODELS_READ, files_and_models.retrieve_model),
            ("DELETE", "/models/{id}", MODELS_WRITE, files_and_models.delete_model),
        ]
        self.add_routes(routes)
        self.app.middlewares.append(self._add_headers)

    @web.middleware
    async def _add_headers(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        started = time.perf_counter()
        response = await handler(request)
        response.headers.setdefault(self.id_header, f"req_{self._ids.hexadecimal(32)}")
        response.headers.setdefault("openai-version", "2020-10-01")
        response.headers.setdefault("openai-processing-ms", str(round((time.perf_counter() - started) * 1000)))
        return response
