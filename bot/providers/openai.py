"""OpenAI dialect, without I/O: requests to its fine-tuning API, and parsers for the responses.

https://platform.openai.com/docs/api-reference/fine-tuning
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, ClassVar, TypeVar

from pydantic import BaseModel, SecretStr, ValidationError
from pydantic_core import from_json

from bot.errors import InvalidResponse, MismatchedResponse
from bot.jobs.actions import JobAction
from bot.jobs.models import Checkpoint, Event, File, Model
from bot.providers.account import Account
from bot.providers.wire import FetchedJob, Page, Request, Response, fetched_job, items_of, json_of, path_segment

M = TypeVar("M", bound=BaseModel)


class OpenAI:
    """Requests and parsers of OpenAI's API; the dialect of another provider overrides what differs.

    Parsed jobs have OpenAI's fields and statuses, whatever the provider calls them. Each ``read_`` method parses the
    response to the request of the same name; it takes the current Unix time and raises a ``ProviderError`` on failure.
    Requests that a provider does not offer raise ``NotSupported``.
    """

    job_page_url: ClassVar[str] = "https://platform.openai.com/finetune/{job}"
    """URL of a job's page, with {job} for its ID."""
    name: ClassVar[str] = "OpenAI"
    """Name of the provider, as messages write it."""
    hint: ClassVar[str | None] = None
    """What the provider requires before a new model can be called, safe mrkdwn; None if nothing."""
    newest_event_first: ClassVar[bool] = True
    """Order of events of the same second in a response."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.jobs_path = "/fine_tuning/jobs"
        self.actions = frozenset(JobAction)
        """Actions that the provider supports; only these are offered to users."""

    @property
    def base_url(self) -> str:
        """Base URL of the API, without a trailing slash."""
        return self.account.base_url

    @property
    def query(self) -> tuple[tuple[str, str], ...]:
        """Query parameters of every request."""
        return ()

    def auth_headers(self, key: SecretStr) -> dict[str, str]:
        """Return the authentication headers, with organization and project."""
        scopes = {"OpenAI-Organization": self.account.organization, "OpenAI-Project": self.account.project}
        scope_headers = {name: value for name, value in scopes.items() if value}
        return {"Authorization": f"Bearer {key.get_secret_value()}", **scope_headers}

    def normalized(self, item: Any) -> Any:
        """Return an item of a response in OpenAI's fields and statuses; anything but a job unchanged."""
        return item

    def list_jobs(
        self, *, after: str | None = None, limit: int = 100, metadata: Mapping[str, str] | None = None
    ) -> Request:
        """Return the request for one page of jobs, newest first; with ``metadata``, only of jobs with these pairs."""
        pairs = [(f"metadata[{key}]", value) for key, value in (metadata or {}).items()]
        return Request("GET", self.jobs_path, (*_paging(limit, after), *pairs))

    def read_jobs(self, response: Response, *, now: float, after: str | None = None) -> Page:
        """Parse a page of jobs. Malformed items and those of another organization are counted and left out.

        The list has no ``last_id``: the cursor is the ID of the last item. A cursor that does not change ends the list.
        """
        body = json_of(response, now=now)
        items = self._items(body.get("data"), response)
        cursor = _last_id(body["data"]) if body.get("has_more") is True else None
        return self._page(items, cursor if cursor != after else None)

    def cursor_in(self, beginning: bytes) -> str | None:
        """Return the cursor after the first job of a truncated page; None if that part has none."""
        try:
            body = from_json(beginning, allow_partial=True)
        except ValueError:
            return None
        items = body.get("data") if isinstance(body, dict) else None
        return _last_id(items[:1]) if isinstance(items, list) else None

    def retrieve_job(self, job_id: str) -> Request:
        """Return the request for one job."""
        return Request("GET", f"{self.jobs_path}/{path_segment(job_id)}")

    def job_action(self, action: JobAction, job_id: str) -> Request:
        """Return the request to cancel (irreversible), pause or resume a job."""
        return Request("POST", f"{self.jobs_path}/{path_segment(job_id)}/{action}")

    def read_job(self, response: Response, job_id: str, *, now: float) -> FetchedJob:
        """Parse one job, read or after an action.

        Raises:
            ForeignAnswer: the response has another job, or one of another organization.
        """
        reading = fetched_job(json_of(response, now=now), self.normalized)
        if reading is None:
            raise InvalidResponse("The response wasn't a valid job.", request_id=response.request_id)
        if reading.snapshot.id != job_id:
            raise MismatchedResponse("The response was for a different job.", request_id=response.request_id)
        if self._is_foreign(reading):
            raise MismatchedResponse(
                "The response was for a job in another organization.", request_id=response.request_id
            )
        return replace(reading, request_id=response.request_id)

    def create_job(self, body: Mapping[str, Any]) -> Request:
        """Return the request to create a job."""
        return Request("POST", self.jobs_path, body=body)

    def read_created(self, response: Response, *, now: float) -> FetchedJob:
        """Parse the created job."""
        reading = fetched_job(json_of(response, now=now), self.normalized)
        if reading is None:
            raise InvalidResponse("The response wasn't a valid job.", request_id=response.request_id)
        return replace(reading, request_id=response.request_id)

    def list_events(self, job_id: str, *, limit: int = 20, after: str | None = None) -> Request:
        """Return the request for a job's newest events, or for those before the event ``after``."""
        return Request("GET", f"{self.jobs_path}/{path_segment(job_id)}/events", _paging(limit, after))

    def read_events(self, response: Response, *, now: float) -> list[Event]:
        """Parse events, oldest first; malformed ones are left out."""
        items = items_of(response, "events", now=now)
        # Timestamps are whole seconds: events of one second keep their order.
        oldest_first = list(reversed(items)) if self.newest_event_first else items
        events = [event for item in oldest_first if (event := _valid(Event, item))]
        return sorted(events, key=lambda event: event.created_at or 0)

    def list_checkpoints(self, job_id: str, *, limit: int = 10, after: str | None = None) -> Request:
        """Return the request for a job's newest checkpoints, or for those before the checkpoint ``after``."""
        return Request("GET", f"{self.jobs_path}/{path_segment(job_id)}/checkpoints", _paging(limit, after))

    def read_checkpoints(self, response: Response, *, now: float) -> list[Checkpoint]:
        """Parse checkpoints, newest first; malformed ones are left out."""
        found = [each for item in items_of(response, "checkpoints", now=now) if (each := _valid(Checkpoint, item))]
        return sorted(found, key=lambda each: each.step_number or 0, reverse=True)

    def list_files(self, *, purpose: str, limit: int) -> Request:
        """Return the request for the newest files with a purpose."""
        return Request("GET", "/files", (("purpose", purpose), ("order", "desc"), ("limit", str(limit))))

    def read_files(self, response: Response, *, purpose: str, now: float) -> list[File]:
        """Parse files, newest first; malformed ones and those with another purpose are left out."""
        found = [each for item in items_of(response, "files", now=now) if (each := _valid(File, item))]
        fitting = {each.id: each for each in found if each.purpose == purpose}
        return sorted(fitting.values(), key=lambda each: each.created_at or 0, reverse=True)

    def file_content(self, file_id: str) -> Request:
        """Return the request for the contents of a file."""
        return Request("GET", f"/files/{path_segment(file_id)}/content")

    def list_models(self) -> Request:
        """Return the request for every model that the account can use; the list has no pages."""
        return Request("GET", "/models")

    def read_models(self, response: Response, *, now: float) -> list[Model]:
        """Parse models; malformed ones are left out."""
        return [each for item in items_of(response, "models", now=now) if (each := _valid(Model, item))]

    def job_page(self, job_id: str) -> str:
        """Return the URL of the job's page."""
        return (self.account.job_page_url or self.job_page_url).replace("{job}", path_segment(job_id))

    def _items(self, items: Any, response: Response) -> list[FetchedJob | None]:
        """Return the items of a list in order, None for each that is not a job."""
        if not isinstance(items, list):
            raise InvalidResponse("The response didn't contain a list of jobs.", request_id=response.request_id)
        return [fetched_job(item, self.normalized) for item in items]

    def _page(self, items: Sequence[FetchedJob | None], cursor: str | None) -> Page:
        readings = [item for item in items if item]
        ours = tuple(reading for reading in readings if not self._is_foreign(reading))
        raw = tuple(item.snapshot if item else None for item in items)
        return Page(ours, len(items) - len(readings), cursor, len(readings) - len(ours), raw)

    def _is_foreign(self, fetched: FetchedJob) -> bool:
        """Whether a job belongs to another organization; False unless both are given as IDs, since names cannot be compared."""
        ours, theirs = self.account.organization, fetched.body.get("organization_id")
        both_are_ids = all(isinstance(each, str) and each.startswith("org-") for each in (ours, theirs))
        return both_are_ids and ours != theirs


def _last_id(items: Iterable[Any]) -> str | None:
    """Return the ID of the last item that has one, even if that item is malformed."""
    ids = [item.get("id") for item in items if isinstance(item, dict)]
    return next((each for each in reversed(ids) if isinstance(each, str) and each), None)


def _paging(limit: int, after: str | None) -> tuple[tuple[str, str], ...]:
    return (("limit", str(limit)), *([("after", after)] if after else []))


def _valid(model: type[M], item: Any) -> M | None:
    try:
        return model.model_validate(item)
    except ValidationError:
        return None
