"""Dialects under test: requests and parsers of one account, as its client uses them."""

from collections.abc import Mapping
from typing import Any

from bot.jobs.models import Checkpoint, Event, File, Model
from bot.providers.dialect import Listing
from bot.providers.http.wire import FetchedJob, Page, Request, Response
from bot.providers.registry import dialect_of
from bot.providers.requests import Requests
from bot.providers.responses import Responses
from tests.builders import account


class Spoken(Requests):
    """Requests to an account, and parsers of the responses to them."""

    def __init__(self, **fields: Any) -> None:
        self.account = account(**fields)
        self.dialect = dialect_of(self.account)
        super().__init__(self.dialect, self.account)
        self._responses = Responses(self.dialect, self.account)
        self.listing = self.dialect.listings[0]

    def first_page(
        self, *, after: str | None = None, limit: int = 100, metadata: Mapping[str, str] | None = None
    ) -> Request:
        """Return the request for a page of the first list."""
        return self.list_jobs(self.listing, after=after, limit=limit, metadata=metadata)

    def read_jobs(
        self, response: Response, *, now: float, after: str | None = None, listing: Listing | None = None
    ) -> Page:
        """Parse a page of jobs."""
        return self._responses.jobs(response, listing or self.listing, now=now, after=after)

    def read_job(self, response: Response, job_id: str, *, now: float) -> FetchedJob:
        """Parse one job."""
        return self._responses.job(response, job_id, now=now)

    def read_created(self, response: Response, *, now: float) -> FetchedJob:
        """Parse a job that was created."""
        return self._responses.created(response, now=now)

    def read_events(self, response: Response, *, now: float) -> list[Event]:
        """Parse events."""
        return self._responses.events(response, self.events, now=now)

    def read_checkpoints(self, response: Response, *, now: float) -> list[Checkpoint]:
        """Parse checkpoints."""
        return self._responses.checkpoints(response, self.checkpoints, now=now)

    def read_files(self, response: Response, *, purpose: str, now: float) -> list[File]:
        """Parse files."""
        return self._responses.files(response, self.files, purpose=purpose, now=now)

    def read_models(self, response: Response, *, now: float) -> list[Model]:
        """Parse models."""
        return self._responses.models(response, self.models, now=now)

    def read_metrics(self, response: Response, *, now: float) -> list[dict[str, Any]]:
        """Parse rows of metrics."""
        assert self.dialect.metrics
        return self._responses.metrics(response, self.dialect.metrics, now=now)
