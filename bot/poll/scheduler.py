"""The timer: APScheduler, and nothing else imports it. When to look and what to ask is decided elsewhere."""

import asyncio
import time
from collections.abc import AsyncIterator, Coroutine, Sequence
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

import structlog
from apscheduler.events import EVENT_JOB_ERROR, EVENT_JOB_MISSED, JobExecutionEvent
from apscheduler.schedulers.asyncio import AsyncIOScheduler
from structlog.contextvars import bound_contextvars

from bot.poll.poller import Poller
from bot.telemetry import metrics

STOP_TIMEOUT = 3.0
"""How long a stop waits for a sweep under way."""
DUE_FRACTION = 0.9
"""The share of an interval after which the next look is due: no timer is exact."""
STANDBY_FRACTION = 0.05
"""The share of an interval by which a process lets another's sweep go first."""
MAX_TRIES = 5
CLOCK_STEP = 0.5
"""Seconds by which the wall clock has to be off before it was set: clocks are slewed, too."""
RETRY_DELAY = 1.0
"""Seconds until a look that was asked for is tried again where another process is just looking."""

log = structlog.get_logger()


class PeriodicTask(Protocol):
    """Something that looks now and then, beside the sweeps."""

    name: str

    async def look(self) -> None:
        """Look once."""


@asynccontextmanager
async def scheduled(
    pollers: Sequence[Poller], interval: float, tasks: Sequence[PeriodicTask] = (), task_interval: float = 10.0
) -> AsyncIterator["PollTimer"]:
    """Sweep every account each ``interval`` seconds, the first time at once, until the block ends.

    Watchers look each ``tick`` seconds, the first time after one.

    A sweep that takes longer than the interval delays the next one, it never overlaps it, and a late run is not dropped.
    Of several processes one sweeps; the others try just after its next sweep is due, to take over where it is gone.
    """
    scheduler = SteadyScheduler(
        timezone=UTC, job_defaults={"max_instances": 1, "coalesce": True, "misfire_grace_time": None}
    )
    scheduler.add_listener(_report, EVENT_JOB_ERROR | EVENT_JOB_MISSED)
    timer = PollTimer(scheduler, interval)
    for sweeper in pollers:
        scheduler.add_job(
            timer.poll, "interval", (sweeper,), seconds=interval, id=_id_of(sweeper), next_run_time=datetime.now(UTC)
        )
    for watcher in tasks:
        scheduler.add_job(timer.run_task, "interval", (watcher,), seconds=task_interval, id=watcher.name)
    scheduler.start()
    try:
        yield timer
    finally:
        # APScheduler cuts what it started and does not wait: the database would be closed under a sweep.
        await timer.stop()
        for sweeper in pollers:
            await sweeper.close()
        scheduler.shutdown(wait=False)


class SteadyScheduler(AsyncIOScheduler):  # type: ignore[misc]  # it has no types
    """APScheduler, which knows the wall clock alone: when that is set, what is due moves with it.

    So a look comes when its seconds have passed by the clock of the event loop, which nobody can set.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._clock_offset = _wall_clock_offset()

    def run_in(self, job_id: str, seconds: float) -> None:
        """Let a job run next so many seconds from now."""
        self._adjust_to_clock()
        self.modify_job(job_id, next_run_time=datetime.now(UTC) + timedelta(seconds=seconds))

    def _process_jobs(self) -> float | None:
        # Whatever makes the scheduler look at what is due, and compute how long to sleep, goes through here.
        self._adjust_to_clock()
        seconds: float | None = super()._process_jobs()
        return seconds

    def _adjust_to_clock(self) -> None:
        """Move what is due by as much as the wall clock was set."""
        step = _wall_clock_offset() - self._clock_offset
        if abs(step) < CLOCK_STEP:
            return
        self._clock_offset += step
        log.warning("clock.set", seconds=round(step))
        for job in self.get_jobs():
            self.modify_job(job.id, next_run_time=job.next_run_time + timedelta(seconds=step))


def _wall_clock_offset() -> float:
    """Return by how much the wall clock is ahead of the loop's."""
    return time.time() - asyncio.get_running_loop().time()


class PollTimer:
    """What the timer runs: a sweep, whatever becomes of it."""

    def __init__(self, scheduler: SteadyScheduler, interval: float) -> None:
        self._scheduler = scheduler
        self._interval = interval
        self._under_way: set[asyncio.Task[float | None]] = set()
        self._failing: dict[str, type[BaseException]] = {}
        self._requested: set[str] = set()
        self._requests: dict[str, asyncio.Task[None]] = {}

    async def poll(self, sweeper: Poller) -> None:
        """Sweep once. What breaks is logged when it begins and when it is over; the next tick tries again."""
        if busy_for := await self._run(sweeper.account, sweeper.poll(older_than=DUE_FRACTION * self._interval)):
            self._scheduler.run_in(_id_of(sweeper), busy_for + STANDBY_FRACTION * self._interval)

    def poll_soon(self, sweeper: Poller) -> None:
        """Sweep at once, and once more where a look is under way already: it may have come too early."""
        self._requested.add(sweeper.account)
        if sweeper.account not in self._requests:
            task = self._requests[sweeper.account] = asyncio.create_task(self._poll_requested(sweeper))
            task.add_done_callback(lambda _: self._requests.pop(sweeper.account))

    async def _poll_requested(self, poller: Poller) -> None:
        while poller.account in self._requested:
            self._requested.discard(poller.account)
            for _ in range(MAX_TRIES):
                if not await self._run(poller.account, poller.poll()):
                    break
                await asyncio.sleep(RETRY_DELAY)  # another process is looking; its look may have come too early

    async def run_task(self, watcher: PeriodicTask) -> None:
        """Look once at how far jobs are; what breaks is logged as for a sweep."""
        await self._run(watcher.name, watcher.look())

    async def _run(self, name: str, work: Coroutine[Any, Any, float | None]) -> float | None:
        with bound_contextvars(watch=name):
            task = asyncio.create_task(work)
        self._under_way.add(task)
        task.add_done_callback(self._under_way.discard)
        await asyncio.wait({task})
        if task.cancelled():
            return None
        if error := task.exception():
            self._failed(name, error)
            return None
        if self._failing.pop(name, None):
            log.info("poll.recovered", account=name)
        return task.result()

    async def stop(self) -> None:
        """Begin no sweep any more; wait for what is under way, and cut what takes too long."""
        self._scheduler.pause()
        for hurry in self._requests.values():
            hurry.cancel()
        while self._under_way:
            _, late = await asyncio.wait(self._under_way, timeout=STOP_TIMEOUT)
            for task in late:
                task.cancel()

    def _failed(self, account: str, error: BaseException) -> None:
        if self._failing.get(account) is not type(error):
            log.error("poll.failed", account=account, exc_info=error)
        self._failing[account] = type(error)
        metrics.POLLS.labels(account, "error").inc()


def _id_of(poller: Poller) -> str:
    """Return the timer's name for an account, which no watcher has."""
    return f"account {poller.account}"


def _report(event: JobExecutionEvent) -> None:
    log.error("poll.failed", account=event.job_id, exc_info=event.exception)
