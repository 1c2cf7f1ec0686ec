"""The API's manners: what a request brings, how one is refused, how a list is cut into pages."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from itertools import islice
from typing import Any

from bot.sandbox.server import ServerResponse

JsonObject = dict[str, Any]
"""A JSON object as the API sends it. It is replaced, never changed, so that an answer stays what was sent."""


_DIGITS = 9
"""A limit with more digits is not one."""


@dataclass(frozen=True)
class ApiRequest:
    """One request after its key was accepted."""

    project: str
    """The project of the key: it sees the jobs of this project alone."""
    path: Mapping[str, str]
    """The parts of the path that its template names."""
    query: Mapping[str, str]
    body: Any
    """The decoded JSON body, None where there is none."""

    @property
    def id(self) -> str:
        """The object that the path is about."""
        return self.path["id"]

    def limit(self, default: int, *, most: int | None = None) -> int:
        """Return how many items are wanted at most.

        Raises:
            Refused: ``limit`` is not a positive integer, or above ``most``.
        """
        text = self.query.get("limit", str(default))
        limit = int(text) if text.isascii() and text.isdigit() and len(text) <= _DIGITS else 0
        if limit < 1 or (most and limit > most):
            top = f" and at most {most}" if most else ""
            raise invalid(f"'{text}' is not a limit: it is a positive integer{top}.", "limit")
        return limit


EndpointHandler = Callable[[ApiRequest], Any]
"""One endpoint: it returns the body of its good answer or raises ``Refused``."""


class ApiError(Exception):
    """The API says no; it becomes the error envelope."""

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
        """Return it as it is sent."""
        return ServerResponse({"error": self.error}, self.status, self.headers, accepted=False)


def invalid(message: str, param: str | None = None, *, code: str | None = None) -> ApiError:
    """Return the refusal of a request that breaks a rule."""
    return ApiError(HTTPStatus.BAD_REQUEST, message, param=param, code=code)


def unauthorized(message: str, *, code: str | None = None) -> ApiError:
    """Return the refusal of a request without a key, or with one that is not taken."""
    return ApiError(HTTPStatus.UNAUTHORIZED, message, code=code)


def missing_scope(scope: str) -> ApiError:
    """Return the refusal of a key that may not do this."""
    message = (
        f"You have insufficient permissions for this operation. Missing scopes: {scope}. Check that you have the correct role"
        " in your organization (Reader, Writer, Owner) and project (Member, Owner), and if you're using a restricted API"
        " key, that it has the necessary scopes."
    )
    return ApiError(HTTPStatus.UNAUTHORIZED, message)


def job_not_found(job_id: str) -> ApiError:
    """Return what the API answers for a job that does not exist or is another project's."""
    return ApiError(
        HTTPStatus.NOT_FOUND,
        f"Could not find fine tune: {job_id}",
        param="fine_tune_id",
        code="fine_tune_not_found",
    )


def invalid_state() -> ApiError:
    """Return what the API answers to an order that the job's status does not allow."""
    return invalid("The job cannot be changed in its present state.")


def training_not_available() -> ApiError:
    """Return what the API answers to the creation of a job by an organisation that may not train any more."""
    message = (
        "OpenAI is winding down the fine-tuning platform and your organization is no longer able to create new fine-tuning"
        " training jobs."
    )
    return ApiError(HTTPStatus.FORBIDDEN, message, code="training_not_available")


def require_object(body: Any) -> JsonObject:
    """Return ``body`` if it is a JSON object.

    Raises:
        Refused: it is anything else.
    """
    if not isinstance(body, dict):
        raise invalid("The body of the request must be a JSON object.")
    return body


def items_after(items: Sequence[JsonObject], after: str | None) -> Sequence[JsonObject]:
    """Return the items that follow the one with the id ``after``.

    Raises:
        Refused: there is no such item.
    """
    if after is None:
        return items
    for place, item in enumerate(items):
        if item["id"] == after:
            return items[place + 1 :]
    raise unknown_cursor(after)


def unknown_cursor(after: str) -> ApiError:
    """Return the refusal of a cursor that names nothing in this list."""
    return invalid(f"Could not find the object '{after}' to continue after.", "after")


def page(items: Iterable[JsonObject], limit: int) -> JsonObject:
    """Return the first ``limit`` items as the API lists jobs and events: without first and last id."""
    head = list(islice(items, limit + 1))
    return {"object": "list", "data": head[:limit], "has_more": len(head) > limit}


def page_with_ids(items: Iterable[JsonObject], limit: int, *, empty_id: str | None = None) -> JsonObject:
    """Return a page that names its first and last item; ``nothing`` is their id where there is none."""
    body = page(items, limit)
    ids = [item["id"] for item in body["data"]] or [empty_id]
    return {**body, "first_id": ids[0], "last_id": ids[-1]}


def loggable_body(text: str) -> Any:
    """Return a body as the ledger keeps it: decoded where that is possible."""
    try:
        return json.loads(text) if text else None
    except ValueError:
        return text


def parse_json(text: str) -> Any:
    """Return the JSON of a body, None where there is none.

    Raises:
        Refused: it is no JSON.
    """
    try:
        return json.loads(text) if text else None
    except ValueError:
        raise invalid("We could not parse the JSON body of your request.") from None
