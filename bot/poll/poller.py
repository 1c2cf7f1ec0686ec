"""A sweep: one pass over an account. It reads pages, compares, and records what changed.

what is watched -> page one -> more pages -> record
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
"""Pages of nothing but new jobs that one sweep reads: ten thousand jobs between two sweeps are none that a team made."""
LEASE = 30.0
"""Seconds until another process takes over from one that died in a sweep."""

log = structlog.get_logger()


@dataclass
class JobList:
    """What the list of jobs showed, page by page."""

    readings: list[FetchedJob] = field(default_factory=list)
    raw: list[Snapshot | None] = field(default_factory=list)
    """Every item in order, those of others and broken ones too: places in the list go by it."""
    unreadable: list[str | None] = field(default_factory=list)
    pages: int = 0

    def add(self, page: Page) -> None:
        """Take the next page."""
        self.readings += page.readings
        self.raw += page.raw
        self.unreadable += page.unreadable
        self.pages += 1


class Poller:
    """Looks at one account. What the account does is no exception to it: it waits and tries again.

    Several processes may each have one for the same account: whoever gets the lease looks. A lease that runs out under
    a slow sweep is harmless: the compare-and-swap of each job lets one of the two record its change.
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
        """The lease that was not given back yet, because the database went away under a look."""
        self._failing = False
        self._clock_offset = 0.0  # seconds by which the database's clock was ahead of ours at the last look
        self._broken = False

    @property
    def is_failing(self) -> bool:
        """Whether the last look did not work, whichever process took it; as of this process's last try."""
        return self._failing or self._broken

    @property
    def is_broken(self) -> bool:
        """Whether the last look ended in what no API does: the database is away or full, or there is a bug."""
        return self._broken

    async def close(self) -> None:
        """Give up the single reads that are still under way."""
        await self._singles.close()

    async def poll(self, *, older_than: float = 0.0) -> float | None:
        """Look once, unless the account is to be left alone or another process has it.

        Args:
            older_than: do not look where a look began less than so many seconds ago.

        Returns:
            None, or, where another look was in the way, the seconds until the next one is due.
        """
        async with self._lock:
            try:
                busy_for = await retry_once(lambda again: self._poll_if_due(0.0 if again else older_than))
            except Exception:
                self._broken = True
                raise
            self._broken = False
            return busy_for

    async def _poll_if_due(self, min_age: float) -> float | None:
        await self._release_lease()
        standing = await self._store.accounts.leases.status(self.account, interval=self._interval)
        self._failing = standing.failures > 0
        # An account that failed is looked at until it answers, although nobody may follow anything of it any more.
        if not standing.needs_polling and not self._failing:
            metrics.POLLS.labels(self.account, "skipped").inc()
            return None
        lease = await self._store.accounts.leases.claim(
            self.account, lease=self._lease, min_age=min_age, longest_pause=longest_pause(self._interval)
        )
        if lease is None:
            return await self._stand_by(standing)
        self._held_lease = lease
        try:
            await self._poll_under(lease)
        except BaseException:  # a bug, no database, or the end
            with contextlib.suppress(Exception):  # then before the next look, or it runs out by itself
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

    async def _stand_by(self, standing: AccountStatus) -> float | None:
        if self._failing:
            await self._breaker.notify_if_due()
        return min(standing.next_poll_in, max(self._interval, self._lease)) or None

    async def _poll_account(self, lease: Lease) -> None:
        watched = await self._store.jobs.states.poll_targets(self.account)
        end = partial(self._finish, lease)
        self._clock_offset = lease.claimed_at - self._clock()
        if watched is None:
            await self._client.list_jobs(limit=1)
            await self._recorder.record(PollResult(self.account, (), {}), at_end=end)
            return
        listed = await self._read_list(watched)
        late = is_late(lease.polled_at, lease.claimed_at, self._interval) and not self._store.db.clock_steps.remaining(
            late_after(self._interval)
        )
        begun, readings = self._split(watched, listed.readings, late=late)
        if begun:
            await self._record(readings, watched.known, late=late)  # waits for nothing that is read alone
            readings = []
        reads = await self._singles.read(begun)
        await self._record(readings, watched.known, reads, late=late, unreadable=listed.unreadable, at_end=end)

    async def _finish(self, lease: Lease, tx: Transaction) -> None:
        if await self._store.accounts.leases.complete(tx, lease) and lease.failures:
            await self._breaker.closed(tx)

    def _split(
        self, watched: PollTargets, readings: Sequence[FetchedJob], *, late: bool
    ) -> tuple[list[SingleRead], list[FetchedJob]]:
        """Return what has to be read alone, and which readings of the list can be recorded at once."""
        known, under_way, asked = watched.known, self._singles.under_way, []
        ready = []
        for reading in readings:
            job = known.get(reading.snapshot.id)
            if job is None or not self._singles.needs_reason(job, reading):
                ready.append(reading)
            elif job.id not in under_way:
                asked.append(SingleRead(job, reading, is_late=late))
        lacking = [known[job_id] for job_id in _missing(watched, readings) if job_id not in under_way]
        lacking.sort(key=lambda job: job.read_failures)  # those that could not be read take no turn from the others
        return [*asked, *(SingleRead(job, is_late=late) for job in lacking)], ready

    async def _record_late(self, reads: Sequence[SingleRead]) -> None:
        """Record single reads that outlasted their poll."""
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
        readings = [*listed, *(each.reading for each in reads if each.reading)]
        reasons = {each.known.id: each.reason for each in reads if each.reason}
        missed = [each.known.id for each in reads if each.is_missing]

        async def end(tx: Transaction) -> None:
            await self._problem_jobs.record(tx, known, readings, reads)
            await self._problem_jobs.notify_of_size(tx, readings, unreadable)
            if at_end:
                await at_end(tx)

        settled, seen = (
            self._closed_jobs(known, readings),
            PollResult(self.account, readings, known, reasons, late, missed),
        )
        await self._recorder.record(seen, closed=settled, at_end=end)

    async def _read_list(self, watched: PollTargets) -> JobList:
        page, listed = await self._client.list_jobs(), JobList()
        listed.add(page)
        while page.after and (_further_pages(watched, listed, page) or self._continues(watched, page, listed.pages)):
            page = await self._client.list_jobs(after=page.after)
            listed.add(page)
        return listed

    def _continues(self, watched: PollTargets, page: Page, pages: int) -> bool:
        """Whether the search for new jobs has not come to the known ones yet."""
        if not all_new(watched, page, self._clock()):
            return False
        if pages > MOST_NEW_PAGES:
            log.warning("discovery.truncated", account=self.account, pages=pages)
        return pages <= MOST_NEW_PAGES

    def _closed_jobs(self, known: Mapping[str, KnownJob], readings: Iterable[FetchedJob]) -> list[str]:
        settled, now, is_sure = (
            [],
            self._clock() + self._clock_offset,
            not self._store.db.clock_steps.remaining(MODEL_NAME_TIMEOUT),
        )
        for reading in readings:
            job = known.get(reading.snapshot.id)
            if job and not job.closed and change_between(job.state, state_of(reading.snapshot)) is None:
                settled += [job.id] if is_closed(job, now, self._interval, is_sure=is_sure) else []
        return settled

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


def _missing(watched: PollTargets, readings: Iterable[FetchedJob]) -> list[str]:
    """Return the jobs that are owed a look and were not seen yet."""
    seen = {reading.snapshot.id for reading in readings} | watched.backing_off
    return [job_id for job_id in watched.due if job_id not in seen]


def _further_pages(watched: PollTargets, listed: JobList, last: Page) -> int:
    """Return how many pages to read after the last one; new jobs pushed the known ones down the list."""
    new = next((n for n, job in enumerate(listed.raw) if job and job.id in watched.known), len(listed.raw))
    behind = new - (len(listed.raw) - len(last.raw))
    place = {job_id: max(0, place + behind) for job_id, place in watched.due.items()}
    return further_pages(_missing(watched, listed.readings), place, page_size=max(1, len(last.raw)))
