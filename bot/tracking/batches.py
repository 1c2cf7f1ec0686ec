"""Batches: many jobs in transactions of bounded time, so that one bad job never blocks the others.

    jobs, oldest first -> batch -> done
                                -> too slow, or rejected -> two halves -> ... -> one job: skipped, retried later

The batch size grows while transactions are fast and shrinks while they are slow. A failing database ends the work:
smaller batches would not help.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import structlog

from bot.store.db.data_errors import is_data_error
from bot.store.db.engine import Database, Transaction
from bot.telemetry import metrics
from bot.telemetry.redaction import redacted
from bot.tracking.transitions import ObservedJob

MIN_SIZE, MAX_SIZE = 32, 512
"""Bounds of the batch size. The statements of a batch cost as much as ``MIN_SIZE`` jobs."""
_SQLITE_SECONDS, _AT_FIRST_ON_SQLITE = 0.05, MIN_SIZE
"""Seconds for which a batch may hold SQLite's only connection, while commands wait for it, and the size of the first
batch. On a remote PostgreSQL the number of statements counts, not that of jobs."""
_TIMEOUT_SHARE, _INITIAL_SIZE = 0.2, MAX_SIZE
"""The same for PostgreSQL, as a share of the transaction timeout."""
_MAX_SKIPS = 63
"""Maximum number of polls that skip a rejected job before it is retried."""
_MAX_REJECTED = 10_000
_MAX_REASON = 200

Work = Callable[[Sequence[ObservedJob]], Awaitable[None]]

log = structlog.get_logger()


class Batches:
    """Batched work with an adaptive batch size, and a backoff for each job that the database rejects."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._seconds = _SQLITE_SECONDS if db.is_sqlite else _TIMEOUT_SHARE * db.transaction_timeout
        self._size = _AT_FIRST_ON_SQLITE if db.is_sqlite else _INITIAL_SIZE
        self._rejected: dict[tuple[str, str], tuple[int, int]] = {}
        """By account and id: number of failures, and number of skips left before the next retry."""

    async def each(self, jobs: Sequence[ObservedJob], work: Work) -> list[str]:
        """Do ``work`` for every job, in order; return the ids of skipped jobs.

        Jobs that were rejected before are retried last, one by one, with a growing backoff.

        Raises:
            Exception: the database failed; batches committed before stay.
        """
        todo = [job for job in jobs if (job.account, job.id) not in self._rejected]
        retries = [job for job in jobs if (job.account, job.id) in self._rejected]
        skipped = [job.id for job in retries if not self._is_due(job)]
        while todo:
            batch, todo = todo[: self._size], todo[self._size :]
            skipped += await self._do(batch, work)
            await asyncio.sleep(0)  # commands that wait for SQLite's only connection go first
        for job in retries:
            if job.id not in skipped:
                skipped += await self._do([job], work)
        return skipped

    @asynccontextmanager
    async def transaction(self, jobs: Sequence[ObservedJob]) -> AsyncIterator[Transaction]:
        """Open the transaction of a batch; its duration sets the size of the next batch."""
        clock = asyncio.get_running_loop().time
        async with self._db.transaction() as tx:
            begun = clock()
            yield tx
        duration = clock() - begun
        if not jobs:
            return
        if duration > self._seconds:
            self._size = max(MIN_SIZE, len(jobs) // 2)
        elif duration < self._seconds / 2 and len(jobs) >= self._size:
            self._size = min(MAX_SIZE, 2 * self._size)

    async def _do(self, batch: Sequence[ObservedJob], work: Work) -> list[str]:
        try:
            await work(batch)
        except Exception as error:
            if not await self._is_data_error(error):
                raise
            if len(batch) == 1:
                return [self._reject(batch[0], error)]
            self._size = max(MIN_SIZE, len(batch) // 2)
        else:
            for job in batch if self._rejected else ():
                if self._rejected.pop((job.account, job.id), None):
                    log.info("job.record_recovered", account=job.account, job=job.id)
            return []
        half = len(batch) // 2
        return [*await self._do(batch[:half], work), *await self._do(batch[half:], work)]

    async def _is_data_error(self, error: Exception) -> bool:
        """Whether an error is caused by the data and not by the database."""
        return await self._db.is_reachable() if isinstance(error, TimeoutError) else is_data_error(error)

    def _is_due(self, job: ObservedJob) -> bool:
        failures, waits = self._rejected[job.account, job.id]
        self._rejected[job.account, job.id] = (failures, waits - 1)
        return waits <= 0

    def _reject(self, job: ObservedJob, error: Exception) -> str:
        key = (job.account, job.id)
        failures = self._rejected.get(key, (0, 0))[0] + 1
        metrics.JOB_WRITE_FAILURES.labels(job.account).inc()
        if failures == 1:
            reason = redacted(str(getattr(error, "orig", error)))[:_MAX_REASON]
            log.error("job.record_failed", account=job.account, job=job.id, error=f"{type(error).__name__}: {reason}")
        self._rejected[key] = (failures, min(2**failures - 1, _MAX_SKIPS))
        if len(self._rejected) > _MAX_REJECTED:
            self._rejected.pop(next(iter(self._rejected)))
        return job.id
