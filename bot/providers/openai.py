"""The OpenAI dialect, without I/O: the calls of its fine-tuning API and how to read their answers.

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
    """What is asked of an account, and how it answers; a provider with ways of its own overrides what is other there.

    What is read of a job has OpenAI's fields and status words, whatever the provider calls them. Each ``read_`` takes
    the answer to the request of the same name and the present moment, in seconds since the epoch, and raises the
    ``ProviderError`` that says why nothing could be read. A provider that has no such thing raises ``NotOffered``.
    """

    job_page_url: ClassVar[str] = "https://platform.openai.com/finetune/{job}"
    """The address of a job's page, for people."""
    hint: ClassVar[str | None] = None
    """What has to be done with a finished model before it answers, safe mrkdwn."""
    newest_event_first: ClassVar[bool] = True
    """How events of the same second are sorted."""

    def __init__(self, account: Account) -> None:
        self.account = account
        self.jobs_path = "/fine_tuning/jobs"
        self.actions = frozenset(JobAction)
        """What it can be ordered to do; nothing else is offered to people."""

    @property
    def base_url(self) -> str:
        """Where the API is, without a slash at the end."""
        return self.account.base_url

    @property
    def query(self) -> tuple[tuple[str, str], ...]:
        """What is added to every request."""
        return ()

    def auth_headers(self, key: SecretStr) -> dict[str, str]:
        """Return the headers that prove who asks, and for whom."""
        named = {"OpenAI-Organization": self.account.organization, "OpenAI-Project": self.account.project}
        said = {name: value for name, value in named.items() if value}
        return {"Authorization": f"Bearer {key.get_secret_value()}", **said}

    def normalized(self, item: Any) -> Any:
        """Return a job of an answer in OpenAI's fields and words; what is no job comes back as it is."""
        return item

    def list_jobs(
        self, *, after: str | None = None, limit: int = 100, metadata: Mapping[str, str] | None = None
    ) -> Request:
        """Ask for one page of jobs, newest first; ``metadata`` keeps only jobs that carry these pairs."""
        pairs = [(f"metadata[{key}]", value) for key, value in (metadata or {}).items()]
        return Request("GET", self.jobs_path, (*_paging(limit, after), *pairs))

    def read_jobs(self, response: Response, *, now: float, after: str | None = None) -> Page:
        """Read a page of jobs. A broken item, or one of another organisation, is counted and left out.

        The list has no ``last_id``: the cursor is the id of the last item, and a cursor that does not move ends it.
        """
        body = json_of(response, now=now)
        items = self._items(body.get("data"), response)
        cursor = _last_id(body["data"]) if body.get("has_more") is True else None
        return self._page(items, cursor if cursor != after else None)

    def cursor_in(self, beginning: bytes) -> str | None:
        """Return the cursor behind the first job of a page that was cut off, where its beginning holds that."""
        try:
            body = from_json(beginning, allow_partial=True)
        except ValueError:
            return None
        items = body.get("data") if isinstance(body, dict) else None
        return _last_id(items[:1]) if isinstance(items, list) else None

    def retrieve_job(self, job_id: str) -> Request:
        """Ask for one job."""
        return Request("GET", f"{self.jobs_path}/{path_segment(job_id)}")

    def job_action(self, action: JobAction, job_id: str) -> Request:
        """Order the end of a job, which cannot be undone, or that it pauses or goes on."""
        return Request("POST", f"{self.jobs_path}/{path_segment(job_id)}/{action}")

    def read_job(self, response: Response, job_id: str, *, now: float) -> FetchedJob:
        """Read one job, or what became of it by an order.

        Raises:
            ForeignAnswer: it is another job, or another organisation's.
        """
        reading = fetched_job(json_of(response, now=now), self.normalized)
        if reading is None:
            raise InvalidResponse("The answer was not the job that was asked for.", request_id=response.request_id)
        if reading.snapshot.id != job_id:
            raise MismatchedResponse("The answer was not the job that was asked for.", request_id=response.request_id)
        if self._is_foreign(reading):
            raise MismatchedResponse("The answer was a job of another organisation.", request_id=response.request_id)
        return replace(reading, request_id=response.request_id)

    def create_job(self, body: Mapping[str, Any]) -> Request:
        """Order a new job."""
        return Request("POST", self.jobs_path, body=body)

    def read_created(self, response: Response, *, now: float) -> FetchedJob:
        """Read the job that was made."""
        reading = fetched_job(json_of(response, now=now), self.normalized)
        if reading is None:
            raise InvalidResponse("The answer was not a job.", request_id=response.request_id)
        return replace(reading, request_id=response.request_id)

    def list_events(self, job_id: str, *, limit: int = 20, after: str | None = None) -> Request:
        """Ask for the newest lines of a job's log, or for those before the line with the id ``after``."""
        return Request("GET", f"{self.jobs_path}/{path_segment(job_id)}/events", _paging(limit, after))

    def read_events(self, response: Response, *, now: float) -> list[Event]:
        """Read lines of a log, oldest first; lines that cannot be read are left out."""
        items = items_of(response, "events", now=now)
        # The API stamps whole seconds: lines of one second keep their order.
        in_order = list(reversed(items)) if self.newest_event_first else items
        events = [event for item in in_order if (event := _valid(Event, item))]
        return sorted(events, key=lambda event: event.created_at or 0)

    def list_checkpoints(self, job_id: str, *, limit: int = 10, after: str | None = None) -> Request:
        """Ask for the newest checkpoints of a job, or for those before the one with the id ``after``."""
        return Request("GET", f"{self.jobs_path}/{path_segment(job_id)}/checkpoints", _paging(limit, after))

    def read_checkpoints(self, response: Response, *, now: float) -> list[Checkpoint]:
        """Read checkpoints, newest first; what cannot be read is left out."""
        found = [each for item in items_of(response, "checkpoints", now=now) if (each := _valid(Checkpoint, item))]
        return sorted(found, key=lambda each: each.step_number or 0, reverse=True)

    def list_files(self, *, purpose: str, limit: int) -> Request:
        """Ask for the newest files that were uploaded for something."""
        return Request("GET", "/files", (("purpose", purpose), ("order", "desc"), ("limit", str(limit))))

    def read_files(self, response: Response, *, purpose: str, now: float) -> list[File]:
        """Read files, newest first; what cannot be read, or is for something else, is left out."""
        found = [each for item in items_of(response, "files", now=now) if (each := _valid(File, item))]
        fitting = {each.id: each for each in found if each.purpose == purpose}
        return sorted(fitting.values(), key=lambda each: each.created_at or 0, reverse=True)

    def file_content(self, file_id: str) -> Request:
        """Ask for the bytes of a file."""
        return Request("GET", f"/files/{path_segment(file_id)}/content")

    def list_models(self) -> Request:
        """Ask for every model that the account can use; the list has no pages."""
        return Request("GET", "/models")

    def read_models(self, response: Response, *, now: float) -> list[Model]:
        """Read models; what cannot be read is left out."""
        return [each for item in items_of(response, "models", now=now) if (each := _valid(Model, item))]

    def job_page(self, job_id: str) -> str:
        """Return the address of the job's page, for people."""
        return (self.account.job_page_url or self.job_page_url).replace("{job}", path_segment(job_id))

    def _items(self, items: Any, response: Response) -> list[FetchedJob | None]:
        """Return the items of a list in order, None for each that is no job."""
        if not isinstance(items, list):
            raise InvalidResponse("The list of jobs has no data.", request_id=response.request_id)
        return [fetched_job(item, self.normalized) for item in items]

    def _page(self, items: Sequence[FetchedJob | None], cursor: str | None) -> Page:
        readings = [item for item in items if item]
        ours = tuple(reading for reading in readings if not self._is_foreign(reading))
        raw = tuple(item.snapshot if item else None for item in items)
        return Page(ours, len(items) - len(readings), cursor, len(readings) - len(ours), raw)

    def _is_foreign(self, fetched: FetchedJob) -> bool:
        """Whether a job is another organisation's; where one of the two is a name and no id, nobody can tell."""
        ours, theirs = self.account.organization, fetched.body.get("organization_id")
        both_are_ids = all(isinstance(each, str) and each.startswith("org-") for each in (ours, theirs))
        return both_are_ids and ours != theirs


def _last_id(items: Iterable[Any]) -> str | None:
    """Return the id of the last item that has one, whatever else is wrong with it."""
    ids = [item.get("id") for item in items if isinstance(item, dict)]
    return next((each for each in reversed(ids) if isinstance(each, str) and each), None)


def _paging(limit: int, after: str | None) -> tuple[tuple[str, str], ...]:
    return (("limit", str(limit)), *([("after", after)] if after else []))


def _valid(model: type[M], item: Any) -> M | None:
    try:
        return model.model_validate(item)
    except ValidationError:
        return None
