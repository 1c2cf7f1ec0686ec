"""Requests to one account's API, as its dialect says; without I/O."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from bot.errors import NotSupported
from bot.jobs.actions import JobAction
from bot.providers.account import Account
from bot.providers.dialect import Dialect, ItemList, Listing, MetricsFile, Pages
from bot.providers.http.wire import Request, ResponseSize, path_segment

Query = tuple[tuple[str, str], ...]


class Requests:
    """Requests to one account's API. What its dialect does not name raises ``NotSupported``."""

    def __init__(self, dialect: Dialect, account: Account) -> None:
        self._dialect = dialect
        self._account = account

    def list_jobs(
        self,
        listing: Listing,
        *,
        after: str | None = None,
        limit: int = 100,
        metadata: Mapping[str, str] | None = None,
        is_sorted: bool = True,
    ) -> Request:
        """Return the request for one page of jobs.

        Args:
            listing: the list.
            after: cursor of the page.
            limit: number of jobs.
            metadata: pairs that the jobs must have, if the provider filters by them.
            is_sorted: whether the provider is asked for the newest first.
        """
        pairs = [(f"metadata[{key}]", value) for key, value in (metadata or {}).items()]
        filters = tuple(pairs) if listing.filters_metadata else ()
        sort = (listing.sort,) if listing.sort and is_sorted else ()
        return self._page(self._path(listing), listing.pages, limit, after, (*sort, *filters))

    def retrieve_job(self, job_id: str) -> Request:
        """Return the request for one job."""
        return self._get(self._job_path(job_id))

    def job_action(self, action: JobAction, job_id: str) -> Request:
        """Return the request for an action on a job."""
        if action not in self._dialect.actions:
            raise NotSupported(f"ftjob can't {action} {self._dialect.name} jobs.")
        call = self._dialect.actions[action]
        return Request("POST", self._job_path(job_id) + call.path, self._dialect.query, body=call.body)

    def create_job(self, body: Mapping[str, Any]) -> Request:
        """Return the request to create a job."""
        if JobAction.CREATE not in self._dialect.actions:
            raise NotSupported(f"ftjob can't create {self._dialect.name} jobs. {self._dialect.create_with}".rstrip())
        return Request("POST", self._path(self._dialect.listings[0]), self._dialect.query, body=body)

    def list_events(self, job_id: str, *, limit: int = 20, after: str | None = None) -> Request:
        """Return the request for a job's newest events, or for those after a cursor."""
        return self._of_job(job_id, self.events, limit, after)

    def list_checkpoints(self, job_id: str, *, limit: int = 10, after: str | None = None) -> Request:
        """Return the request for a job's newest checkpoints, or for those after a cursor."""
        return self._of_job(job_id, self.checkpoints, limit, after)

    def list_metrics(self, job_id: str) -> Request:
        """Return the request for a job's metrics."""
        if self._dialect.metrics is None:
            raise NotSupported(f"{self._dialect.name} lists no metrics.")
        return self._of_job(job_id, self._dialect.metrics, 0, None)

    def metrics_file(self, job_id: str, file: MetricsFile) -> Request:
        """Return the request whose response has the URL of a job's metrics file."""
        return self._get(self._job_path(job_id) + file.path)

    def list_files(self, *, purpose: str, limit: int) -> Request:
        """Return the request for the newest files with a purpose."""
        of_purpose = (("purpose", purpose), ("order", "desc"))
        return self._get(self.files.path, of_purpose, _page_query(self.files.pages, limit, None))

    def file_content(self, file_id: str) -> Request:
        """Return the request for the contents of a file."""
        if self._dialect.file_content is None:
            raise NotSupported(f"ftjob can't read {self._dialect.name} files.")
        return self._get(self._dialect.file_content.replace("{file}", path_segment(file_id)))

    def list_models(self) -> Request:
        """Return the request for every model that the account can use; the list has no pages."""
        return self._get(self.models.path)

    def job_page(self, job_id: str) -> str | None:
        """Return the URL of the job's page, if it has one."""
        listing = self._dialect.listing_of(job_id)
        own_id = path_segment(job_id.removeprefix(listing.id_prefix))
        return (self._account.job_page_url or self._filled(listing.job_page)).replace("{job}", own_id) or None

    @property
    def events(self) -> ItemList:
        """The list of a job's events."""
        if self._dialect.events is None:
            raise NotSupported(f"ftjob can't read {self._dialect.name} job logs.")
        return self._dialect.events

    @property
    def checkpoints(self) -> ItemList:
        """The list of a job's checkpoints."""
        if self._dialect.checkpoints is None:
            raise NotSupported(f"{self._dialect.name} doesn't list checkpoints.")
        return self._dialect.checkpoints

    @property
    def files(self) -> ItemList:
        """The list of files."""
        if self._dialect.files is None:
            raise NotSupported(f"ftjob can't create {self._dialect.name} jobs, so it doesn't list files.")
        return self._dialect.files

    @property
    def models(self) -> ItemList:
        """The list of models."""
        if self._dialect.models is None:
            raise NotSupported(f"ftjob can't list {self._dialect.name} models.")
        return self._dialect.models

    def _of_job(self, job_id: str, items: ItemList, limit: int, after: str | None) -> Request:
        return self._page(self._job_path(job_id) + items.path, items.pages, limit, after, items.query)

    def _page(self, path: str, pages: Pages | None, limit: int, after: str | None, query: Query) -> Request:
        """Return the request for one page of a list, or for a whole list that comes at once."""
        request = self._get(path, _page_query(pages, limit, after), query)
        return request if pages else replace(request, size=ResponseSize.WHOLE_LIST)

    def _job_path(self, job_id: str) -> str:
        listing = self._dialect.listing_of(job_id)
        return f"{self._path(listing)}/{path_segment(job_id.removeprefix(listing.id_prefix))}"

    def _path(self, listing: Listing) -> str:
        return self._filled(listing.path)

    def _filled(self, text: str) -> str:
        for name, value in (("organization", self._account.organization), ("project", self._account.project)):
            text = text.replace(f"{{{name}}}", path_segment(value or "-"))
        return text

    def _get(self, path: str, *queries: Query) -> Request:
        return Request("GET", path, (*(pair for query in queries for pair in query), *self._dialect.query))


def _page_query(pages: Pages | None, limit: int, after: str | None) -> Query:
    """Return the query of one page; empty for a list that comes at once."""
    if pages is None:
        return ()
    return ((pages.size, str(limit)), *(((pages.cursor, after),) if after else ()))
