"""Batches: work on many jobs in transactions that fit their time limit, and one job that never stops the others.

    jobs, oldest first -> batch -> done
                                -> too slow, or refused -> two halves -> ... -> one job: skipped, tried again later

A batch grows while it is quick and shrinks while it is slow. A database that is away is nothing that smaller batches
mend: its error ends the work.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager

import structlog

from bot.store.db.engine import Database, Transaction
from bot.store.db.refusals import is_data_error
from bot.telemetry import metrics
from bot.telemetry.redaction import redacted
from bot.tracking.transitions import ObservedJob

MIN_SIZE, MAX_SIZE = 32, 512
"""Jobs in a batch, unless fewer are left or they are too many still: its statements cost as much as so many jobs."""
_SQLITE_SECONDS, _AT_FIRST_ON_SQLITE = 0.05, MIN_SIZE
"""Seconds that a batch may hold SQLite's one connection, for which whoever asks something meanwhile waits, and the
jobs of the first batch. PostgreSQL may be far away, so that the statements of a batch count and not its jobs."""
_TIMEOUT_SHARE, _INITIAL_SIZE = 0.2, MAX_SIZE
"""The same for PostgreSQL, in parts of the time that a transaction may take."""
_MAX_SKIPS = 63
"""Times that a job which cannot be stored is passed over before it is tried again, at the most."""
_MAX_REJECTED = 10_000
_MAX_REASON = 200

Work = Callable[[Sequence[ObservedJob]], Awaitable[None]]

log = structlog.get_logger()


class Batches:
    """Does work in batches; remembers how large they may be, and which jobs the database refuses."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._seconds = _SQLITE_SECONDS if db.is_sqlite else _TIMEOUT_SHARE * db.transaction_timeout
        self._size = _AT_FIRST_ON_SQLITE if db.is_sqlite else _INITIAL_SIZE
        self._rejected: dict[tuple[str, str], tuple[int, int]] = {}
        """By account and id: how often a job could not be stored, and how often it is passed over before it is tried."""

    async def each(self, jobs: Sequence[ObservedJob], work: Work) -> list[str]:
        """Do ``work`` for every job, in order; return the ids of those for which it cannot be done.

        Those that could not be stored before are tried last, one by one, ever more seldom.

        Raises:
            Exception: the database is away; what was done before stays.
        """
        known = [(job.account, job.id) in self._rejected for job in jobs]
        well = [job for job, was_refused in zip(jobs, known, strict=True) if not was_refused]
        again = [job for job, was_refused in zip(jobs, known, strict=True) if was_refused]
        skipped = [job.id for job in again if not self._is_due(job)]
        while well:
            batch, well = well[: self._size], well[self._size :]
            skipped += await self._do(batch, work)
            await asyncio.sleep(0)  # whoever waits for SQLite's one connection comes first
        for job in again:
            if job.id not in skipped:
                skipped += await self._do([job], work)
        return skipped

    @asynccontextmanager
    async def transaction(self, jobs: Sequence[ObservedJob]) -> AsyncIterator[Transaction]:
        """Open the transaction of a batch; how long it takes, if it has jobs, decides on the size of the next one."""
        clock = asyncio.get_running_loop().time
        async with self._db.transaction() as tx:
            begun = clock()
            yield tx
        taken = clock() - begun
        if not jobs:
            return
        if taken > self._seconds:
            self._size = max(MIN_SIZE, len(jobs) // 2)
        elif taken < self._seconds / 2 and len(jobs) >= self._size:
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
                    log.info("job.recorded_at_last", account=job.account, job=job.id)
            return []
        half = len(batch) // 2
        return [*await self._do(batch[:half], work), *await self._do(batch[half:], work)]

    async def _is_data_error(self, error: Exception) -> bool:
        """Whether an error is about what was to be written, and not about the database."""
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
