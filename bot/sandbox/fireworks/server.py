"""Stand-in for Fireworks' fine-tuning API: stateful, in Fireworks' words and fields.

As of the published client, fireworks-ai 1.2.30: ``resources/supervised_fine_tuning_jobs.py``, ``resources/dpo_jobs.py``,
``resources/reinforcement_fine_tuning_jobs.py``, ``pagination.py``. The texts of errors are this stand-in's own, but for
"unauthenticated" and "invalid page token".
"""

import secrets
from functools import partial
from http import HTTPStatus
from types import TracebackType
from typing import Any, ClassVar, Self, Unpack

from aiohttp import web
from typing_extensions import override

from bot.sandbox.fireworks.bodies import CANCELLING, COLLECTIONS, DPO, STATUSES, SUPERVISED, Bodies, error_body
from bot.sandbox.fireworks.metrics_files import MetricsFiles
from bot.sandbox.fireworks.options import FireworksOptions
from bot.sandbox.fireworks.pages import Pages
from bot.sandbox.openai.api.job_store import FINAL
from bot.sandbox.openai.api.keys import JOBS_READ, JOBS_WRITE, ApiKey
from bot.sandbox.openai.api.wire import ApiError, ApiRequest, JsonObject, require_object
from bot.sandbox.openai.jobs_server import Route, ServerOptions
from bot.sandbox.openai.native_jobs import NativeJobsServer, Statuses
from bot.sandbox.openai.scenarios import Scenario, ScenarioStep
from bot.sandbox.server import ServerResponse

_CODES = {
    HTTPStatus.BAD_REQUEST: "INVALID_ARGUMENT",
    HTTPStatus.UNAUTHORIZED: "UNAUTHENTICATED",
    HTTPStatus.FORBIDDEN: "PERMISSION_DENIED",
    HTTPStatus.NOT_FOUND: "NOT_FOUND",
    HTTPStatus.TOO_MANY_REQUESTS: "RESOURCE_EXHAUSTED",
    HTTPStatus.NOT_IMPLEMENTED: "UNIMPLEMENTED",
}
_WRONG_STATE = "FAILED_PRECONDITION"


