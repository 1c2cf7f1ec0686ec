"""A sweep: one pass over an account. It reads pages, compares, and records what changed.

what is watched -> page one -> (more pages | single reads) -> reasons of failures -> record
"""

import asyncio
import contextlib
import random
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

import structlog

from bot import metrics
from bot.alerts.record import Recorder
from bot.alerts.steps import Seen
from bot.errors import BrokenAnswer, NotFound, ProviderError, RequestRefused
from bot.jobs.changes import change_between, state_of
from bot.jobs.doubt import Verdict, judge
from bot.jobs.statuses import Phase, phase_of
from bot.poll.cadence import is_late, is_settled, longest_pause, pause_after
from bot.poll.circuit import Circuit
from bot.poll.plan import PAGE, further_pages
from bot.providers.client import Client
from bot.providers.wire import Page, Reading
from bot.store import Store
from bot.store.accounts import Lease, Standing
from bot.store.engine import Clock, Transaction
from bot.store.jobs import Watched

MOST_NEW_PAGES = 100
"""Pages of nothing but new jobs that one sweep reads: ten thousand jobs between two sweeps are none that a team made."""
LEASE = 30.0
"""Seconds until another process takes over from one that died in a sweep."""

log = structlog.get_logger()


@dataclass
class _Read:
    """What a sweep got to see."""

    readings: list[Reading] = field(default_factory=list)
    missed: list[str] = field(default_factory=list)
    """Jobs that the API does not know any more."""


