"""Recorder of a poll: changes, jobs that need no more polls, and problem jobs, in one last transaction."""

from collections.abc import Iterable, Mapping, Sequence

from bot.jobs.changes import change_between, state_of
from bot.poll.backoff import MODEL_NAME_TIMEOUT, is_closed, is_late, late_after
from bot.poll.problem_jobs import ProblemJobs
from bot.poll.single_reads import SingleRead
from bot.providers.http.wire import FetchedJob
from bot.runtime.clock import Clock
from bot.store.accounts.leases import Lease
from bot.store.db.clock_steps import ClockSteps
from bot.store.db.engine import Transaction
from bot.store.jobs.jobs import KnownJob
from bot.tracking.recorder import FinalWrite, Recorder
from bot.tracking.transitions import PollResult


class PollRecorder:
    """Records what was read of one account's jobs, during a poll or after it."""

    def __init__(
        self,
        account: str,
        recorder: Recorder,
        problem_jobs: ProblemJobs,
        clock_steps: ClockSteps,
        *,
        interval: float,
        clock: Clock,
    ) -> None:
        self._account = account
        self._recorder = recorder
        self._problem_jobs = problem_jobs
        self._clock_steps = clock_steps
        self._interval = interval
        self._clock = clock
        self._clock_offset = 0.0  # seconds by which the database's clock was ahead of ours at the last poll

    def sync_clock(self, now: float) -> None:
        """Take the time of the database's clock."""
        self._clock_offset = now - self._clock()

    def is_late(self, lease: Lease) -> bool:
        """Whether the account was not polled for so long before a lease that changes count as found late."""
        if self._clock_steps.remaining(late_after(self._interval)):
            return False
        return is_late(lease.polled_at, lease.claimed_at, self._interval)

    async def record(
        self,
        listed: Sequence[FetchedJob],
        known: Mapping[str, KnownJob],
        reads: Sequence[SingleRead] = (),
        *,
        late: bool = False,
        unreadable: Sequence[str | None] = (),
        at_end: FinalWrite | None = None,
    ) -> None:
        """Record listed jobs and single reads.

        Args:
            listed: jobs of the list.
            known: jobs as they were known before the requests, by id.
            reads: single reads.
            late: whether changes count as found late.
            unreadable: ids of listed jobs that are too large to read, None where even the id is unknown.
            at_end: write in the last transaction.
        """
        fetched = [*listed, *(each.fetched for each in reads if each.fetched)]
        reasons = {each.known.id: each.reason for each in reads if each.reason}
        missing = [each.known.id for each in reads if each.is_missing]

        async def end(tx: Transaction) -> None:
            await self._problem_jobs.record(tx, known, fetched, reads)
            await self._problem_jobs.notify_of_size(tx, fetched, unreadable)
            if at_end:
                await at_end(tx)

        result = PollResult(self._account, fetched, known, reasons, late, missing)
        await self._recorder.record(result, closed=self._closed_jobs(known, fetched), at_end=end)

    async def record_late(self, reads: Sequence[SingleRead]) -> None:
        """Record single reads that took longer than their poll."""
        known = {each.known.id: each.known for each in reads}
        await self.record([], known, reads, late=any(each.is_late for each in reads))

    def _closed_jobs(self, known: Mapping[str, KnownJob], fetched: Iterable[FetchedJob]) -> list[str]:
        closed, now = [], self._clock() + self._clock_offset
        is_sure = not self._clock_steps.remaining(MODEL_NAME_TIMEOUT)
        for each in fetched:
            job = known.get(each.snapshot.id)
            if job and not job.closed and change_between(job.state, state_of(each.snapshot)) is None:
                closed += [job.id] if is_closed(job, now, self._interval, is_sure=is_sure) else []
        return closed
