"""Parsers of an API's responses, as its dialect says; pure.

Each parser takes the current Unix time, for ``Retry-After``, and raises a ``ProviderError`` for a failed request.
"""

from collections.abc import Iterable, Sequence
from dataclasses import replace
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from pydantic_core import from_json

from bot.errors import InvalidResponse, MismatchedResponse
from bot.jobs.models import Checkpoint, Event, File, Model
from bot.jobs.results import MAX_ROWS
from bot.providers.account import Account
from bot.providers.dialect import Dialect, ItemList, Listing
from bot.providers.fields import Fields
from bot.providers.http.decode import decoded
from bot.providers.http.wire import FetchedJob, Page, Response, fetched_job, items_of, json_of

M = TypeVar("M", bound=BaseModel)


class Responses:
    """Parsers of one account's API: malformed items are left out, and of jobs, those of another organization."""

    def __init__(self, dialect: Dialect, account: Account) -> None:
        self._dialect = dialect
        self._account = account

    def jobs(self, response: Response, listing: Listing, *, now: float, after: str | None = None) -> Page:
        """Return a page of jobs, newest first. A cursor that does not change ends the list."""
        body = json_of(response, now=now)
        # A page without jobs may lack its list.
        items = body.get(listing.items, [] if listing.pages and listing.pages.next_token else None)
        if not isinstance(items, list):
            raise InvalidResponse("The response didn't contain a list of jobs.", request_id=response.request_id)
        fetched = [fetched_job(item, lambda each: self._dialect.normalized(each, listing)) for item in items]
        if listing.pages is None:
            fetched.sort(key=_created, reverse=True)
        cursor = _cursor(body, items, listing)
        return self._page(fetched, cursor if cursor != after else None)

    def job(self, response: Response, job_id: str, *, now: float) -> FetchedJob:
        """Return one job, read or after an action.

        Raises:
            MismatchedResponse: the response has another job, or one of another organization.
        """
        fetched = self._one(response, self._dialect.listing_of(job_id), now=now)
        if fetched.snapshot.id != job_id:
            raise MismatchedResponse("The response was for a different job.", request_id=response.request_id)
        if self._is_foreign(fetched):
            raise MismatchedResponse(
                "The response was for a job in another organization.", request_id=response.request_id
            )
        return fetched

    def created(self, response: Response, *, now: float) -> FetchedJob:
        """Return the created job."""
        return self._one(response, self._dialect.listings[0], now=now)

    def events(self, response: Response, events: ItemList, *, now: float) -> list[Event]:
        """Return events, oldest first."""
        found = _items(Event, response, events, "events", now=now)
        # Timestamps are whole seconds: events of one second keep their order.
        oldest_first = found if events.oldest_first else list(reversed(found))
        return sorted(oldest_first, key=lambda event: event.created_at or 0)

    def checkpoints(self, response: Response, checkpoints: ItemList, *, now: float) -> list[Checkpoint]:
        """Return checkpoints, newest first."""
        found = _items(Checkpoint, response, checkpoints, "checkpoints", now=now)
        return sorted(found, key=lambda each: each.step_number or 0, reverse=True)

    def metrics(self, response: Response, metrics: ItemList, *, now: float) -> list[dict[str, Any]]:
        """Return rows of metrics, with ``step`` and the columns of ``jobs.results``."""
        return _rows(items_of(response, "metrics", now=now, key=metrics.items), metrics.fields)

    def files(self, response: Response, files: ItemList, *, purpose: str, now: float) -> list[File]:
        """Return files with a purpose, newest first."""
        found = _items(File, response, files, "files", now=now)
        fitting = {each.id: each for each in found if each.purpose == purpose}
        return sorted(fitting.values(), key=lambda each: each.created_at or 0, reverse=True)

    def models(self, response: Response, models: ItemList, *, now: float) -> list[Model]:
        """Return models."""
        return _items(Model, response, models, "models", now=now)

    def cursor_in(self, beginning: bytes, listing: Listing) -> str | None:
        """Return the cursor after the first job of a truncated page; None if that part has none."""
        if listing.pages is None or listing.pages.next_token:
            return None
        try:
            body = from_json(beginning, allow_partial=True)
        except ValueError:
            return None
        items = body.get(listing.items) if isinstance(body, dict) else None
        return _last_id(items[:1]) if isinstance(items, list) else None

    def _one(self, response: Response, listing: Listing, *, now: float) -> FetchedJob:
        body = json_of(response, now=now)
        fetched = fetched_job(body, lambda item: self._dialect.normalized(item, listing))
        if fetched is None:
            raise InvalidResponse("The response wasn't a valid job.", request_id=response.request_id)
        return replace(fetched, request_id=response.request_id)

    def _page(self, items: Sequence[FetchedJob | None], cursor: str | None) -> Page:
        fetched = [item for item in items if item]
        ours = tuple(each for each in fetched if not self._is_foreign(each))
        raw = tuple(item.snapshot if item else None for item in items)
        return Page(ours, len(items) - len(fetched), cursor, len(fetched) - len(ours), raw)

    def _is_foreign(self, fetched: FetchedJob) -> bool:
        """Whether a job belongs to another organization; False unless both are given as IDs, since names cannot be compared."""
        ours, theirs = self._account.organization, fetched.body.get("organization_id")
        both_are_ids = all(isinstance(each, str) and each.startswith("org-") for each in (ours, theirs))
        return both_are_ids and ours != theirs


def metric_rows(content: bytes, row: Fields) -> list[dict[str, Any]]:
    """Return the rows of a metrics file, one JSON object a line; other lines are left out."""
    rows = []
    for line in content.splitlines()[:MAX_ROWS]:
        try:
            rows.append(decoded(line))
        except ValueError:
            continue
    return _rows(rows, row)


def next_token(response: Response, field: str, *, now: float) -> str | None:
    """Return the cursor of the next page; None on the last one."""
    token = json_of(response, now=now).get(field)
    return token if isinstance(token, str) and token else None


def _cursor(body: dict[str, Any], items: list[Any], listing: Listing) -> str | None:
    """Return the cursor of the next page; None on the last one."""
    if listing.pages is None:
        return None
    if listing.pages.next_token:
        token = body.get(listing.pages.next_token)
        return token if isinstance(token, str) and token else None
    return _last_id(items) if body.get("has_more") is True else None


def _last_id(items: Iterable[Any]) -> str | None:
    """Return the ID of the last item that has one, even if that item is malformed."""
    ids = [item.get("id") for item in items if isinstance(item, dict)]
    return next((each for each in reversed(ids) if isinstance(each, str) and each), None)


def _created(item: FetchedJob | None) -> float:
    return (item.snapshot.created_at if item else None) or 0.0


def _items(model: type[M], response: Response, items: ItemList, what: str, *, now: float) -> list[M]:
    """Return the valid items of a list, in the order of the response."""
    rows = _rows(items_of(response, what, now=now, key=items.items), items.fields)
    return [each for row in rows if (each := _valid(model, row))]


def _rows(items: Iterable[Any], fields: Fields) -> list[dict[str, Any]]:
    return [{name: read(item) for name, read in fields.items()} for item in items if isinstance(item, dict)]


def _valid(model: type[M], item: Any) -> M | None:
    try:
        return model.model_validate(item)
    except ValidationError:
        return None
