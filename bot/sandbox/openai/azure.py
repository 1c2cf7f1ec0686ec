"""Azure's fine-tuning API to try things with: the same jobs at Azure's addresses, in Azure's words.

https://learn.microsoft.com/azure/ai-services/openai/reference (2024-10-21 and 2025-04-01-preview), and the API without
versions at /openai/v1.
"""

from http import HTTPStatus
from typing import Any, ClassVar

from aiohttp import web

from bot.sandbox.openai.api.wire import JsonObject
from bot.sandbox.openai.server import FineTuningApi
from bot.sandbox.server import ServerResponse

V1 = "/openai/v1"
VERSIONS = ("2024-10-21", "2025-04-01-preview")
FIRST_WITH_PAUSE = VERSIONS[1]
ENTRA_TOKEN_PREFIX = "eyJ"  # noqa: S105 - how every such token begins
"""How a token of Entra ID begins; anything else in an Authorization header is refused."""

_STATUSES = {"validating_files": "pending", "queued": "pending"}
_PASSING = {"POST /fine_tuning/jobs/{id}/pause": "pausing", "POST /fine_tuning/jobs/{id}/resume": "resuming"}
_UNKNOWN_THERE = ("organization_id", "seed", "metadata", "estimated_finish", "error", "user_provided_suffix")
_CODES = {400: "invalidPayload", 401: "unauthorized", 403: "forbidden", 404: "notFound", 429: "tooManyRequests"}


class AzureApi(FineTuningApi):
    """One Azure resource; start it with ``async with``."""

    prefixes: ClassVar[tuple[str, ...]] = ("/openai", V1)
    id_header: ClassVar[str] = "apim-request-id"

    @property
    def base_url(self) -> str:
        """The resource's endpoint, "http://127.0.0.1:54321"."""
        return self.origin

    def secret_of(self, http: web.Request) -> str:
        """Return the key of the ``api-key`` header, or a token of Entra ID."""
        token = super().secret_of(http)
        return http.headers.get("api-key", "") or (token if token.startswith(ENTRA_TOKEN_PREFIX) else "")

    def routing_error(self, what: str, http: web.Request) -> ServerResponse | None:
        """Return what a request gets that names no version, or a call that its version does not have."""
        if http.path.startswith(V1):
            return None
        version = http.query.get("api-version", "")
        if version in VERSIONS and (what not in _PASSING or version >= FIRST_WITH_PAUSE):
            return None
        error = {"code": "404", "message": "Resource not found"}
        return ServerResponse({"error": error}, HTTPStatus.NOT_FOUND, accepted=False)

    def translate(self, what: str, answer: ServerResponse) -> ServerResponse:
        """Return an answer in Azure's words."""
        if not answer.accepted:
            error = answer.body["error"]
            code = (
                "unexpectedEntityState" if "state" in error["message"] else _CODES.get(answer.status, "internalFailure")
            )
            return ServerResponse(
                {"error": {"code": code, "message": error["message"]}}, answer.status, answer.headers, accepted=False
            )
        body: Any = _job(answer.body) if answer.body.get("object") == "fine_tuning.job" else answer.body
        if what in _PASSING:
            body = body | {"status": _PASSING[what]}
        if what == "GET /fine_tuning/jobs":
            body = body | {"data": [_job(each) for each in body["data"]]}
        if what.endswith("/events"):
            body = body | {"data": [_event(each) for each in reversed(body["data"])]}
        status = HTTPStatus.CREATED if what == "POST /fine_tuning/jobs" else answer.status
        return ServerResponse(body, status, answer.headers)


def _job(body: JsonObject) -> JsonObject:
    kept = {name: value for name, value in body.items() if name not in _UNKNOWN_THERE and value is not None}
    why = {"error": body["error"]} if body.get("error") else {}
    status = _STATUSES.get(body["status"], body["status"])
    return kept | why | {"status": status, "organisation_id": body["organization_id"]}


def _event(body: JsonObject) -> JsonObject:
    return body | ({"level": "warning"} if body["level"] == "warn" else {})
