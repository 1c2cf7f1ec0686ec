"""Poller of an account: reads pages of its jobs, compares, and records what changed.

poll targets -> page one -> more pages -> record
                                          -> single reads, reasons of failures -> record
"""

import asyncio
import contextlib
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial

import structlog

from bot.errors import ProviderError
from bot.jobs.changes import change_between, state_of
from bot.jobs.models import Snapshot
from bot.poll.backoff import MODEL_NAME_TIMEOUT, account_backoff, is_closed, is_late, late_after, longest_pause
from bot.poll.circuit_breaker import CircuitBreaker
from bot.poll.plan import all_new, further_pages
from bot.poll.problem_jobs import ProblemJobs
from bot.poll.single_reads import SingleRead, SingleReads
from bot.providers.client import Client
from bot.providers.wire import FetchedJob, Page
from bot.store import Store
from bot.store.accounts.leases import AccountStatus, Lease
from bot.store.db.engine import Clock, Transaction
from bot.store.db.persist import retry_once
from bot.store.jobs.jobs import KnownJob, PollTargets
from bot.telemetry import metrics
from bot.tracking.notices import Notices
from bot.tracking.recorder import FinalWrite, Recorder
from bot.tracking.transitions import PollResult

MOST_NEW_PAGES = 100
"""Pages of nothing but new jobs that one poll reads: no team makes ten thousand jobs between two polls."""
LEASE = 30.0
"""Seconds until another process takes over from one that died during a poll."""

log = structlog.get_logger()


@dataclass
class JobList:
    """The list of jobs, as read page by page."""

    fetched: list[FetchedJob] = field(default_factory=list)
    raw: list[Snapshot | None] = field(default_factory=list)
    """Every item in order, foreign and invalid ones included: positions in the list go by it."""
    unreadable: list[str | None] = field(default_factory=list)
    pages: int = 0

    def add(self, page: Page) -> None:
        """Take the next page."""
        self.fetched += page.fetched
        self.raw += page.raw
        self.unreadable += page.unreadable
        self.pages += 1


