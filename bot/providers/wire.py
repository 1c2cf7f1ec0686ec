"""What all fine-tuning APIs share on the wire, without I/O: requests, answers, and what an answer means."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import quote

from bot.errors import InvalidResponse, NotFound
from bot.jobs.ids import is_valid_id
from bot.jobs.models import Job, Snapshot
from bot.providers.decode import Ambiguous, decoded
from bot.providers.refusals import error_of
from bot.telemetry.redaction import without_secrets

_LONGEST_REQUEST_ID = 200


@dataclass(frozen=True)
class Request:
    """One request to a provider, relative to the account's base URL."""

    method: Literal["GET", "POST"]
    path: str
    query: tuple[tuple[str, str], ...] = ()
    body: Mapping[str, Any] | None = None
    """What is sent along, as JSON."""
    is_for_one: bool = False
    """Whether one job, or one line of its log, is asked for: it cannot be had in smaller parts."""
    prepares_order: bool = False
    """Whether it only finds out whether an order could be given."""

    @property
    def needs_write_key(self) -> bool:
        """Whether it changes something, or is to, so that it needs the key for orders."""
        return self.method != "GET" or self.prepares_order


@dataclass(frozen=True)
class Response:
    """One HTTP answer, read to its end. Header names are in lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes
    size: int = 0
    """Bytes that came, those of long texts that were left out of ``body`` included."""

    @property
    def request_id(self) -> str | None:
        """The API's own id of the request, without secrets: people read it as the ref of what went wrong."""
        said = self.headers.get("x-request-id") or self.headers.get("apim-request-id")
        return said and str(without_secrets(said))[:_LONGEST_REQUEST_ID]


@dataclass(frozen=True)
class FetchedJob:
    """One job as one answer said it: the few compared fields, and the whole of it without secrets."""

    snapshot: Snapshot
    body: dict[str, Any]
    request_id: str | None = None
    """The API's own id of the request for this one job."""
    size: int = 0
    """Bytes of the answer, where it was about this one job."""

    @property
    def job(self) -> Job:
        """The job in full."""
        return Job.model_validate(self.body)


@dataclass(frozen=True)
class Page:
    """One page of the list of jobs, newest first."""

    readings: tuple[FetchedJob, ...]
    broken: int
    """How many items could not be read; they change nothing."""
    after: str | None
    """The cursor of the next page, None on the last one."""
    foreign: int = 0
    """How many jobs of another organisation were left out."""
    raw: tuple[Snapshot | None, ...] = ()
    """Every item in order, those that were left out too; None where it could not be read. Paging goes by it."""
    unreadable: tuple[str | None, ...] = ()
    """Ids of jobs that are too large to be read at all, None where not even that could be read."""

    @property
    def last(self) -> Snapshot | None:
        """The last item that could be read, whoever's job it is."""
        return next((each for each in reversed(self.raw) if each), None)


def path_segment(text: str) -> str:
    """Return ``text`` as one segment of a path: nothing in it can leave its place.

    Raises:
        NotFound: it is a step instead ("", ".", ".."), which no escape keeps a client from taking.
    """
    if text in ("", ".", ".."):
        raise NotFound(f"No job can have the id {text!r}.")
    return quote(text, safe="")


def json_of(response: Response, *, now: float) -> dict[str, Any]:
    """Return the JSON object of a good answer.

    Raises:
        ProviderError: the subclass that says what the answer means.
    """
    try:
        value = decoded(content_of(response, now=now))
    except ValueError:
        value = None
    if not isinstance(value, dict):
        raise InvalidResponse("The answer was not a JSON object.", request_id=response.request_id)
    if any(isinstance(each, Ambiguous) for each in value.values()):
        raise InvalidResponse("The answer can be read in two ways.", request_id=response.request_id)
    return value


def items_of(response: Response, what: str, *, now: float) -> list[Any]:
    """Return what stands under ``data`` in a good answer, without secrets; ``what`` names it where there is nothing.

    What can be read in two ways is None there.

    Raises:
        ProviderError: the subclass that says what the answer means.
    """
    items = json_of(response, now=now).get("data")
    if not isinstance(items, list):
        raise InvalidResponse(f"The list of {what} has no data.", request_id=response.request_id)
    return list(map(_without_secrets, items))


def content_of(response: Response, *, now: float) -> bytes:
    """Return the body of a good answer.

    Raises:
        ProviderError: the subclass that says what the answer means.
    """
    # Azure answers 201 to what it makes.
    if response.status not in (HTTPStatus.OK, HTTPStatus.CREATED):
        raise error_of(response.status, response.headers, response.body, request_id=response.request_id, now=now)
    return response.body


def timestamp(value: Any) -> float | None:
    """Return a moment as seconds since the epoch, from what RFC 3339 writes; None where it is none."""
    try:
        return datetime.fromisoformat(value).timestamp()
    except (TypeError, ValueError, OverflowError):
        return None


def fetched_job(item: Any, normalized: Callable[[Any], Any] = lambda same: same) -> FetchedJob | None:
    """Return one job of an answer, or None where the item is not a job, or can be read in two ways.

    Here, before anything is stored or shown, it loses what is secret; ``described`` says it in OpenAI's fields.
    """
    body = normalized(_without_secrets(item))
    try:
        snapshot = Snapshot.model_validate(body)
    except ValueError:
        return None
    # An id that nobody could ask for or press has no job that could be followed.
    return FetchedJob(snapshot, body) if is_valid_id(snapshot.id) else None


def _without_secrets(item: Any) -> Any:
    try:
        return without_secrets(item)
    except TypeError:  # there is something ambiguous in it
        return None
