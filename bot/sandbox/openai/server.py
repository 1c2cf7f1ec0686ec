"""A fine-tuning API to try things with: OpenAI's contract, stateful, and as strict as the service."""

import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import partial
from http import HTTPStatus
from types import TracebackType
from typing import Any, ClassVar

from aiohttp import web
from aiohttp.typedefs import Handler

from bot.sandbox.openai.api import graders
from bot.sandbox.openai.api.budget import RateLimit
from bot.sandbox.openai.api.jobs import JobsApi
from bot.sandbox.openai.api.permissions import PermissionsApi
from bot.sandbox.openai.api.shelf import FilesAndModels, IdGenerator
from bot.sandbox.openai.api.shelves import FilesAndModelsApi
from bot.sandbox.openai.api.state import MODEL, PROJECT, JobStore
from bot.sandbox.openai.api.webhooks import WebhookSender
from bot.sandbox.openai.api.wire import (
    ApiError,
    ApiRequest,
    EndpointHandler,
    JsonObject,
    loggable_body,
    missing_scope,
    parse_json,
    unauthorized,
)
from bot.sandbox.openai.scenarios import Scenario
from bot.sandbox.request_log import RequestLog
from bot.sandbox.server import LoopbackServer, ServerResponse

JOBS_READ = "api.fine_tuning.jobs.read"
JOBS_WRITE = "api.fine_tuning.jobs.write"
FILES_READ = "api.files.read"
MODELS_READ = "api.model.read"
MODELS_WRITE = "api.model.write"
PERMISSIONS = "api.fine_tuning.checkpoints.permissions"
SCOPES = frozenset({JOBS_READ, JOBS_WRITE, FILES_READ, MODELS_READ, MODELS_WRITE, PERMISSIONS})
"""What a key may be allowed to do. The names of the last two are this stand-in's own."""


@dataclass(frozen=True)
class ApiKey:
    """Who holds an API key: a name for the ledger, what it may do, and whose jobs it sees."""

    name: str
    scopes: frozenset[str] = SCOPES
    project: str = PROJECT


