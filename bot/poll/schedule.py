"""The timer: APScheduler, and nothing else imports it. When to look and what to ask is decided elsewhere."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import structlog
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MISSED, JobExecutionEvent
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.poll.sweep import Sweeper

log = structlog.get_logger()


@asynccontextmanager
async def sweeping(sweepers: Sequence[Sweeper], interval: float) -> AsyncIterator[None]:
    """Sweep every account each ``interval`` seconds, the first time at once, until the block ends.

    A sweep that takes longer than the interval delays the next one, it never overlaps it, and a late run is not dropped.
    """
    scheduler = AsyncIOScheduler(
        timezone=UTC, job_defaults={"max_instances": 1, "coalesce": True, "misfire_grace_time": None}
    )
    scheduler.add_listener(_report, EVENT_JOB_ERROR | EVENT_JOB_MISSED)
    for sweeper in sweepers:
        scheduler.add_job(
            sweeper.sweep, "interval", seconds=interval, id=sweeper.account, next_run_time=datetime.now(UTC)
        )
    scheduler.start()
    try:
        yield
    finally:
        scheduler.shutdown(wait=False)


def _report(event: JobExecutionEvent) -> None:
    log.error("sweep.broke", account=event.job_id, exc_info=event.exception)
