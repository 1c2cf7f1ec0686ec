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
from bot.poll.backoff import MODEL_PATIENCE, is_late, is_settled, late_after, longest_pause, pause_after
from bot.poll.circuit_breaker import Circuit
from bot.poll.plan import all_new, further_pages
from bot.poll.problem_jobs import Troubles
from bot.poll.single_reads import SingleRead, SingleReads
from bot.providers.client import Client
from bot.providers.wire import Page, Reading
from bot.store import Store
from bot.store.accounts.leases import Lease, Standing
from bot.store.db.engine import Clock, Transaction
from bot.store.db.persist import twice
from bot.store.jobs.jobs import KnownJob, Watched
from bot.telemetry import metrics
from bot.tracking.notices import Notices
from bot.tracking.recorder import Ending, Recorder
from bot.tracking.transitions import Seen

MOST_NEW_PAGES = 100
"""Pages of nothing but new jobs that one sweep reads: ten thousand jobs between two sweeps are none that a team made."""
LEASE = 30.0
"""Seconds until another process takes over from one that died in a sweep."""

log = structlog.get_logger()


@dataclass
class _Listed:
    """What the list of jobs showed, page by page."""

    readings: list[Reading] = field(default_factory=list)
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


class Sweeper:
    """Looks at one account. What the account does is no exception to it: it waits and tries again.

    Several processes may each have one for the same account: whoever gets the lease looks. A lease that runs out under
    a slow sweep is harmless: the compare-and-swap of each job lets one of the two record its change.
    """

    def __init__(
        self,
        client: Client,
        store: Store,
        recorder: Recorder,
        circuit: Circuit,
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
        self._circuit = circuit
        self._interval = interval
        self._clock = clock
        self._lease = lease
        self._singles = SingleReads(client, self._record_late, interval=interval, clock=clock)
        self._troubles = Troubles(store, notices, client.account.name, interval=interval)
        self._busy = asyncio.Lock()
        self._held: Lease | None = None
        """The lease that was not given back yet, because the database went away under a look."""
        self._failing = False
        self._off = 0.0  # seconds by which the database's clock was ahead of ours at the last look
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

    async def sweep(self, *, older_than: float = 0.0) -> float | None:
        """Look once, unless the account is to be left alone or another process has it.

        Args:
            older_than: do not look where a look began less than so many seconds ago.

        Returns:
            None, or, where another look was in the way, the seconds until the next one is due.
        """
        async with self._busy:
            try:
                busy_for = await twice(lambda again: self._try_to_look(0.0 if again else older_than))
            except Exception:
                self._broken = True
                raise
            self._broken = False
            return busy_for

    async def _try_to_look(self, older_than: float) -> float | None:
        await self._give_back()
        standing = await self._store.accounts.standing(self.account, interval=self._interval)
        self._failing = standing.failures > 0
        # An account that failed is looked at until it answers, although nobody may follow anything of it any more.
        if not standing.watched and not self._failing:
            metrics.SWEEPS.labels(self.account, "idle").inc()
            return None
        lease = await self._store.accounts.claim(
            self.account, lease=self._lease, older_than=older_than, longest_pause=longest_pause(self._interval)
        )
        if lease is None:
            return await self._stand_by(standing)
        self._held = lease
        try:
            await self._look_with(lease)
        except BaseException:  # a bug, no database, or the end
            with contextlib.suppress(Exception):  # then before the next look, or it runs out by itself
                await self._give_back()
            raise
        self._held = None
        return None

    async def _give_back(self) -> None:
        if self._held:
            await self._store.accounts.release(self._held)
            self._held = None

    async def _look_with(self, lease: Lease) -> None:
        try:
            await self._look(lease)
        except ProviderError as error:
            await self._failed(lease, error)
        else:
            self._went_well(lease)

    async def _stand_by(self, standing: Standing) -> float | None:
        if self._failing:
            await self._circuit.remind()
        return min(standing.busy_for, max(self._interval, self._lease)) or None

    async def _look(self, lease: Lease) -> None:
        watched = await self._store.jobs.watched(self.account)
        end = partial(self._end, lease)
        self._off = lease.at - self._clock()
        if watched is None:
            await self._client.list_jobs(limit=1)
            await self._recorder.record(Seen(self.account, (), {}), at_end=end)
            return
        listed = await self._read_list(watched)
        late = is_late(lease.swept_at, lease.at, self._interval) and not self._store.db.steps.left(
            late_after(self._interval)
        )
        begun, readings = self._begun(watched, listed.readings, late=late)
        if begun:
            await self._record(readings, watched.known, late=late)  # waits for nothing that is read alone
            readings = []
        reads = await self._singles.read(begun)
        await self._record(readings, watched.known, reads, late=late, unreadable=listed.unreadable, at_end=end)

    async def _end(self, lease: Lease, tx: Transaction) -> None:
        if await self._store.accounts.swept(tx, lease) and lease.failures:
            await self._circuit.healed(tx)

    def _begun(
        self, watched: Watched, readings: Sequence[Reading], *, late: bool
    ) -> tuple[list[SingleRead], list[Reading]]:
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
        lacking.sort(key=lambda job: job.unread)  # those that could not be read take no turn from the others
        return [*asked, *(SingleRead(job, is_late=late) for job in lacking)], ready

    async def _record_late(self, reads: Sequence[SingleRead]) -> None:
        """Record single reads that outlasted their poll."""
        known = {each.known.id: each.known for each in reads}
        await self._record([], known, reads, late=any(each.is_late for each in reads))

    async def _record(
        self,
        listed: Sequence[Reading],
        known: Mapping[str, KnownJob],
        reads: Sequence[SingleRead] = (),
        *,
        late: bool,
        unreadable: Sequence[str | None] = (),
        at_end: Ending | None = None,
    ) -> None:
        readings = [*listed, *(each.reading for each in reads if each.reading)]
        reasons = {each.known.id: each.reason for each in reads if each.reason}
        missed = [each.known.id for each in reads if each.is_missing]

        async def end(tx: Transaction) -> None:
            await self._troubles.note(tx, known, readings, reads)
            await self._troubles.tell_of_size(tx, readings, unreadable)
            if at_end:
                await at_end(tx)

        settled, seen = self._settled(known, readings), Seen(self.account, readings, known, reasons, late, missed)
        await self._recorder.record(seen, settled=settled, at_end=end)

    async def _read_list(self, watched: Watched) -> _Listed:
        page, listed = await self._client.list_jobs(), _Listed()
        listed.add(page)
        while page.after and (_further(watched, listed, page) or self._goes_on(watched, page, listed.pages)):
            page = await self._client.list_jobs(after=page.after)
            listed.add(page)
        return listed

    def _goes_on(self, watched: Watched, page: Page, pages: int) -> bool:
        """Whether the search for new jobs has not come to the known ones yet."""
        if not all_new(watched, page, self._clock()):
            return False
        if pages > MOST_NEW_PAGES:
            log.warning("search.cut", account=self.account, pages=pages)
        return pages <= MOST_NEW_PAGES

    def _settled(self, known: Mapping[str, KnownJob], readings: Iterable[Reading]) -> list[str]:
        settled, now, is_sure = [], self._clock() + self._off, not self._store.db.steps.left(MODEL_PATIENCE)
        for reading in readings:
            job = known.get(reading.snapshot.id)
            if job and not job.settled and change_between(job.state, state_of(reading.snapshot)) is None:
                settled += [job.id] if is_settled(job, now, self._interval, is_sure=is_sure) else []
        return settled

    async def _failed(self, lease: Lease, error: ProviderError) -> None:
        self._failing = True
        pause = pause_after(error, lease.failures + 1, self._interval, random.random())  # noqa: S311
        metrics.SWEEPS.labels(self.account, type(error).__name__).inc()
        if lease.failures == 0:
            said = f"{type(error).__name__}: {error}"
            log.warning("account.failing", account=self.account, error=said, request_id=error.request_id)
        await self._circuit.broke(lease, error, pause)

    def _went_well(self, lease: Lease) -> None:
        if lease.failures:
            log.info("account.recovered", account=self.account, failures=lease.failures)
        self._failing = False
        metrics.SWEEPS.labels(self.account, "swept").inc()
        metrics.SWEPT.labels(self.account).set(self._clock())


def _missing(watched: Watched, readings: Iterable[Reading]) -> list[str]:
    """Return the jobs that are owed a look and were not seen yet."""
    seen = {reading.snapshot.id for reading in readings} | watched.resting
    return [job_id for job_id in watched.owed if job_id not in seen]


def _further(watched: Watched, listed: _Listed, last: Page) -> int:
    """Return how many pages to read after the last one; new jobs pushed the known ones down the list."""
    new = next((n for n, job in enumerate(listed.raw) if job and job.id in watched.known), len(listed.raw))
    behind = new - (len(listed.raw) - len(last.raw))
    place = {job_id: max(0, place + behind) for job_id, place in watched.owed.items()}
    return further_pages(_missing(watched, listed.readings), place, page=max(1, len(last.raw)))
