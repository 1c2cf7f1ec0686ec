"""Problem jobs of a healthy account: jobs that cannot be read, and jobs that are too large."""

import random
from collections.abc import Collection, Mapping, Sequence

import structlog

from bot.blocks.notice import NoticeKind
from bot.jobs.models import job_name
from bot.poll.backoff import job_backoff
from bot.poll.single_reads import SingleRead
from bot.providers.http.transport import MAX_JOB_BYTES, MAX_PAGE_BYTES
from bot.providers.http.wire import FetchedJob
from bot.store import Store
from bot.store.db.engine import Transaction
from bot.store.jobs.jobs import KnownJob
from bot.telemetry import metrics
from bot.tracking.notices import Notices

NOTIFY_AFTER = 300.0
"""Seconds for which a job cannot be read before people are notified."""

log = structlog.get_logger()


class ProblemJobs:
    """Records problems with single jobs of one account, and notifies people once."""

    def __init__(self, store: Store, notices: Notices, account: str, *, interval: float) -> None:
        self._store = store
        self._notices = notices
        self._account = account
        self._interval = interval
        self._logged: set[str | None] = set()

    async def record(
        self,
        tx: Transaction,
        known: Mapping[str, KnownJob],
        readings: Sequence[FetchedJob],
        reads: Collection[SingleRead],
    ) -> None:
        """Record which jobs could not be read, so that they back off, and which can be read again."""
        ids = [reading.snapshot.id for reading in readings] + [each.known.id for each in reads if each.is_missing]
        if well := [job_id for job_id in ids if job_id in known and known[job_id].read_failures]:
            await self._store.jobs.read_failures.clear(tx, self._account, well)
            log.info("job.read_recovered", account=self._account, jobs=well)
        for each in reads:
            if each.error and not each.is_missing:
                await self._record_unread(tx, each)

    async def _record_unread(self, tx: Transaction, read: SingleRead) -> None:
        known, error = read.known, read.error
        assert error is not None  # noqa: S101 - the caller checked
        metrics.JOB_READ_FAILURES.labels(self._account).inc()
        if not known.read_failures:
            log.warning(
                "job.read_failed", account=self._account, job=known.id, error=f"{type(error).__name__}: {error}"
            )
        delay = job_backoff(error, known.read_failures + 1, self._interval, random.random())  # noqa: S311
        since, lasted = await self._store.jobs.read_failures.record(tx, self._account, known.id, delay)
        if lasted >= NOTIFY_AFTER:
            people = [
                each.person
                for each in await self._store.channels.tracks.of_job(tx, self._account, known.id)
                if each.person
            ]
            names = await self._store.jobs.names.of_jobs(tx, [known.id])
            said = str(error).removesuffix(".")
            await self._notices.enqueue(
                tx,
                NoticeKind.JOB_UNREADABLE,
                known.id,
                began_at=since,
                people=people,
                account=self._account,
                since=since,
                error=said,
                name=names.get(known.id),
            )

    async def notify_of_size(
        self, tx: Transaction, readings: Sequence[FetchedJob], unreadable: Sequence[str | None]
    ) -> None:
        """Notify once of each job that is too large for a page, and of each that is too large to read at all."""
        read = {each.snapshot.id: each for each in readings if each.size > MAX_PAGE_BYTES}
        large: dict[str | None, int] = {job_id: each.size for job_id, each in read.items()}
        large |= dict.fromkeys(unreadable, MAX_JOB_BYTES + 1)
        for job_id, size in large.items():
            metrics.OVERSIZED_JOBS.labels(self._account).inc()
            if job_id not in self._logged:
                self._logged.add(job_id)
                log.warning("job.oversized", account=self._account, job=job_id, bytes=size)
            people = await self._store.channels.tracks.people(tx, self._account)
            facts: dict[str, str | float | None] = {
                "job": job_id,
                "name": job_name(read[job_id].job) if job_id in read else None,
                "size": size,
                "is_read": float(size <= MAX_JOB_BYTES),
            }
            about = f"{self._account} {job_id or 'unknown'}"
            # Always the same moment, so that it is announced only once.
            await self._notices.enqueue(
                tx, NoticeKind.JOB_LARGE, about, began_at=0.0, people=people, account=self._account, **facts
            )
