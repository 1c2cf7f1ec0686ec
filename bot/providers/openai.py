"""The OpenAI dialect, without I/O: the calls of its fine-tuning API and how to read their answers.

https://platform.openai.com/docs/api-reference/fine-tuning
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError

from bot.errors import BrokenAnswer, ForeignAnswer
from bot.jobs.models import Checkpoint, Event, File, Model
from bot.jobs.orders import Order
from bot.providers.wire import Answer, Page, Reading, Request, json_of, reading_of, segment

JOBS = "/fine_tuning/jobs"

M = TypeVar("M", bound=BaseModel)


def list_jobs(*, after: str | None = None, limit: int = 100, metadata: Mapping[str, str] | None = None) -> Request:
    """Ask for one page of jobs, newest first; ``metadata`` keeps only jobs that carry these pairs."""
    query = [("limit", str(limit))]
    if after:
        query.append(("after", after))
    query += [(f"metadata[{key}]", value) for key, value in (metadata or {}).items()]
    return Request("GET", JOBS, tuple(query))


def read_jobs(answer: Answer, *, now: float, after: str | None = None, organization: str | None = None) -> Page:
    """Read the answer to ``list_jobs``. A broken item, or one of another ``organization``, is counted and left out.

    The list has no ``last_id``: the cursor is the id of the last item, and a cursor that does not move ends it.

    Raises:
        ProviderError: no page could be read at all.
    """
    body = json_of(answer, now=now)
    items = body.get("data")
    if not isinstance(items, list):
        raise BrokenAnswer("The list of jobs has no data.", request_id=answer.request_id)
    readings = tuple(reading for item in items if (reading := reading_of(item)))
    cursor = readings[-1].snapshot.id if readings and body.get("has_more") is True else None
    ours = tuple(reading for reading in readings if not _is_of_another(organization, reading))
    foreign = len(readings) - len(ours)
    return Page(ours, len(items) - len(readings), cursor if cursor != after else None, foreign)


def retrieve_job(job_id: str) -> Request:
    """Ask for one job."""
    return Request("GET", f"{JOBS}/{segment(job_id)}")


def order_job(order: Order, job_id: str) -> Request:
    """Order the end of a job, which cannot be undone, or that it pauses or goes on."""
    return Request("POST", f"{JOBS}/{segment(job_id)}/{order}")


def create_job(body: Mapping[str, Any]) -> Request:
    """Order a new job."""
    return Request("POST", JOBS, body=body)


def read_created(answer: Answer, *, now: float) -> Reading:
    """Read the answer to ``create_job``.

    Raises:
        ProviderError: it is no job.
    """
    reading = reading_of(json_of(answer, now=now))
    if reading is None:
        raise BrokenAnswer("The answer was not a job.", request_id=answer.request_id)
    return replace(reading, request_id=answer.request_id)


def list_files(*, purpose: str, limit: int) -> Request:
    """Ask for the newest files that were uploaded for something."""
    return Request("GET", "/files", (("purpose", purpose), ("order", "desc"), ("limit", str(limit))))


def read_files(answer: Answer, *, purpose: str, now: float) -> list[File]:
    """Read the answer to ``list_files``, newest first; what cannot be read, or is for something else, is left out.

    Raises:
        ProviderError: no list could be read at all.
    """
    found = [each for item in _items(answer, "files", now) if (each := _valid(File, item))]
    fitting = {each.id: each for each in found if each.purpose == purpose}
    return sorted(fitting.values(), key=lambda each: each.created_at or 0, reverse=True)


def read_job(answer: Answer, job_id: str, *, now: float, organization: str | None = None) -> Reading:
    """Read the answer to ``retrieve_job`` or ``order_job``; ``organization`` is whose job it has to be, if that is known.

    Raises:
        ForeignAnswer: it is another job, or another organisation's.
        ProviderError: it is no job.
    """
    reading = reading_of(json_of(answer, now=now))
    if reading is None:
        raise BrokenAnswer("The answer was not the job that was asked for.", request_id=answer.request_id)
    if reading.snapshot.id != job_id:
        raise ForeignAnswer("The answer was not the job that was asked for.", request_id=answer.request_id)
    if _is_of_another(organization, reading):
        raise ForeignAnswer("The answer was a job of another organisation.", request_id=answer.request_id)
    return replace(reading, request_id=answer.request_id)


def _is_of_another(organization: str | None, reading: Reading) -> bool:
    """Whether a job is another organisation's; where one of the two is a name and no id, nobody can tell."""
    theirs = reading.body.get("organization_id")
    both_are_ids = all(isinstance(each, str) and each.startswith("org-") for each in (organization, theirs))
    return both_are_ids and organization != theirs


def list_events(job_id: str, *, limit: int = 20, after: str | None = None) -> Request:
    """Ask for the newest lines of a job's log, or for those before the line with the id ``after``."""
    return Request("GET", f"{JOBS}/{segment(job_id)}/events", _paging(limit, after))


def _paging(limit: int, after: str | None) -> tuple[tuple[str, str], ...]:
    return (("limit", str(limit)), *([("after", after)] if after else []))


def read_events(answer: Answer, *, now: float) -> list[Event]:
    """Read the answer to ``list_events``, oldest first; lines that cannot be read are left out.

    Raises:
        ProviderError: no list could be read at all.
    """
    items = _items(answer, "events", now)
    # The API sends the newest first, and stamps whole seconds: lines of one second keep their order.
    events = [event for item in reversed(items) if (event := _valid(Event, item))]
    return sorted(events, key=lambda event: event.created_at or 0)


def list_checkpoints(job_id: str, *, limit: int = 10, after: str | None = None) -> Request:
    """Ask for the newest checkpoints of a job, or for those before the one with the id ``after``."""
    return Request("GET", f"{JOBS}/{segment(job_id)}/checkpoints", _paging(limit, after))


def read_checkpoints(answer: Answer, *, now: float) -> list[Checkpoint]:
    """Read the answer to ``list_checkpoints``, newest first; what cannot be read is left out.

    Raises:
        ProviderError: no list could be read at all.
    """
    found = [each for item in _items(answer, "checkpoints", now) if (each := _valid(Checkpoint, item))]
    return sorted(found, key=lambda each: each.step_number or 0, reverse=True)


def list_models() -> Request:
    """Ask for every model that the account can use; the list has no pages."""
    return Request("GET", "/models")


def read_models(answer: Answer, *, now: float) -> list[Model]:
    """Read the answer to ``list_models``; what cannot be read is left out.

    Raises:
        ProviderError: no list could be read at all.
    """
    return [each for item in _items(answer, "models", now) if (each := _valid(Model, item))]


def file_content(file_id: str) -> Request:
    """Ask for the bytes of a file."""
    return Request("GET", f"/files/{segment(file_id)}/content")


def _items(answer: Answer, what: str, now: float) -> list[Any]:
    items = json_of(answer, now=now).get("data")
    if not isinstance(items, list):
        raise BrokenAnswer(f"The list of {what} has no data.", request_id=answer.request_id)
    return items


def _valid(model: type[M], item: Any) -> M | None:
    try:
        return model.model_validate(item)
    except ValidationError:
        return None


def job_page(job_id: str) -> str:
    """Return the address of the job's page, for people."""
    return f"https://platform.openai.com/finetune/{segment(job_id)}"