class Sweeper:
    """Looks at one account. What the account does is no exception to it: it waits and tries again.

    Several processes may each have one for the same account: whoever gets the lease looks. A lease that runs out under
    a slow sweep is harmless: another process then reads the same, and the compare-and-swap of each job lets one of the
    two record its change.
    """

    def __init__(
        self,
        client: Client,
        store: Store,
        recorder: Recorder,
        circuit: Circuit,
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
        self._busy = asyncio.Lock()
        self._held: Lease | None = None
        """The lease that was not given back yet, because the database went away under a look."""
        self._failing = False
        self._broken = False

    @property
    def is_failing(self) -> bool:
        """Whether the last look did not work, whichever process took it; as of this process's last try."""
        return self._failing or self._broken

    @property
    def is_broken(self) -> bool:
        """Whether the last look ended in what no API does: the database is away or full, or there is a bug."""
        return self._broken

    async def sweep(self, *, older_than: float = 0.0) -> float | None:
        """Look once, unless the account is to be left alone or another process has it.

        Args:
            older_than: do not look where a look began less than so many seconds ago.

        Returns:
            None, or, where another look was in the way, the seconds until the next one is due.
        """
        async with self._busy:
            try:
                busy_for = await self._try_to_look(older_than)
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
        now = self._clock()
        if watched is None:
            await self._client.list_jobs(limit=1)
            seen, settled = Seen(self.account, (), {}), []
        else:
            read = await self._read(watched)
            reasons = await self._reasons(watched, read.readings, now)
            late = is_late(lease.swept_at, now, self._interval)
            seen = Seen(self.account, read.readings, watched.known, reasons, late, read.missed)
            settled = self._settled(watched, read.readings, now)

        async def end(tx: Transaction) -> None:
            if await self._store.accounts.swept(tx, lease) and lease.failures:
                await self._circuit.healed(tx)

        await self._recorder.record(seen, settled=settled, at_end=end)

    async def _read(self, watched: Watched) -> _Read:
        page = await self._client.list_jobs()
        read = _Read(list(page.readings))
        pages = 1
        while page.after and (_further(watched, read.readings, pages) or self._goes_on(watched, page, pages)):
            page = await self._client.list_jobs(after=page.after)
            read.readings += page.readings
            pages += 1
        for job_id in _missing(watched, read.readings):
            await self._read_alone(job_id, read)
        return read

    def _goes_on(self, watched: Watched, page: Page, pages: int) -> bool:
        """Whether the search for new jobs has not come to the known ones yet."""
        if not _all_new(watched, page):
            return False
        if pages > MOST_NEW_PAGES:
            log.warning("search.cut", account=self.account, pages=pages)
        return pages <= MOST_NEW_PAGES

    async def _read_alone(self, job_id: str, read: _Read) -> None:
        try:
            read.readings.append(await self._client.retrieve(job_id))
        except NotFound:
            read.missed.append(job_id)
        except (RequestRefused, BrokenAnswer) as error:
            # Something is wrong with this job, not with the account: the others go on.
            log.info("job.unread", account=self.account, job=job_id, error=f"{type(error).__name__}: {error}")

    async def _reasons(self, watched: Watched, readings: Iterable[Reading], now: float) -> dict[str, str]:
        """Ask the logs of jobs that failed just now without saying why."""
        reasons = {}
        for reading in readings:
            known, new = watched.known.get(reading.snapshot.id), state_of(reading.snapshot)
            if known is None or reading.snapshot.error or phase_of(new.status) is not Phase.FAILED:
                continue
            if judge(known.state, known.doubt, new, now=now, interval=self._interval) is Verdict.CHANGED:
                reasons[known.id] = await self._last_error(known.id)
        return {job_id: reason for job_id, reason in reasons.items() if reason}

    async def _last_error(self, job_id: str) -> str:
        try:
            events = await self._client.events(job_id)
        except ProviderError as error:
            # The alert does not wait for its reason.
            log.info("events.unread", account=self.account, job=job_id, error=str(error))
            return ""
        return next((event.message for event in reversed(events) if event.level == "error"), "")

    def _settled(self, watched: Watched, readings: Iterable[Reading], now: float) -> list[str]:
        settled = []
        for reading in readings:
            known = watched.known.get(reading.snapshot.id)
            if known and not known.settled and change_between(known.state, state_of(reading.snapshot)) is None:
                settled += [known.id] if is_settled(known, now, self._interval) else []
        return settled

    async def _failed(self, lease: Lease, error: ProviderError) -> None:
        self._failing = True
        pause = pause_after(error, lease.failures + 1, self._interval, random.random())  # noqa: S311
        metrics.SWEEPS.labels(self.account, type(error).__name__).inc()
        if lease.failures == 0:
            log.warning(
                "account.failing",
                account=self.account,
                error=f"{type(error).__name__}: {error}",
                request_id=error.request_id,
            )
        await self._circuit.broke(lease, error, pause)

    def _went_well(self, lease: Lease) -> None:
        if lease.failures:
            log.info("account.recovered", account=self.account, failures=lease.failures)
        self._failing = False
        metrics.SWEEPS.labels(self.account, "swept").inc()
        metrics.SWEPT.labels(self.account).set(self._clock())


def _missing(watched: Watched, readings: Iterable[Reading]) -> list[str]:
    """Return the jobs that are owed a look and were not seen yet."""
    seen = {reading.snapshot.id for reading in readings}
    return [job_id for job_id in watched.owed if job_id not in seen]


def _further(watched: Watched, readings: Sequence[Reading], read: int) -> int:
    """Return how many pages to read after the first ``read`` ones; new jobs pushed the known ones down the list."""
    new = next((n for n, reading in enumerate(readings) if reading.snapshot.id in watched.known), len(readings))
    behind = new - PAGE * (read - 1)
    place = {job_id: max(0, place + behind) for job_id, place in watched.owed.items()}
    return further_pages(_missing(watched, readings), place)


def _all_new(watched: Watched, page: Page) -> bool:
    """Whether a page ends among jobs that a subscription has not heard of, so that more of them may follow."""
    if watched.newer_than is None:
        return False
    last = page.readings[-1].snapshot
    return last.id not in watched.known and (last.created_at or 0) >= watched.newer_than
