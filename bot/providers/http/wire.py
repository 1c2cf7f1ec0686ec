"""Requests and responses that all fine-tuning APIs share, and their parsing; without I/O."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import Enum, auto
from http import HTTPStatus
from types import TracebackType
from typing import Any, Literal, Protocol, Self
from urllib.parse import quote

from bot.errors import InvalidResponse, NotFound
from bot.jobs.ids import is_valid_id
from bot.jobs.models import Job, Snapshot
from bot.providers.http.decode import Ambiguous, decoded
from bot.providers.http.refusals import error_of
from bot.telemetry.redaction import without_secrets

_MAX_REQUEST_ID_LENGTH = 200


class ResponseSize(Enum):
    """How large a response may be."""

    PAGE = auto()
    ITEM = auto()
    """Of one item, which cannot be split into smaller pages."""
    WHOLE_LIST = auto()
    """Of a list without pages."""


@dataclass(frozen=True)
class Request:
    """One HTTP request, relative to the account's base URL."""

    method: Literal["GET", "POST"]
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: Mapping[str, Any] | None = None
    """JSON body."""
    size: ResponseSize = ResponseSize.PAGE
    checks_write_access: bool = False
    """Whether it only checks that an action would work."""

    @property
    def needs_write_key(self) -> bool:
        """Whether it needs the write key."""
        return self.method != "GET" or self.checks_write_access


@dataclass(frozen=True)
class Response:
    """One complete HTTP response. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    size: int = 0
    """Bytes received, including those of long texts that were cut from ``body``."""

    @property
    def request_id(self) -> str | None:
        """The API's request ID, without secrets; users see it as the ref of an error."""
        value = self.headers.get("x-request-id") or self.headers.get("apim-request-id")
        return value and str(without_secrets(value))[:_MAX_REQUEST_ID_LENGTH]


class Exchange(Protocol):
    """What carries requests to an API and its responses back; each method raises a ``ProviderError`` without a response."""

    async def __aenter__(self) -> Self:
        """Open it."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Close it."""

    async def send(self, request: Request) -> Response:
        """Return the response to a request."""

    async def download(self, url: str) -> Response:
        """Return what is at a signed URL of another server."""


@dataclass(frozen=True)
class FetchedJob:
    """One job from a response: the snapshot to compare, and the whole body without secrets."""

    snapshot: Snapshot
    body: dict[str, Any]
    request_id: str | None = None
    """The API's request ID, if the response was about this one job."""
    size: int = 0
    """Bytes of the response, if it was about this one job."""

    @property
    def job(self) -> Job:
        """The whole job."""
        return Job.model_validate(self.body)


def created_at(fetched: FetchedJob) -> float:
    """Return when a job was created, Unix seconds; 0 if that is unknown."""
    return fetched.snapshot.created_at or 0.0


@dataclass(frozen=True)
class Page:
    """One page of the list of jobs, newest first."""

    fetched: tuple[FetchedJob, ...]
    broken: int
    """Number of malformed items; they are ignored."""
    after: str | None
    """Cursor of the next page; None on the last one."""
    foreign: int = 0
    """Number of jobs of another organization, which are left out."""
    raw: tuple[Snapshot | None, ...] = ()
    """Every item in order, for paging, including those left out; None for a malformed one."""
    unreadable: tuple[str | None, ...] = ()
    """IDs of jobs that are too large to read; None for one whose ID could not be read either."""

    @property
    def last(self) -> Snapshot | None:
        """The last item that is not malformed, of any organization."""
        return next((each for each in reversed(self.raw) if each), None)


def path_segment(text: str) -> str:
    """Return ``text`` escaped as one segment of a URL path.

    Raises:
        NotFound: for "", "." and "..", which a client resolves even if escaped.
    """
    if text in ("", ".", ".."):
        raise NotFound(f"{text!r} isn't a valid job ID.")
    return quote(text, safe="")


def json_of(response: Response, *, now: float) -> dict[str, Any]:
    """Return the JSON object of a successful response.

    Raises:
        ProviderError: the subclass for an error response.
    """
    try:
        value = decoded(content_of(response, now=now))
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise InvalidResponse("The response wasn't a JSON object.", request_id=response.request_id)
    if any(isinstance(each, Ambiguous) for each in value.values()):
        text = "The response was ambiguous (duplicate JSON keys or invalid numbers)."
        raise InvalidResponse(text, request_id=response.request_id)
    return value


def items_of(response: Response, what: str, *, now: float, key: str = "data") -> list[Any]:
    """Return the list at ``key`` of a successful response without secrets; ``what`` names the items in errors.

    Ambiguous items are None.

    Raises:
        ProviderError: the subclass for an error response.
    """
    items = json_of(response, now=now).get(key)
    if not isinstance(items, list):
        raise InvalidResponse(f"The response didn't contain a list of {what}.", request_id=response.request_id)
    return list(map(_without_secrets, items))


def content_of(response: Response, *, now: float) -> bytes:
    """Return the body of a successful response.

    Raises:
        ProviderError: the subclass for an error response.
    """
    # Azure returns 201 for created objects.
    if response.status not in (HTTPStatus.OK, HTTPStatus.CREATED):
        raise error_of(response.status, response.headers, response.body, request_id=response.request_id, now=now)
    return response.body


def fetched_job(item: Any, normalized: Callable[[Any], Any]) -> FetchedJob | None:
    """Return the job in an item of a response; None if it is not a job, or ambiguous.

    Secrets are removed here, before anything is stored or shown; ``normalized`` maps the item to the fields of a job.
    """
    body = normalized(_without_secrets(item))
    try:
        snapshot = Snapshot.model_validate(body)
    except ValueError:
        return None
    # A job whose ID cannot be requested or put into a button cannot be tracked.
    return FetchedJob(snapshot, body) if is_valid_id(snapshot.id) else None


def _without_secrets(item: Any) -> Any:
    try:
        return without_secrets(item)
    except TypeError:  # something in it is ambiguous
        return None
