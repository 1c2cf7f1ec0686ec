"""The illustrator: gives the card of a job that succeeded a picture of its curves. No alert waits for it.

a job that succeeded -> its result file, or its log -> curves -> PNG -> Slack -> card
"""

import asyncio

import structlog

from bot.delivery.charts import Chart, Charts, alt_text
from bot.errors import AccessDenied, ChartNotRendered, InvalidResponse, NotFound, ProviderError, RequestRejected
from bot.jobs.models import Job
from bot.jobs.results import Curve, curves_of, read_results
from bot.jobs.statuses import Phase, phase_of
from bot.providers.client import Client
from bot.slack.client import SlackClient
from bot.slack.messages import FileUpload
from bot.store import Store
from bot.store.jobs.snapshots import UploadedChart

EVENTS_PAGE_SIZE = 100
MAX_PAGES = 10
"""Pages of a log that are read for the curves of a job without a result file."""
MAX_CHECKPOINTS = 20
PERMANENT_ERRORS = (NotFound, AccessDenied, RequestRejected, InvalidResponse)
"""Not now and not later; what else is drawn does without."""

log = structlog.get_logger()


class CurveUploader:
    """Draws the curves of one account's jobs."""

    def __init__(self, client: Client, store: Store, charts: Charts, slack: SlackClient) -> None:
        self.name = f"{client.account.name} curves"
        self._account = client.account.name
        self._client = client
        self._store = store
        self._charts = charts
        self._slack = slack

    async def look(self) -> None:
        """Draw what is due, one job after the other."""
        while job := await self._store.jobs.snapshots.claim_without_chart(self._account):
            try:
                await self._upload_chart(job)
            except (ProviderError, ChartNotRendered) as error:
                log.info("curves.not_drawn", account=self._account, job=job.id, error=str(error))

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
    """Return what there is to draw of a job, None where nothing was measured.

    Raises:
        ProviderError: it could not be read.
    """
    curves = await load_curves(job, client)
    if not curves:
        return None
    return Chart(" · ".join([job.id, *([job.model] if job.model else [])]), curves, await _checkpoints(job, client))


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
            # In a thread: a long file takes a second or two, in which nobody else would be answered.
            if curves := await asyncio.to_thread(read_results, content):
                return curves
            log.info("results.not_known", job=job.id)
        except PERMANENT_ERRORS as error:
            # Its files can be deleted, too large, or the key may not read them: the log stays.
            log.info("results.unread", job=job.id, error=str(error))
            # One that is gone says nothing any more; what the others say is not known.
            unread = None if isinstance(error, NotFound) else error
    events = page = await client.events(job.id, limit=EVENTS_PAGE_SIZE)
    for _ in range(MAX_PAGES - 1):
        if len(page) < EVENTS_PAGE_SIZE or not page[0].id:
            break
        page = await client.events(job.id, limit=EVENTS_PAGE_SIZE, after=page[0].id)
        events = [*page, *events]
    curves = curves_of(events)
    if unread and not curves:
        raise unread  # that nothing was measured is more than anybody knows
    return curves
