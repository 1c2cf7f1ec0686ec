"""Server of one account's jobs, which live by scenarios: the base of each provider's stand-in."""

import time
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from http import HTTPStatus
from typing import ClassVar, TypedDict

from aiohttp import web

from bot.sandbox.openai.api.files_and_models import FilesAndModels, IdGenerator
from bot.sandbox.openai.api.job_log import JobLog
from bot.sandbox.openai.api.job_store import JobEnd, JobStore
from bot.sandbox.openai.api.keys import ApiKey, ApiKeys
from bot.sandbox.openai.api.wire import (
    ApiError,
    ApiRequest,
    EndpointHandler,
    JsonObject,
    loggable_body,
    parse_json,
)
from bot.sandbox.request_log import RequestLog
from bot.sandbox.server import LoopbackServer, ServerResponse

Route = tuple[str, str, str, EndpointHandler]
"""Method, path below the prefixes, scope and handler of an endpoint."""


class ServerOptions(TypedDict, total=False):
    """Arguments of ``JobsServer``."""

    keys: Mapping[str, ApiKey] | None
    request_log: RequestLog | None
    latency: float
    port: int
    clock: Callable[[], float]
    job_id_length: int


class JobsServer(LoopbackServer):
    """API server with keys and jobs; subclasses add their provider's routes."""

    prefixes: ClassVar[tuple[str, ...]] = ("/v1",)
    """Prefixes of every path."""

    def __init__(
        self,
        *,
        keys: Mapping[str, ApiKey] | None = None,
        request_log: RequestLog | None = None,
        latency: float = 0.0,
        port: int = 0,
        clock: Callable[[], float] = time.time,
        job_id_length: int = 24,
    ) -> None:
        """Start without jobs; ``job_id_length`` is the number of random characters in a job's ID."""
        super().__init__(
            request_log=RequestLog(clock) if request_log is None else request_log, latency=latency, port=port
        )
        self.api_keys = ApiKeys(clock) if keys is None else ApiKeys(clock, dict(keys))
        self.key = next(iter(self.keys), "")
        """Secret of the first key."""
        self._clock, self._ids = clock, IdGenerator(job_id_length)
        self._files_and_models = FilesAndModels(self._ids, clock)
        self._jobs = JobStore(self._files_and_models, self._ids, clock, self.new_log())
        self._routes: dict[str, tuple[str, EndpointHandler]] = {}

    @property
    def base_url(self) -> str:
        """Base URL for clients, "http://127.0.0.1:54321/v1"."""
        return f"{self.origin}/v1"

    @property
    def keys(self) -> dict[str, ApiKey]:
        """Valid API keys by secret; deleting one revokes it."""
        return self.api_keys.by_secret

    @keys.setter
    def keys(self, keys: Mapping[str, ApiKey]) -> None:
        self.api_keys.by_secret = dict(keys)

    @property
    def jobs(self) -> dict[str, JsonObject]:
        """Every job as of now, by id, oldest first. Deleting one makes it unknown to the API."""
        self._jobs.advance()
        return self._jobs.index.by_id

    @property
    def ends(self) -> dict[str, list[JobEnd]]:
        """Transitions to a final status by job id."""
        return self._jobs.ends

    @property
    def speed(self) -> float:
        """Speed factor of all scenarios; 0 stops them."""
        return self._jobs.speed

    @speed.setter
    def speed(self, speed: float) -> None:
        self._jobs.set_speed(speed)
        self.request_log.notify_waiters()

    def freeze(self, job_id: str) -> None:
        """Stop a job's scenario for good."""
        self._jobs.freeze(job_id)

    def new_log(self) -> JobLog:
        """Return an empty job log."""
        return JobLog(self._ids, self._clock)

    def add_routes(self, routes: Iterable[Route]) -> None:
        """Serve ``routes``, and reject every other path."""
        for method, template, scope, handler in routes:
            endpoint = f"{method} {template}"
            self._routes[endpoint] = (scope, handler)
            for prefix in self.prefixes:
                self.app.router.add_route(method, f"{prefix}{template}", partial(self._serve_endpoint, endpoint))
        self.app.router.add_route("*", "/{path:.*}", self._serve_unknown_path)

    async def _serve_endpoint(self, endpoint: str, http: web.Request) -> web.StreamResponse:
        text = (await http.read()).decode(errors="replace")
        path, query = dict(http.match_info), dict(http.query)
        request = {"id": path.get("id"), "query": query, "body": loggable_body(text)} | path
        secret, project = self.secret_of(http), http.headers.get("OpenAI-Project")
        key = self.keys.get(secret)

        def handler() -> ServerResponse:
            if error := self.routing_error(endpoint, http):
                return error
            return self.translate(
                endpoint, self.handle(endpoint, path, query, secret=secret, project=project, text=text)
            )

        return await self.serve(http, endpoint, request, handler, credential=key.name if key else "")

    def secret_of(self, http: web.Request) -> str:
        """Return the API key of a request, "" if it has none."""
        kind, _, secret = http.headers.get("Authorization", "").partition(" ")
        return secret.strip() if kind.lower() == "bearer" else ""

    def routing_error(self, _endpoint: str, _http: web.Request) -> ServerResponse | None:
        """Return the error response to a request with an invalid address, None if the address is valid."""
        return None

    def translate(self, _endpoint: str, response: ServerResponse) -> ServerResponse:
        """Return a response in the provider's own format."""
        return response

    def unknown_path(self, http: web.Request) -> ServerResponse:
        """Return the error response to a request that no route matches."""
        return ApiError(HTTPStatus.NOT_FOUND, f"Invalid URL ({http.method} {http.path})").to_response()

    def handle(
        self,
        endpoint: str,
        path: Mapping[str, str],
        query: Mapping[str, str],
        *,
        secret: str,
        project: str | None = None,
        text: str = "",
    ) -> ServerResponse:
        """Handle one request to a route ("GET /fine_tuning/jobs/{id}"), over HTTP or called directly."""
        scope, handler = self._routes[endpoint]
        try:
            api_key = self.api_keys.authorize(secret, project, scope)
            self._jobs.advance()
            return ServerResponse(handler(ApiRequest(api_key.project, path, query, parse_json(text))))
        except ApiError as error:
            return error.to_response()

    async def _serve_unknown_path(self, http: web.Request) -> web.StreamResponse:
        endpoint, request = f"{http.method} {http.path}", {"query": dict(http.query)}
        return await self.serve(http, endpoint, request, partial(self.unknown_path, http))
