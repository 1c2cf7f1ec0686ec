"""Single reads: requests of a poll for one job each, in parallel, so that one that hangs delays no other.

a job that the list lacks -> the job itself -> why it failed, where it does not say
a job that just failed    ------------------^
"""

import asyncio
from collections.abc import Awaitable, Callable, Collection, Sequence
from dataclasses import dataclass, replace

import structlog

from bot.errors import NotFound, ProviderError
from bot.jobs.changes import state_of
from bot.jobs.debounce import DebounceResult, debounce
from bot.jobs.statuses import phase_of
from bot.poll.plan import unlisted_jobs
from bot.providers.client import Client
from bot.providers.http.wire import FetchedJob
from bot.runtime.clock import Clock
from bot.store.jobs.jobs import KnownJob, PollTargets

CONCURRENCY = 8
TIMEOUT = 2.0
"""Seconds that a poll waits for its single reads; a later one is recorded when it arrives."""

log = structlog.get_logger()


@dataclass(frozen=True)
class SingleRead:
    """The result of reading one job."""

    known: KnownJob
    """The job as it was known before the request."""
    fetched: FetchedJob | None = None
    reason: str = ""
    """Why the job failed, from its log."""
    error: ProviderError | None = None
    """Why the job could not be read."""
    is_late: bool = False
    """Whether the poll before was long ago."""

    @property
    def is_missing(self) -> bool:
        """Whether the API does not know the job."""
        return isinstance(self.error, NotFound)


class SingleReads:
    """Reads single jobs of one account. Reads in flight when a poll ends are passed to ``record`` later."""

    def __init__(
        self,
        client: Client,
        record: Callable[[Sequence[SingleRead]], Awaitable[None]],
        *,
        interval: float,
        clock: Clock,
        timeout: float = TIMEOUT,
    ) -> None:
        self._client = client
        self._record = record
        self._interval = interval
        self._clock = clock
        self._timeout = timeout
        self._slots = asyncio.Semaphore(CONCURRENCY)
        self._late: dict[str, asyncio.Task[None]] = {}
        """Reads that are still in flight after the poll that began them, by the job's id."""

    def needs_reason(self, known: KnownJob | None, fetched: FetchedJob) -> bool:
        """Whether a read shows that a job ended just now, and its log may say why."""
        new = state_of(fetched.snapshot)
        explained = self._client.dialect.explained_in_log
        if known is None or fetched.snapshot.error or phase_of(new.status) not in explained:
            return False
        result = debounce(known.state, known.soft_state, new, now=self._clock(), interval=self._interval)
        return result is DebounceResult.CONFIRMED

    def select(
        self, targets: PollTargets, listed: Sequence[FetchedJob], *, late: bool
    ) -> tuple[list[SingleRead], list[FetchedJob]]:
        """Return the single reads that a poll needs, and the listed jobs that can be recorded at once."""
        known, need_reason, ready = targets.known, [], []
        for each in listed:
            job = known.get(each.snapshot.id)
            if job is None or not self.needs_reason(job, each):
                ready.append(each)
            elif job.id not in self._late:
                need_reason.append(SingleRead(job, each, is_late=late))
        unlisted = [known[job_id] for job_id in unlisted_jobs(targets, listed) if job_id not in self._late]
        unlisted.sort(key=lambda job: job.read_failures)  # unreadable ones take no slot from the others
        return [*need_reason, *(SingleRead(job, is_late=late) for job in unlisted)], ready

    async def read(self, begun: Sequence[SingleRead]) -> list[SingleRead]:
        """Complete reads: fetch each job that was not listed, and the reason of each failure that lacks one."""
        tasks = {asyncio.create_task(self._complete(each)): each.known.id for each in begun}
        try:
            done, late = await asyncio.wait(tasks, timeout=self._timeout) if tasks else (set(), set())
        except BaseException:
            await _cut(tasks)
            raise
        for task in late:
            self._late[tasks[task]] = asyncio.create_task(self._record_later(task, tasks[task]))
        return [task.result() for task in done]

    async def close(self) -> None:
        """Cancel reads in flight: the next poll, of any process, makes them again."""
        await _cut(self._late.values())

    async def _record_later(self, read: asyncio.Task[SingleRead], job_id: str) -> None:
        try:
            await self._record([await read])
        except Exception as error:
            log.warning("job.late_read_lost", account=self._client.account.name, job=job_id, exc_info=error)
        finally:
            await _cut([read])
            del self._late[job_id]

    async def _complete(self, begun: SingleRead) -> SingleRead:
        job_id = begun.known.id
        async with self._slots:
            try:
                fetched = begun.fetched or await self._client.retrieve(job_id)
            except ProviderError as error:
                return replace(begun, error=error)
            reason = await self._last_error(job_id) if self.needs_reason(begun.known, fetched) else ""
        return replace(begun, fetched=fetched, reason=reason)

    async def _last_error(self, job_id: str) -> str:
        try:
            events = await self._client.events(job_id)
        except ProviderError as error:
            # The alert doesn't wait for its reason.
            log.info("events.read_failed", account=self._client.account.name, job=job_id, error=str(error))
            return ""
        return next((event.message for event in reversed(events) if event.level == "error"), "")


async def _cut(tasks: Collection[asyncio.Task[SingleRead]] | Collection[asyncio.Task[None]]) -> None:
    everything = list(tasks)
    for task in everything:
        task.cancel()
    await asyncio.gather(*everything, return_exceptions=True)
