"""Charts of training curves, for the cards of succeeded jobs. No alert waits for one.

succeeded job -> its result file, or its events -> curves -> PNG -> Slack -> card
"""

import asyncio

import structlog

from bot.delivery.charts import Chart, Charts, alt_text
from bot.errors import (
    AccessDenied,
    ChartNotRendered,
    InvalidResponse,
    NotFound,
    NotSupported,
    ProviderError,
    RequestRejected,
)
from bot.jobs.models import Event, Job, display_name
from bot.jobs.results import Curve, curves_of, curves_of_rows, read_results
from bot.jobs.statuses import Phase, phase_of
from bot.providers.client import Client
from bot.slack.client import SlackClient
from bot.slack.messages import FileUpload
from bot.store import Store
from bot.store.jobs.snapshots import UploadedChart

EVENTS_PAGE_SIZE = 100
MAX_PAGES = 10
"""Pages of events that are read for a job without a result file."""
MAX_CHECKPOINTS = 20
PERMANENT_ERRORS = (NotFound, AccessDenied, RequestRejected, InvalidResponse, NotSupported)
"""Errors that a retry does not fix; the chart is drawn without that part."""

log = structlog.get_logger()


class CurveUploader:
    """Periodic task that draws and uploads the charts of one account's jobs."""

    def __init__(self, client: Client, store: Store, charts: Charts, slack: SlackClient) -> None:
        self.name = f"{client.account.name} curves"
        self._account = client.account.name
        self._client = client
        self._store = store
        self._charts = charts
        self._slack = slack

    async def run(self) -> None:
        """Draw and upload the charts that are due, one after the other."""
        while job := await self._store.jobs.snapshots.claim_without_chart(self._account):
            try:
                await self._upload_chart(job)
            except (ProviderError, ChartNotRendered) as error:
                log.info("chart.failed", account=self._account, job=job.id, error=str(error))

    async def _upload_chart(self, job: Job) -> None:
        chart = await load_chart(job, self._client)
        if chart is None:
            await self._store.jobs.snapshots.save_chart(self._account, job.id, None)
            return
        png, says = await self._charts.png(chart), alt_text(chart)
        file = await self._slack.upload(FileUpload(png, f"{job.id}.png", chart.title))
        if file:
            await self._store.jobs.snapshots.save_chart(self._account, job.id, UploadedChart(file, says))


async def load_chart(job: Job, client: Client) -> Chart | None:
    """Return the chart of a job, or None if it has no metrics.

    Raises:
        ProviderError: the API failed.
    """
    curves = await load_curves(job, client)
    if not curves:
        return None
    return Chart(
        " · ".join([display_name(job), *([job.model] if job.model else [])]), curves, await _checkpoints(job, client)
    )


async def _checkpoints(job: Job, client: Client) -> list[int]:
    try:
        found = await client.checkpoints(job.id, limit=MAX_CHECKPOINTS)
    except PERMANENT_ERRORS:
        return []
    return sorted(each.step_number for each in found if each.step_number)


async def load_curves(job: Job, client: Client) -> list[Curve]:
    """Return the curves of a job, from its result file or, while there is none, from its log."""
    unread = None
    if job.result_files and phase_of(job.status) is Phase.SUCCEEDED:
        try:
            content = await client.file_content(job.result_files[0])
            # In a thread: a long file would block the event loop for a second or two.
            if curves := await asyncio.to_thread(read_results, content):
                return curves
            log.info("results.unknown_format", job=job.id)
        except PERMANENT_ERRORS as error:
            # The file may be deleted, too large or forbidden: fall back to the events.
            log.info("results.unreadable", job=job.id, error=str(error))
            # A deleted file is final; another one may still hold metrics.
            unread = None if isinstance(error, NotFound) else error
    curves = await _measured(job, client)
    if unread and not curves:
        raise unread  # whether there are metrics is unknown
    return curves


async def _measured(job: Job, client: Client) -> list[Curve]:
    """Return the curves in what the API lists of a job: its metrics or, if it has no such list, its log."""
    try:
        return curves_of_rows(await client.metrics(job.id))
    except NotSupported:
        pass
    except (NotFound, AccessDenied, RequestRejected) as error:  # none yet, or their signed URL has expired
        log.info("metrics.unreadable", job=job.id, error=str(error))
        return []
    try:
        return curves_of(await _all_events(job, client))
    except NotSupported:
        return []


async def _all_events(job: Job, client: Client) -> list[Event]:
    events = page = await client.events(job.id, limit=EVENTS_PAGE_SIZE)
    for _ in range(MAX_PAGES - 1):
        if len(page) < EVENTS_PAGE_SIZE or not page[0].id:
            break
        page = await client.events(job.id, limit=EVENTS_PAGE_SIZE, after=page[0].id)
        events = [*page, *events]
    return events