class FineTuningApi(LoopbackServer):
    """One account of the API; start it with ``async with``."""

    prefixes: ClassVar[tuple[str, ...]] = ("/v1",)
    """Before every path."""
    id_header: ClassVar[str] = "x-request-id"

    def __init__(
        self,
        *,
        keys: Mapping[str, ApiKey] | None = None,
        request_log: RequestLog | None = None,
        latency: float = 0.0,
        port: int = 0,
        clock: Callable[[], float] = time.time,
        per_minute: int | None = None,
    ) -> None:
        super().__init__(
            request_log=RequestLog(clock) if request_log is None else request_log, latency=latency, port=port
        )
        self.keys: dict[str, ApiKey] = {f"sk-{secrets.token_hex()}": ApiKey("default")} if keys is None else dict(keys)
        self.key = next(iter(self.keys), "")
        """Who may come in, by secret; a key that is taken out is revoked. ``key`` is the first, else one of this run's."""
        self.per_minute = per_minute
        """How many requests a key has in any 60 seconds; None: as many as it likes."""
        self._clock, self._names = clock, IdGenerator()
        self._budgets: dict[str, RateLimit] = {}
        self._shelf = FilesAndModels(self._names, clock)
        self._jobs = JobStore(self._shelf, self._names, clock)
        self.ends = self._jobs.ends
        self._desk = JobsApi(self._jobs, self._shelf)
        self._webhooks: list[WebhookSender] = []
        self._doors: dict[str, tuple[str, EndpointHandler]] = {}
        self._add_routes()

    @property
    def base_url(self) -> str:
        """The address that a client is given, "http://127.0.0.1:54321/v1"."""
        return f"{self.origin}/v1"

    @property
    def jobs(self) -> dict[str, JsonObject]:
        """Every job as it stands now, by id, oldest first. Taking one out makes it unknown to the API."""
        self._jobs.advance()
        return self._jobs.by_id

    @property
    def files(self) -> dict[str, JsonObject]:
        """Every file, by id."""
        return self._shelf.files

    @property
    def models(self) -> dict[str, JsonObject]:
        """Every model, by id: bases, fine-tuned ones and checkpoints."""
        return self._shelf.models

    @property
    def training_file(self) -> str:
        """The id of a file that a job can be trained on; ``validation_file`` is its companion."""
        return self._shelf.training_file

    @property
    def validation_file(self) -> str:
        """The id of a file that a job can be validated with."""
        return self._shelf.validation_file

    def add_webhook(self, url: str, secret: str) -> WebhookSender:
        """Let the jobs that end from now on be told to an address."""
        webhooks = WebhookSender(url, secret, self._clock)
        self._webhooks.append(webhooks)
        self._jobs.on_end.append(webhooks.send_job_end)
        return webhooks

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for webhooks in self._webhooks:
            await webhooks.close()
        await super().__aexit__(kind, error, trace)

    def stop_accepting_jobs(self) -> None:
        """Take no new jobs any more."""
        self._desk.accepts_jobs = False

    @property
    def scenario_of_created(self) -> Scenario | None:
        """The life of every job that is created over HTTP; None: it stays as it is created."""
        return self._desk.scenario_of_created

    @scenario_of_created.setter
    def scenario_of_created(self, life: Scenario | None) -> None:
        self._desk.scenario_of_created = life

    @property
    def speed(self) -> float:
        """How many times their own speed all lives go on; 0 stands still."""
        return self._jobs.speed

    @speed.setter
    def speed(self, speed: float) -> None:
        self._jobs.set_speed(speed)
        self.request_log.notify_waiters()

    def add_job(
        self,
        *,
        status: str = "queued",
        model: str = MODEL,
        scenario: Scenario | None = None,
        project: str = PROJECT,
        **fields: Any,
    ) -> str:
        """Create a job and return its id; a ``life`` decides its status from the first moment on."""
        job_id = self._jobs.add(status=status, model=model, scenario=scenario, project=project, **fields)
        self.request_log.notify_waiters()
        return job_id

    def change(self, job_id: str, **fields: Any) -> None:
        """Give fields of a job new values; a new status is logged, ends or holds its life, and sets the times."""
        self._jobs.advance()
        self._jobs.change(job_id, fields)
        self.request_log.notify_waiters()

    def freeze(self, job_id: str) -> None:
        """Let nothing happen to a job any more by itself."""
        self._jobs.freeze(job_id)

    def add_event(
        self,
        job_id: str,
        message: str,
        *,
        level: str = "info",
        type: str = "message",  # noqa: A002 - the field's own name
        data: Any = None,
    ) -> None:
        """Append one line to the log of a job."""
        self._jobs.log_event(job_id, message, level=level, type_=type, data=data)
        self.request_log.notify_waiters()

    def add_checkpoint(self, job_id: str, step: int, **metrics: float) -> str:
        """Save a checkpoint and return the name of its model."""
        checkpoint = self._jobs.add_checkpoint(job_id, step, metrics)
        self.request_log.notify_waiters()
        return str(checkpoint["fine_tuned_model_checkpoint"])

    def add_file(self, content: bytes, *, filename: str = "data.jsonl", purpose: str = "fine-tune") -> str:
        """Store a file and return its id."""
        return self._shelf.add_file(content, filename=filename, purpose=purpose)

    def _add_routes(self) -> None:
        jobs, shelf = self._desk, FilesAndModelsApi(self._shelf)
        permissions = PermissionsApi(self._shelf, self._names, self._clock)
        one, allowed = "/fine_tuning/jobs/{id}", "/fine_tuning/checkpoints/{id}/permissions"
        routes: list[tuple[str, str, str, EndpointHandler]] = [
            ("GET", "/fine_tuning/jobs", JOBS_READ, jobs.list_jobs),
            ("POST", "/fine_tuning/jobs", JOBS_WRITE, jobs.create),
            ("GET", one, JOBS_READ, jobs.retrieve),
            ("POST", f"{one}/cancel", JOBS_WRITE, jobs.cancel),
            ("POST", f"{one}/pause", JOBS_WRITE, jobs.pause),
            ("POST", f"{one}/resume", JOBS_WRITE, jobs.resume),
            ("GET", f"{one}/events", JOBS_READ, jobs.events),
            ("GET", f"{one}/checkpoints", JOBS_READ, jobs.checkpoints),
            ("GET", allowed, PERMISSIONS, permissions.list_permissions),
            ("POST", allowed, PERMISSIONS, permissions.create),
            ("DELETE", f"{allowed}/{{permission_id}}", PERMISSIONS, permissions.delete),
            ("POST", "/fine_tuning/alpha/graders/validate", JOBS_WRITE, graders.validate),
            ("POST", "/fine_tuning/alpha/graders/run", JOBS_WRITE, graders.run),
            ("GET", "/files", FILES_READ, shelf.list_files),
            ("GET", "/files/{id}", FILES_READ, shelf.retrieve_file),
            ("GET", "/files/{id}/content", FILES_READ, shelf.file_content),
            ("GET", "/models", MODELS_READ, shelf.list_models),
            ("GET", "/models/{id}", MODELS_READ, shelf.retrieve_model),
            ("DELETE", "/models/{id}", MODELS_WRITE, shelf.delete_model),
        ]
        for method, template, scope, work in routes:
            what = f"{method} {template}"
            self._doors[what] = (scope, work)
            for prefix in self.prefixes:
                self.app.router.add_route(method, f"{prefix}{template}", partial(self._enter, what))
        self.app.router.add_route("*", "/{path:.*}", self._refuse_unknown)
        self.app.middlewares.append(self._sign)

    async def _enter(self, what: str, http: web.Request) -> web.StreamResponse:
        text = (await http.read()).decode(errors="replace")
        path, query = dict(http.match_info), dict(http.query)
        request = {"id": path.get("id"), "query": query, "body": loggable_body(text)} | path
        secret, project = self.secret_of(http), http.headers.get("OpenAI-Project")
        key = self.keys.get(secret)

        def work() -> ServerResponse:
            if wrong := self.routing_error(what, http):
                return wrong
            return self.translate(what, self.handle(what, path, query, secret=secret, project=project, text=text))

        return await self.serve(http, what, request, work, credential=key.name if key else "")

    def secret_of(self, http: web.Request) -> str:
        """Return the key that a request carries, "" where it carries none."""
        kind, _, secret = http.headers.get("Authorization", "").partition(" ")
        return secret.strip() if kind.lower() == "bearer" else ""

    def routing_error(self, _what: str, _http: web.Request) -> ServerResponse | None:
        """Return what a request gets that has no place here; None for every other."""
        return None

    def translate(self, _what: str, answer: ServerResponse) -> ServerResponse:
        """Return an answer in the words of the provider that is stood in for."""
        return answer

    def handle(
        self,
        what: str,
        path: Mapping[str, str],
        query: Mapping[str, str],
        *,
        secret: str,
        project: str | None = None,
        text: str = "",
    ) -> ServerResponse:
        """Carry out one request to a route ("GET /fine_tuning/jobs/{id}"), whichever way it came."""
        scope, work = self._doors[what]
        try:
            known = self._admit(secret, project, scope)
            self._jobs.advance()
            return ServerResponse(work(ApiRequest(known.project, path, query, parse_json(text))))
        except ApiError as refusal:
            return refusal.to_response()

    async def _refuse_unknown(self, http: web.Request) -> web.StreamResponse:
        refusal = ApiError(HTTPStatus.NOT_FOUND, f"Invalid URL ({http.method} {http.path})")
        return await self.serve(http, f"{http.method} {http.path}", {"query": dict(http.query)}, refusal.to_response)

    def _admit(self, secret: str, project: str | None, scope: str) -> ApiKey:
        key = self.keys.get(secret)
        if not secret:
            raise unauthorized("You didn't provide an API key.")
        if key is None:
            raise unauthorized("Incorrect API key provided.", code="invalid_api_key")
        if project not in (None, key.project):
            raise unauthorized("OpenAI-Project header should match project for API key", code="mismatched_project")
        if self.per_minute is not None:
            self._budgets.setdefault(key.name, RateLimit(self._clock)).consume(self.per_minute)
        if scope not in key.scopes:
            raise missing_scope(scope)
        return key

    @web.middleware
    async def _sign(self, request: web.Request, handler: Handler) -> web.StreamResponse:
        began = time.perf_counter()
        answer = await handler(request)
        answer.headers.setdefault(self.id_header, f"req_{self._names.hexadecimal(32)}")
        answer.headers.setdefault("openai-version", "2020-10-01")
        answer.headers.setdefault("openai-processing-ms", str(round((time.perf_counter() - began) * 1000)))
        return answer
