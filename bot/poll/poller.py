"""Poller of an account: reads pages of its jobs, compares, and records what changed.

lease -> poll targets -> page one -> more pages -> record
                                                -> single reads, reasons of failures -> record -> lease
"""

import asyncio
from functools import partial

import structlog

from bot.errors import ProviderError
from bot.poll.circuit_breaker import CircuitBreaker
from bot.poll.job_list import read_job_lists
from bot.poll.poll_lease import LEASE, PollLease
from bot.poll.poll_recorder import PollRecorder
from bot.poll.problem_jobs import ProblemJobs
from bot.poll.single_reads import SingleReads
from bot.providers.client import Client
from bot.runtime.clock import Clock
from bot.store import Store
from bot.store.accounts.leases import AccountStatus, Lease
from bot.store.db.persist import retry_once
from bot.telemetry import metrics
from bot.tracking.notices import Notices
from bot.tracking.recorder import Recorder

log = structlog.get_logger()


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
        notices: Notices,
        *,
        interval: float,
        clock: Clock,
        lease: float = LEASE,
    ) -> None:
        account = client.account.name
        problem_jobs = ProblemJobs(store, notices, account, interval=interval)
        self._client = client
        self._store = store
        self._clock = clock
        self._lease = PollLease(store.accounts.leases, account, interval=interval, seconds=lease)
        self._breaker = CircuitBreaker(store, notices, account, interval=interval, clock=clock)
        self._recorder = PollRecorder(
            account, recorder, problem_jobs, store.db.clock_steps, interval=interval, clock=clock
        )
        self._singles = SingleReads(client, self._recorder.record_late, interval=interval, clock=clock)
        self._lock = asyncio.Lock()
        self._broken = False

    @property
    def account(self) -> str:
        """The name of the account."""
        return self._client.account.name

    @property
    def is_failing(self) -> bool:
        """Whether the last poll failed, whichever process made it; as of this process's last try."""
        return self._breaker.is_open or self._broken

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
        status = await self._lease.status()
        self._breaker.observe(status.failures)
        # A failing account is polled until it responds, even if no one follows its jobs anymore.
        if not status.needs_polling and not self._breaker.is_open:
            metrics.POLLS.labels(self.account, "skipped").inc()
            return None
        async with self._lease.claimed(min_age=min_age) as lease:
            if lease is None:
                return await self._stand_by(status)
            await self._poll_under(lease)
        return None

    async def _stand_by(self, status: AccountStatus) -> float | None:
        if self._breaker.is_open:
            await self._breaker.notify_if_due()
        return self._lease.standby(status)

    async def _poll_under(self, lease: Lease) -> None:
        try:
            await self._poll_account(lease)
        except ProviderError as error:
            await self._failed(lease, error)
        else:
            self._succeeded(lease)

    async def _poll_account(self, lease: Lease) -> None:
        targets = await self._store.jobs.states.poll_targets(self.account)
        end = partial(self._breaker.record_success, lease)
        self._recorder.sync_clock(lease.claimed_at)
        if targets is None:
            await self._client.list_jobs(limit=1)
            await self._recorder.record([], {}, at_end=end)
            return
        listed = await read_job_lists(self._client, targets, self._clock)
        late = self._recorder.is_late(lease)
        to_read, fetched = self._singles.select(targets, listed.fetched, late=late)
        if to_read:
            await self._recorder.record(fetched, targets.known, late=late)  # doesn't wait for the single reads
            fetched = []
        reads = await self._singles.read(to_read)
        await self._recorder.record(fetched, targets.known, reads, late=late, unreadable=listed.unreadable, at_end=end)

    async def _failed(self, lease: Lease, error: ProviderError) -> None:
        metrics.POLLS.labels(self.account, type(error).__name__).inc()
        if lease.failures == 0:
            said = f"{type(error).__name__}: {error}"
            log.warning("account.failing", account=self.account, error=said, request_id=error.request_id)
        await self._breaker.record_failure(lease, error)

    def _succeeded(self, lease: Lease) -> None:
        if lease.failures:
            log.info("account.recovered", account=self.account, failures=lease.failures)
        self._breaker.observe(failures=0)
        metrics.POLLS.labels(self.account, "ok").inc()
        metrics.LAST_POLL_SUCCESS.labels(self.account).set(self._clock())
