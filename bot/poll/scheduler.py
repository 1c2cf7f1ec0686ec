"""Scheduler of polls and periodic tasks, on APScheduler, which nothing else imports."""

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

from bot.runtime.loops import FailureLog
from bot.telemetry import metrics

STOP_TIMEOUT = 3.0
"""Seconds that a stop waits for a running poll."""
DUE_FRACTION = 0.9
"""The share of an interval after which the next poll is due: no timer is exact."""
STANDBY_FRACTION = 0.05
"""The share of an interval by which a process lets another's poll go first."""
MAX_TRIES = 5
CLOCK_STEP = 0.5
"""Smallest offset of the wall clock that counts as set, in seconds: clocks are slewed, too."""
RETRY_DELAY = 1.0
"""Seconds until a requested poll is tried again while another process polls."""

log = structlog.get_logger()


class AccountPoller(Protocol):
    """What polls one account."""

    @property
    def account(self) -> str:
        """The name of the account."""

    @property
    def is_failing(self) -> bool:
        """Whether the last poll failed."""

    @property
    def is_broken(self) -> bool:
        """Whether the last poll failed for no reason of the API."""

    async def poll(self, *, older_than: float = 0.0) -> float | None:
        """Poll once; return the seconds until the next poll is due if another process polls."""

    async def close(self) -> None:
        """Cancel what is still in flight."""


class PeriodicTask(Protocol):
    """Something that is done now and then, beside the polls."""

    name: str

    async def run(self) -> None:
        """Do it once."""


@asynccontextmanager
async def scheduled(
    pollers: Sequence[AccountPoller], interval: float, tasks: Sequence[PeriodicTask] = (), task_interval: float = 10.0
) -> AsyncIterator["PollTimer"]:
    """Poll every account each ``interval`` seconds, the first time at once, until the block ends.

    Tasks run each ``task_interval`` seconds, the first time after one.

    A poll that takes longer than the interval delays the next one and never overlaps it; a late one is not dropped.
    Of several processes one polls; the others try just after its next poll is due, to take over if it's gone.
    """
    scheduler = SteadyScheduler(
        timezone=UTC, job_defaults={"max_instances": 1, "coalesce": True, "misfire_grace_time": None}
    )
    scheduler.add_listener(_report, EVENT_JOB_ERROR | EVENT_JOB_MISSED)
    timer = PollTimer(scheduler, interval)
    for poller in pollers:
        scheduler.add_job(
            timer.poll, "interval", (poller,), seconds=interval, id=_id_of(poller), next_run_time=datetime.now(UTC)
        )
    for task in tasks:
        scheduler.add_job(timer.run_task, "interval", (task,), seconds=task_interval, id=task.name)
    scheduler.start()
    try:
        yield timer
    finally:
        # APScheduler cancels what it started and doesn't wait: the database would be closed under a poll.
        await timer.stop()
        for poller in pollers:
            await poller.close()
        scheduler.shutdown(wait=False)


class SteadyScheduler(AsyncIOScheduler):  # type: ignore[misc]  # it has no types
    """APScheduler, which only knows the wall clock; what is due moves with that clock when someone sets it.

    So a job runs when its seconds have passed by the clock of the event loop, which no one can set.
    """

    def __init__(self, **options: Any) -> None:
        super().__init__(**options)
        self._clock_offset = _wall_clock_offset()

    def run_in(self, job_id: str, seconds: float) -> None:
        """Run a job next in so many seconds."""
        self._adjust_to_clock()
        self.modify_job(job_id, next_run_time=datetime.now(UTC) + timedelta(seconds=seconds))

    def _process_jobs(self) -> float | None:
        # Every check of what is due, and every computation of how long to sleep, goes through here.
        self._adjust_to_clock()
        seconds: float | None = super()._process_jobs()
        return seconds

    def _adjust_to_clock(self) -> None:
        """Move what is due by the step of the wall clock."""
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
    """Runs polls and tasks, whatever becomes of them, and logs the first failure and the recovery of each."""

    def __init__(self, scheduler: SteadyScheduler, interval: float) -> None:
        self._scheduler = scheduler
        self._interval = interval
        self._running: set[asyncio.Task[float | None]] = set()
        self._failures: dict[str, FailureLog] = {}
        self._requested: set[str] = set()
        self._requests: dict[str, asyncio.Task[None]] = {}

    async def poll(self, poller: AccountPoller) -> None:
        """Poll once; where another process polls, try again just after its next poll is due."""
        if busy_for := await self._run(poller.account, poller.poll(older_than=DUE_FRACTION * self._interval)):
            self._scheduler.run_in(_id_of(poller), busy_for + STANDBY_FRACTION * self._interval)

    def poll_soon(self, poller: AccountPoller) -> None:
        """Poll at once, and once more if a poll is running already: it may have come too early."""
        self._requested.add(poller.account)
        if poller.account not in self._requests:
            task = self._requests[poller.account] = asyncio.create_task(self._poll_requested(poller))
            task.add_done_callback(lambda _: self._requests.pop(poller.account))

    async def _poll_requested(self, poller: AccountPoller) -> None:
        while poller.account in self._requested:
            self._requested.discard(poller.account)
            for _ in range(MAX_TRIES):
                if not await self._run(poller.account, poller.poll()):
                    break
                await asyncio.sleep(RETRY_DELAY)  # another process is polling; its poll may have come too early

    async def run_task(self, task: PeriodicTask) -> None:
        """Run a task once."""
        await self._run(task.name, task.run())

    async def _run(self, name: str, work: Coroutine[Any, Any, float | None]) -> float | None:
        with bound_contextvars(watch=name):
            task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._running.discard)
        await asyncio.wait({task})
        if task.cancelled():
            return None
        failures = self._failures.setdefault(name, FailureLog("poll", each_kind=True, account=name))
        if error := task.exception():
            failures.failed(error)
            metrics.POLLS.labels(name, "error").inc()
            return None
        failures.succeeded()
        return task.result()

    async def stop(self) -> None:
        """Begin no more polls; wait for what is running, and cancel what takes too long."""
        self._scheduler.pause()
        for request in self._requests.values():
            request.cancel()
        while self._running:
            _, late = await asyncio.wait(self._running, timeout=STOP_TIMEOUT)
            for task in late:
                if not task.cancelling():  # a second time would keep it from releasing its lease
                    task.cancel()


def _id_of(poller: AccountPoller) -> str:
    """Return the scheduler's id of an account's poll, which no task has."""
    return f"account {poller.account}"


def _report(event: JobExecutionEvent) -> None:
    log.error("poll.failing", account=event.job_id, exc_info=event.exception)
