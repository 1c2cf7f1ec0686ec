"""Wire format of the API: requests, error responses and pages."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from itertools import islice
from typing import Any

from bot.sandbox.server import ServerResponse

JsonObject = dict[str, Any]
"""A JSON object as the API sends it. It is replaced, never changed, so that logged responses stay as sent."""


_DIGITS = 9
"""Longest number that is accepted as a limit."""


@dataclass(frozen=True)
class ApiRequest:
    """One authorized request."""

    project: str
    """Project of the key; only its jobs are visible."""
    path: Mapping[str, str]
    """Path parameters by name."""
    query: Mapping[str, str]
    body: Any
    """The decoded JSON body, None if it is empty."""

    @property
    def id(self) -> str:
        """Id of the object in the path."""
        return self.path["id"]

    def limit(self, default: int, *, most: int | None = None) -> int:
        """Return the requested page size.

        Raises:
            ApiError: ``limit`` is not a positive integer, or above ``most``.
        """
        text = self.query.get("limit", str(default))
        limit = int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else 0
        if limit < 1 or (most and limit > most):
            top = f" and at most {most}" if most else ""
            raise invalid(f"'{text}' is not a limit: it is a positive integer{top}.", "limit")
        return limit


EndpointHandler = Callable[[ApiRequest], Any]
"""Handler of an endpoint: returns the body of a successful response or raises ``ApiError``."""


class ApiError(Exception):
    """An error response of the API, in its error envelope."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        kind: str = "invalid_request_error",
        param: str | None = None,
        code: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(message)
        self.status, self.headers = status, dict(headers or {})
        self.error = {"message": message, "type": kind, "param": param, "code": code}

    def to_response(self) -> ServerResponse:
        """Return the error as a response."""
        return ServerResponse({"error": self.error}, self.status, self.headers, accepted=False)


def invalid(message: str, param: str | None = None, *, code: str | None = None) -> ApiError:
    """Return the error of an invalid request."""
    return ApiError(HTTPStatus.BAD_REQUEST, message, param=param, code=code)


def unauthorized(message: str, *, code: str | None = None) -> ApiError:
    """Return the error of a request without a valid key."""
    return ApiError(HTTPStatus.UNAUTHORIZED, message, code=code)


def missing_scope(scope: str) -> ApiError:
    """Return the error of a key that lacks a scope."""
    message = (
        f"You have insufficient permissions for this operation. Missing scopes: {scope}. Check that you have the correct role"
        " in your organization (Reader, Writer, Owner) and project (Member, Owner), and if you're using a restricted API"
        " key, that it has the necessary scopes."
    )
    return ApiError(HTTPStatus.UNAUTHORIZED, message)


def job_not_found(job_id: str) -> ApiError:
    """Return the error for a job that does not exist or belongs to another project."""
    return ApiError(
        HTTPStatus.NOT_FOUND,
        f"Could not find fine tune: {job_id}",
        param="fine_tune_id",
        code="fine_tune_not_found",
    )


def invalid_state() -> ApiError:
    """Return the error of an action that the job's status does not allow."""
    return invalid("The job cannot be changed in its present state.")


def training_not_available() -> ApiError:
    """Return the error of creating a job in an organization that may not train anymore."""
    message = (
        "OpenAI is winding down the fine-tuning platform and your organization is no longer able to create new fine-tuning"
        " training jobs."
    )
    return ApiError(HTTPStatus.FORBIDDEN, message, code="training_not_available")


def require_object(body: Any) -> JsonObject:
    """Return ``body`` if it is a JSON object.

    Raises:
        ApiError: it is not.
    """
    if not isinstance(body, dict):
        raise invalid("The body of the request must be a JSON object.")
    return body


def items_after(items: Sequence[JsonObject], after: str | None) -> Sequence[JsonObject]:
    """Return the items after the one with the id ``after``.

    Raises:
        ApiError: there is no such item.
    """
    if after is None:
        return items
    for position, item in enumerate(items):
        if item["id"] == after:
            return items[position + 1 :]
    raise unknown_cursor(after)


def unknown_cursor(after: str) -> ApiError:
    """Return the error of a cursor that is not in the list."""
    return invalid(f"Could not find the object '{after}' to continue after.", "after")


def page(items: Iterable[JsonObject], limit: int) -> JsonObject:
    """Return a page of the first ``limit`` items, without first_id and last_id, as for jobs and events."""
    head = list(islice(items, limit + 1))
    return {"object": "list", "data": head[:limit], "has_more": len(head) > limit}


def page_with_ids(items: Iterable[JsonObject], limit: int, *, empty_id: str | None = None) -> JsonObject:
    """Return a page with first_id and last_id; ``empty_id`` is their value on an empty page."""
    body = page(items, limit)
    ids = [item["id"] for item in body["data"]] or [empty_id]
    return {**body, "first_id": ids[0], "last_id": ids[-1]}


def loggable_body(text: str) -> Any:
    """Return a request body for the request log: decoded if it is JSON."""
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text


def parse_json(text: str) -> Any:
    """Return the decoded JSON body, None if it is empty.

    Raises:
        ApiError: it is not JSON.
    """
    try:
        return json.loads(text) if text else None
    except ValueError:
        raise invalid("We could not parse the JSON body of your request.") from None