class Poller:
    """Polls one account. An error of its API is no exception here: the poller backs off and tries again.

    Several processes may each have one for the same account: the one that gets the lease polls. A lease that expires
    during a slow poll is harmless: the compare-and-swap of each job lets one of the two record its change.
    """

    def __init__(
        self,
        client: Client,
        store: Store,
        recorder: Recorder,
        breaker: CircuitBreaker,
        notices: Notices,
        *,
        interval: float,
        clock: Clock,
        lease: float = LEASE,
    ) -> None:
        self.account = client.account.name
        self._client = client
        self._store = store
        self._recorder = recorder
        self._breaker = breaker
        self._interval = interval
        self._clock = clock
        self._lease = lease
        self._singles = SingleReads(client, self._record_late, interval=interval, clock=clock)
        self._problem_jobs = ProblemJobs(store, notices, client.account.name, interval=interval)
        self._lock = asyncio.Lock()
        self._held_lease: Lease | None = None
        """A lease that could not be released, because the database failed during a poll."""
        self._failing = False
        self._clock_offset = 0.0  # seconds by which the database's clock was ahead of ours at the last poll
        self._broken = False

    @property
    def is_failing(self) -> bool:
        """Whether the last poll failed, whichever process made it; as of this process's last try."""
        return self._failing or self._broken

    @property
    def is_broken(self) -> bool:
        """Whether the last poll failed for no reason of the API: the database is away or full, or there is a bug."""
        return self._broken

    async def close(self) -> None:
        """Cancel the single reads that are still in flight."""
        await self._singles.close()

    async def poll(self, *, older_than: float = 0.0) -> float | None:
        """Poll once, unless the account backs off or another process holds its lease.

        Args:
            older_than: seconds that must have passed since the last poll began.

        Returns:
            None, or the seconds until the next poll is due if another process polls.
        """
        async with self._lock:
            try:
                next_poll_in = await retry_once(lambda again: self._poll_if_due(0.0 if again else older_than))
            except Exception:
                self._broken = True
                raise
            self._broken = False
            return next_poll_in

    async def _poll_if_due(self, min_age: float) -> float | None:
        await self._release_lease()
        status = await self._store.accounts.leases.status(self.account, interval=self._interval)
        self._failing = status.failures > 0
        # A failing account is polled until it answers, even if no one follows its jobs anymore.
        if not status.needs_polling and not self._failing:
            metrics.POLLS.labels(self.account, "skipped").inc()
            return None
        lease = await self._store.accounts.leases.claim(
            self.account, lease=self._lease, min_age=min_age, longest_pause=longest_pause(self._interval)
        )
        if lease is None:
            return await self._stand_by(status)
        self._held_lease = lease
        try:
            await self._poll_under(lease)
        except BaseException:  # a bug, no database, or the shutdown
            with contextlib.suppress(Exception):  # the next poll releases it, or it expires
                await self._release_lease()
            raise
        self._held_lease = None
        return None

    async def _release_lease(self) -> None:
        if self._held_lease:
            await self._store.accounts.leases.release(self._held_lease)
            self._held_lease = None

    async def _poll_under(self, lease: Lease) -> None:
        try:
            await self._poll_account(lease)
        except ProviderError as error:
            await self._failed(lease, error)
        else:
            self._succeeded(lease)

    async def _stand_by(self, status: AccountStatus) -> float | None:
        if self._failing:
            await self._breaker.notify_if_due()
        return min(status.next_poll_in, max(self._interval, self._lease)) or None

    async def _poll_account(self, lease: Lease) -> None:
        targets = await self._store.jobs.states.poll_targets(self.account)
        end = partial(self._finish, lease)
        self._clock_offset = lease.claimed_at - self._clock()
        if targets is None:
            await self._client.list_jobs(limit=1)
            await self._recorder.record(PollResult(self.account, (), {}), at_end=end)
            return
        listed = await self._read_list(targets)
        late = is_late(lease.polled_at, lease.claimed_at, self._interval) and not self._store.db.clock_steps.remaining(
            late_after(self._interval)
        )
        to_read, fetched = self._split(targets, listed.fetched, late=late)
        if to_read:
            await self._record(fetched, targets.known, late=late)  # doesn't wait for the single reads
            fetched = []
        reads = await self._singles.read(to_read)
        await self._record(fetched, targets.known, reads, late=late, unreadable=listed.unreadable, at_end=end)

    async def _finish(self, lease: Lease, tx: Transaction) -> None:
        if await self._store.accounts.leases.complete(tx, lease) and lease.failures:
            await self._breaker.closed(tx)

    def _split(
        self, targets: PollTargets, fetched: Sequence[FetchedJob], *, late: bool
    ) -> tuple[list[SingleRead], list[FetchedJob]]:
        """Return the jobs that need a single read, and the listed jobs that can be recorded at once."""
        known, in_flight, need_reason = targets.known, self._singles.in_flight, []
        ready = []
        for each in fetched:
            job = known.get(each.snapshot.id)
            if job is None or not self._singles.needs_reason(job, each):
                ready.append(each)
            elif job.id not in in_flight:
                need_reason.append(SingleRead(job, each, is_late=late))
        unlisted = [known[job_id] for job_id in _missing(targets, fetched) if job_id not in in_flight]
        unlisted.sort(key=lambda job: job.read_failures)  # unreadable ones take no slot from the others
        return [*need_reason, *(SingleRead(job, is_late=late) for job in unlisted)], ready

    async def _record_late(self, reads: Sequence[SingleRead]) -> None:
        """Record single reads that took longer than their poll."""
        known = {each.known.id: each.known for each in reads}
        await self._record([], known, reads, late=any(each.is_late for each in reads))

    async def _record(
        self,
        listed: Sequence[FetchedJob],
        known: Mapping[str, KnownJob],
        reads: Sequence[SingleRead] = (),
        *,
        late: bool,
        unreadable: Sequence[str | None] = (),
        at_end: FinalWrite | None = None,
    ) -> None:
        fetched = [*listed, *(each.fetched for each in reads if each.fetched)]
        reasons = {each.known.id: each.reason for each in reads if each.reason}
        missing = [each.known.id for each in reads if each.is_missing]

        async def end(tx: Transaction) -> None:
            await self._problem_jobs.record(tx, known, fetched, reads)
            await self._problem_jobs.notify_of_size(tx, fetched, unreadable)
            if at_end:
                await at_end(tx)

        result = PollResult(self.account, fetched, known, reasons, late, missing)
        await self._recorder.record(result, closed=self._closed_jobs(known, fetched), at_end=end)

    async def _read_list(self, targets: PollTargets) -> JobList:
        page, listed = await self._client.list_jobs(), JobList()
        listed.add(page)
        while page.after and (_further_pages(targets, listed, page) or self._continues(targets, page, listed.pages)):
            page = await self._client.list_jobs(after=page.after)
            listed.add(page)
        return listed

    def _continues(self, targets: PollTargets, page: Page, pages: int) -> bool:
        """Whether the search for new jobs has not reached known ones yet."""
        if not all_new(targets, page, self._clock()):
            return False
        if pages > MOST_NEW_PAGES:
            log.warning("discovery.truncated", account=self.account, pages=pages)
        return pages <= MOST_NEW_PAGES

    def _closed_jobs(self, known: Mapping[str, KnownJob], fetched: Iterable[FetchedJob]) -> list[str]:
        closed, now = [], self._clock() + self._clock_offset
        is_sure = not self._store.db.clock_steps.remaining(MODEL_NAME_TIMEOUT)
        for each in fetched:
            job = known.get(each.snapshot.id)
            if job and not job.closed and change_between(job.state, state_of(each.snapshot)) is None:
                closed += [job.id] if is_closed(job, now, self._interval, is_sure=is_sure) else []
        return closed

    async def _failed(self, lease: Lease, error: ProviderError) -> None:
        self._failing = True
        pause = account_backoff(error, lease.failures + 1, self._interval, random.random())  # noqa: S311
        metrics.POLLS.labels(self.account, type(error).__name__).inc()
        if lease.failures == 0:
            said = f"{type(error).__name__}: {error}"
            log.warning("account.failing", account=self.account, error=said, request_id=error.request_id)
        await self._breaker.opened(lease, error, pause)

    def _succeeded(self, lease: Lease) -> None:
        if lease.failures:
            log.info("account.recovered", account=self.account, failures=lease.failures)
        self._failing = False
        metrics.POLLS.labels(self.account, "ok").inc()
        metrics.LAST_POLL_SUCCESS.labels(self.account).set(self._clock())


def _missing(targets: PollTargets, fetched: Iterable[FetchedJob]) -> list[str]:
    """Return the ids of due jobs that were not listed."""
    seen = {each.snapshot.id for each in fetched} | targets.backing_off
    return [job_id for job_id in targets.due if job_id not in seen]


def _further_pages(targets: PollTargets, listed: JobList, last: Page) -> int:
    """Return how many more pages to read; new jobs pushed the known ones down the list."""
    new = next((n for n, job in enumerate(listed.raw) if job and job.id in targets.known), len(listed.raw))
    behind = new - (len(listed.raw) - len(last.raw))
    positions = {job_id: max(0, position + behind) for job_id, position in targets.due.items()}
    return further_pages(_missing(targets, listed.fetched), positions, page_size=max(1, len(last.raw)))