class FireworksApi(NativeJobsServer):
    """API server of one account and the server of its signed files; start both with ``async with``."""

    statuses: ClassVar[Statuses] = STATUSES
    word_field: ClassVar[str] = "state"
    first_word: ClassVar[str] = "JOB_STATE_CREATING"
    model: ClassVar[str] = "accounts/fireworks/models/llama-v3p1-8b-instruct"
    finishing: ClassVar[tuple[str, ...]] = ("JOB_STATE_WRITING_RESULTS",)

    def __init__(self, *, account: str = "sandbox-team", **options: Unpack[ServerOptions]) -> None:
        """Start without jobs."""
        if options.get("keys") is None:
            options["keys"] = {f"fw_{secrets.token_hex(12)}": ApiKey("default")}
        super().__init__(**options)
        self.account, self.options, self._pages = account, FireworksOptions(), Pages()
        self.wandb_key = self._ids.hexadecimal(40)
        """Key that every job holds and nothing may show."""
        self.metrics_files = MetricsFiles(self._metrics, self._clock)
        self._bodies = Bodies(account, self.wandb_key, self._jobs.log, self.metrics_files.signed_url, self.options)
        self.add_routes(route for collection in COLLECTIONS for route in self._routes_of(collection))

    @override
    async def __aenter__(self) -> Self:
        await self.metrics_files.__aenter__()
        return await super().__aenter__()

    @override
    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await super().__aexit__(kind, error, trace)
        await self.metrics_files.__aexit__(kind, error, trace)

    def add_job(self, *, collection: str = SUPERVISED, scenario: Scenario | None = None, **fields: Any) -> str:
        """Create a job by Fireworks' fields and return its id; a ``scenario`` determines its state from the start."""
        job_id = str(fields.pop("id", None) or self._ids.new(length=12).lower())
        return self.add_native_job(job_id, str(fields.get("baseModel") or self.model), scenario, collection, fields)

    @override
    def unknown_path(self, http: web.Request) -> ServerResponse:
        """Return the error response to a request that no route matches."""
        return ServerResponse(error_body("NOT_FOUND", "Not Found"), HTTPStatus.NOT_FOUND, accepted=False)

    @override
    def translate(self, _endpoint: str, response: ServerResponse) -> ServerResponse:
        """Return a response in Google's format of errors."""
        if response.accepted:
            return response
        error, status = response.body["error"], HTTPStatus(response.status)
        code = _WRONG_STATE if error["code"] == _WRONG_STATE else _CODES[status]
        message = "unauthenticated" if status == HTTPStatus.UNAUTHORIZED else error["message"]
        return ServerResponse(error_body(code, message), status, response.headers, accepted=False)

    def _routes_of(self, collection: str) -> list[Route]:
        jobs = f"/accounts/{{account}}/{collection}"
        one = f"{jobs}/{{id}}"
        routes: list[Route] = [
            ("GET", jobs, JOBS_READ, partial(self._list, collection)),
            ("POST", f"{one}:cancel", JOBS_WRITE, partial(self._cancel, collection)),
            ("POST", f"{one}:resume", JOBS_WRITE, partial(self._resume, collection)),
        ]
        if collection == DPO:
            routes.append(("GET", f"{one}:getMetricsFileEndpoint", JOBS_READ, self._metrics_endpoint))
        # Last, for its pattern takes an action for a part of the ID.
        return [*routes, ("GET", one, JOBS_READ, partial(self._get, collection))]

    def _list(self, collection: str, request: ApiRequest) -> JsonObject:
        """GET a page; one without jobs has no list."""
        self._check_account(request)
        jobs = list(self._jobs.index.newest_first(collection))
        page, token = self._pages.page(collection, jobs, request.query, self.options)
        items = {collection: [self._bodies.job(job) for job in page]} if page else {}
        return items | {"nextPageToken": token, "totalSize": len(jobs)}

    def _get(self, collection: str, request: ApiRequest) -> JsonObject:
        """GET one job."""
        return self._bodies.job(self._job(collection, request))

    def _cancel(self, collection: str, request: ApiRequest) -> JsonObject:
        """POST :cancel: the job stops later; nothing is in the response."""
        job = self._job(collection, request)
        if job["status"] in {*FINAL, CANCELLING}:
            raise _wrong_state(job, "cancelled")
        steps = (
            ScenarioStep(0, {"status": CANCELLING}),
            ScenarioStep(self.options.cancel_seconds, {"status": "cancelled"}),
        )
        self._jobs.start(job["id"], Scenario(steps))
        return {}

    def _resume(self, collection: str, request: ApiRequest) -> JsonObject:
        """POST :resume: a paused job is queued again."""
        job = self._job(collection, request)
        if job["status"] != "paused":
            raise _wrong_state(job, "resumed")
        return self._bodies.job(self._jobs.change(job["id"], {"status": "queued"}))

    def _metrics_endpoint(self, request: ApiRequest) -> JsonObject:
        """GET :getMetricsFileEndpoint: where the metrics file of a DPO job is."""
        return {"signedUrl": self.metrics_files.signed_url(self._job(DPO, request)["id"])}

    def _job(self, collection: str, request: ApiRequest) -> JsonObject:
        self._check_account(request)
        require_object(request.body or {})
        try:
            return self._jobs.index.get(request.id, collection)
        except ApiError:
            name = f"accounts/{self.account}/{collection}/{request.id}"
            raise ApiError(HTTPStatus.NOT_FOUND, f"{name} not found") from None

    def _check_account(self, request: ApiRequest) -> None:
        if request.path["account"] != self.account:
            raise ApiError(HTTPStatus.FORBIDDEN, f"no access to account {request.path['account']}")

    def _metrics(self, job_id: str) -> list[JsonObject]:
        return self._jobs.log.metrics(job_id) if job_id in self.jobs else []


def _wrong_state(job: JsonObject, action: str) -> ApiError:
    message = f"a job in state {STATUSES.word(job)} cannot be {action}"
    return ApiError(HTTPStatus.BAD_REQUEST, message, code=_WRONG_STATE)
