"""The timer: APScheduler, and nothing else imports it. When to look and what to ask is decided elsewhere."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import structlog
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MISSED, JobExecutionEvent
from apscheduler.schedulers.asyncio import AsyncIOScheduler

from bot.poll.sweep import Sweeper

LAST_SECONDS = 3.0
"""How long a stop waits for a sweep under way."""

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
    under_way: set[asyncio.Task[None]] = set()
    for sweeper in sweepers:
        scheduler.add_job(
            _sweep,
            "interval",
            (sweeper, under_way),
            seconds=interval,
            id=sweeper.account,
            next_run_time=datetime.now(UTC),
        )
    scheduler.start()
    try:
        yield
    finally:
        scheduler.pause()
        # APScheduler cuts what it started and does not wait: the database would be closed under a sweep.
        while under_way:
            _, late = await asyncio.wait(under_way, timeout=LAST_SECONDS)
            for task in late:
                task.cancel()
        scheduler.shutdown(wait=False)


async def _sweep(sweeper: Sweeper, under_way: set[asyncio.Task[None]]) -> None:
    task = asyncio.create_task(sweeper.sweep())
    under_way.add(task)
    task.add_done_callback(under_way.discard)
    await asyncio.wait({task})
    if not task.cancelled():
        task.result()  # what it raised is for the scheduler to report


def _report(event: JobExecutionEvent) -> None:
    log.error("sweep.broke", account=event.job_id, exc_info=event.exception)
