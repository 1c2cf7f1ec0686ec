"""Stand-in for Together's fine-tuning API: stateful, in Together's words and fields.

As of the published client, together 3.1.1: ``resources/fine_tuning.py``. Wording of errors: as quoted in public reports
for a key that is not accepted, this stand-in's own otherwise.
"""

import secrets
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, ClassVar, Unpack

from typing_extensions import override

from bot.sandbox.openai.api.job_store import PROJECT
from bot.sandbox.openai.api.keys import JOBS_READ, JOBS_WRITE, ApiKey
from bot.sandbox.openai.api.wire import ApiError, ApiRequest, JsonObject
from bot.sandbox.openai.jobs_server import ServerOptions
from bot.sandbox.openai.native_jobs import NativeJobsServer, Statuses
from bot.sandbox.openai.scenarios import Scenario, ScenarioStep
from bot.sandbox.server import ServerResponse
from bot.sandbox.together.bodies import STATUSES, Bodies
from bot.sandbox.together.event_log import TogetherLog
from bot.sandbox.together.metrics import filtered_metrics

NOT_CANCELLABLE = ("cancel_requested", "cancelled", "failed", "succeeded")
"""Statuses of the store in which the client does not cancel."""

_INVALID_KEY = ApiError(
    HTTPStatus.UNAUTHORIZED,
    "Invalid API key provided. You can find your API key at https://api.together.xyz/settings/api-keys.",
    code="invalid_api_key",
)


@dataclass
class TogetherOptions:
    """What the client's types leave open, and times."""

    event_zone: str = "Z"
    """What follows the times of events and checkpoints; "" for none."""
    inline_events: bool = False
    """Whether each job holds its events."""
    cancel_seconds: float = 5.0
    """Seconds that a job takes to stop, at speed 1."""


class TogetherApi(NativeJobsServer):
    """API server with one account; start it with ``async with``."""

    statuses: ClassVar[Statuses] = STATUSES
    first_word: ClassVar[str] = "pending"
    model: ClassVar[str] = "meta-llama/Meta-Llama-3.1-8B-Instruct-Reference"
    finishing: ClassVar[tuple[str, ...]] = ("compressing", "uploading")

    def __init__(self, **options: Unpack[ServerOptions]) -> None:
        """Start without jobs."""
        if options.get("keys") is None:
            options["keys"] = {f"tgp_v1_{secrets.token_urlsafe(32)}": ApiKey("default")}
        super().__init__(**options)
        self.options = TogetherOptions()
        self._bodies = Bodies(self._log)
        one = "/fine-tunes/{id}"
        self.add_routes(
            [
                ("GET", "/fine-tunes", JOBS_READ, self._list),
                ("GET", one, JOBS_READ, self._retrieve),
                ("POST", f"{one}/cancel", JOBS_WRITE, self._cancel),
                ("GET", f"{one}/events", JOBS_READ, self._list_events),
                ("GET", f"{one}/checkpoints", JOBS_READ, self._list_checkpoints),
                ("GET", f"{one}/metrics", JOBS_READ, self._list_metrics),
            ]
        )

    @override
    def new_log(self) -> TogetherLog:
        """Return an empty job log."""
        self._log = TogetherLog(self._ids, self._clock)
        return self._log

    def add_job(self, *, scenario: Scenario | None = None, **fields: Any) -> str:
        """Create a job by Together's fields and return its id; a ``scenario`` determines its status from the start."""
        job_id = str(fields.get("id") or f"ft-{self._ids.hexadecimal(8)}-{self._ids.hexadecimal(4)}")
        return self.add_native_job(job_id, str(fields.get("model") or self.model), scenario, PROJECT, fields)

    def add_event(
        self,
        job_id: str,
        message: str,
        *,
        type: str = "warning",  # noqa: A002 - the field's own name
        level: str | None = None,
        **fields: Any,
    ) -> None:
        """Append an event to a job's log."""
        self._log.add_event(job_id, message, level=level, type_=type, data=fields)
        self.request_log.notify_waiters()

    def add_checkpoint(self, job_id: str, step: int) -> None:
        """Save a checkpoint."""
        self._jobs.add_checkpoint(job_id, step, {})
        self.request_log.notify_waiters()

    def cancel_for_billing(self, job_id: str, message: str = "The balance is too low for this job") -> None:
        """Cancel a job as the service does by itself; why is only in the log."""
        self.add_event(job_id, message, type="billing_limit")
        self.change(job_id, status="cancelled")

    @override
    def translate(self, _endpoint: str, response: ServerResponse) -> ServerResponse:
        """Return a response in Together's format, which is OpenAI's but for its words."""
        return _INVALID_KEY.to_response() if response.status == HTTPStatus.UNAUTHORIZED else response

    def _list(self, _request: ApiRequest) -> JsonObject:
        """GET /fine-tunes: every job, whatever is requested."""
        return {"data": [self._with_events(self._bodies.listed(job)) for job in self._jobs.index.by_id.values()]}

    def _retrieve(self, request: ApiRequest) -> JsonObject:
        """GET /fine-tunes/{id}."""
        return self._with_events(self._bodies.full(self._job(request)))

    def _cancel(self, request: ApiRequest) -> JsonObject:
        """POST /fine-tunes/{id}/cancel: the job stops later."""
        job = self._job(request)
        if job["status"] in NOT_CANCELLABLE:
            word = self.statuses.word(job)
            raise ApiError(HTTPStatus.BAD_REQUEST, f"Training is not currently cancellable. Current status is {word}.")
        steps = (
            ScenarioStep(0, {"status": "cancel_requested"}),
            ScenarioStep(self.options.cancel_seconds, {"status": "cancelled"}),
        )
        self._jobs.start(job["id"], Scenario(steps))
        return self._bodies.short(self._jobs.index.by_id[job["id"]])

    def _list_events(self, request: ApiRequest) -> JsonObject:
        """GET /fine-tunes/{id}/events: the whole log."""
        return {"data": self._events(self._job(request)["id"])}

    def _list_checkpoints(self, request: ApiRequest) -> JsonObject:
        """GET /fine-tunes/{id}/checkpoints: all of them."""
        return {"data": self._bodies.checkpoints(self._job(request), self.options.event_zone)}

    def _list_metrics(self, request: ApiRequest) -> JsonObject:
        """GET /fine-tunes/{id}/metrics."""
        return {"metrics": filtered_metrics(self._log.metrics(self._job(request)["id"]), request.query)}

    def _job(self, request: ApiRequest) -> JsonObject:
        job = self._jobs.index.by_id.get(request.id)
        if job is None:
            raise ApiError(HTTPStatus.NOT_FOUND, f"Fine-tune job {request.id} not found", code="not_found")
        return job

    def _events(self, job_id: str) -> list[JsonObject]:
        zone = self.options.event_zone
        return [self._bodies.event(event, zone) for event in self._log.without_metrics(job_id)]

    def _with_events(self, body: JsonObject) -> JsonObject:
        return body | ({"events": self._events(body["id"])} if self.options.inline_events else {})
