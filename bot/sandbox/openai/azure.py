"""Stand-in for Azure's fine-tuning API: the same jobs at Azure's URLs and in Azure's format.

https://learn.microsoft.com/azure/ai-services/openai/reference (2024-10-21 and 2025-04-01-preview), and the unversioned
API at /openai/v1.
"""

from http import HTTPStatus
from typing import Any, ClassVar

from aiohttp import web
from typing_extensions import override

from bot.sandbox.openai.api.wire import JsonObject
from bot.sandbox.openai.server import FineTuningApi
from bot.sandbox.server import ServerResponse

V1 = "/openai/v1"
VERSIONS = ("2024-10-21", "2025-04-01-preview")
FIRST_WITH_PAUSE = VERSIONS[1]
ENTRA_PREFIX = "eyJ"
"""Prefix of Entra ID tokens; anything else in an Authorization header is rejected."""

_STATUSES = {"validating_files": "pending", "queued": "pending"}
_TRANSITIONAL_STATUSES = {
    "POST /fine_tuning/jobs/{id}/pause": "pausing",
    "POST /fine_tuning/jobs/{id}/resume": "resuming",
}
_OMITTED_FIELDS = ("organization_id", "seed", "metadata", "estimated_finish", "error", "user_provided_suffix")
_CODES = {400: "invalidPayload", 401: "unauthorized", 403: "forbidden", 404: "notFound", 429: "tooManyRequests"}


class AzureApi(FineTuningApi):
    """API server of one Azure resource; start it with ``async with``."""

    prefixes: ClassVar[tuple[str, ...]] = ("/openai", V1)
    id_header: ClassVar[str] = "apim-request-id"

    @override
    @property
    def base_url(self) -> str:
        """Endpoint of the resource, "http://127.0.0.1:54321"."""
        return self.origin

    @override
    def secret_of(self, http: web.Request) -> str:
        """Return the key of the ``api-key`` header, or an Entra ID token."""
        token = super().secret_of(http)
        return http.headers.get("api-key", "") or (token if token.startswith(ENTRA_PREFIX) else "")

    @override
    def routing_error(self, endpoint: str, http: web.Request) -> ServerResponse | None:
        """Return the error response to a request without a version, or to a call that its version does not have."""
        if http.path.startswith(V1):
            return None
        version = http.query.get("api-version", "")
        if version in VERSIONS and (endpoint not in _TRANSITIONAL_STATUSES or version >= FIRST_WITH_PAUSE):
            return None
        error = {"code": "404", "message": "Resource not found"}
        return ServerResponse({"error": error}, HTTPStatus.NOT_FOUND, accepted=False)

    @override
    def translate(self, endpoint: str, response: ServerResponse) -> ServerResponse:
        """Return a response in Azure's format."""
        if not response.accepted:
            error = response.body["error"]
            code = (
                "unexpectedEntityState"
                if "state" in error["message"]
                else _CODES.get(response.status, "internalFailure")
            )
            return ServerResponse(
                {"error": {"code": code, "message": error["message"]}},
                response.status,
                response.headers,
                accepted=False,
            )
        body: Any = _azure_job(response.body) if response.body.get("object") == "fine_tuning.job" else response.body
        if endpoint in _TRANSITIONAL_STATUSES:
            body = body | {"status": _TRANSITIONAL_STATUSES[endpoint]}
        if endpoint == "GET /fine_tuning/jobs":
            body = body | {"data": [_azure_job(each) for each in body["data"]]}
        if endpoint.endswith("/events"):
            body = body | {"data": [_azure_event(each) for each in reversed(body["data"])]}
        status = HTTPStatus.CREATED if endpoint == "POST /fine_tuning/jobs" else response.status
        return ServerResponse(body, status, response.headers)


def _azure_job(body: JsonObject) -> JsonObject:
    kept = {name: value for name, value in body.items() if name not in _OMITTED_FIELDS and value is not None}
    error = {"error": body["error"]} if body.get("error") else {}
    status = _STATUSES.get(body["status"], body["status"])
    return kept | error | {"status": status, "organisation_id": body["organization_id"]}


def _azure_event(body: JsonObject) -> JsonObject:
    return body | ({"level": "warning"} if body["level"] == "warn" else {})
