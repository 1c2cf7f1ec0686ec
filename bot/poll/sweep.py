"""A sweep: one pass over an account. It reads pages, compares, and records what changed.

what is watched -> page one -> (more pages | single reads) -> reasons of failures -> record
"""

import asyncio
import random
from collections.abc import Iterable, Sequence

import structlog

from bot import metrics
from bot.alerts.record import Recorder, Seen
from bot.errors import BrokenAnswer, NotFound, ProviderError, RequestRefused
from bot.jobs.changes import change_between, state_of
from bot.jobs.statuses import Phase, phase_of
from bot.poll.cadence import is_late, is_settled, pause_after
from bot.poll.plan import PAGE, further_pages
from bot.providers.client import Client
from bot.providers.wire import Page, Reading
from bot.store import Store
from bot.store.engine import Clock
from bot.store.jobs import Watched

MOST_NEW_PAGES = 10
"""Pages of nothing but new jobs that one sweep reads; the next sweep goes on."""

log = structlog.get_logger()


class Sweeper:
    """Looks at one account. It never raises for what the account does: it waits and tries again."""

    def __init__(self, client: Client, store: Store, recorder: Recorder, *, interval: float, clock: Clock) -> None:
        self.account = client.account.name
        self._client = client
        self._store = store
        self._recorder = recorder
        self._interval = interval
        self._clock = clock
        self._busy = asyncio.Lock()
        self._failures = 0
        self._not_before = 0.0

    @property
    def is_failing(self) -> bool:
        """Whether the last look did not work."""
        return self._failures > 0

    async def sweep(self) -> None:
        """Look once, unless the account is to be left alone for now."""
        async with self._busy:
            if self._clock() < self._not_before:
                return
            try:
                result = await self._look()
            except ProviderError as error:
                self._failed(error)
            else:
                self._went_well(result)

    async def _look(self) -> str:
        watched = await self._store.jobs.watched(self.account)
        if watched is None:
            return "idle"
        now = self._clock()
        readings = await self._read(watched)
        reasons = await self._reasons(watched, readings)
        late = is_late(watched.swept_at, now, self._interval)
        seen = Seen(self.account, readings, watched.known, reasons, late)
        await self._recorder.record(seen, settled=self._settled(watched, readings, now), swept=True)
        return "swept"

    async def _read(self, watched: Watched) -> list[Reading]:
        page = await self._client.list_jobs()
        readings = list(page.readings)
        read = 1
        while page.after and (
            _further(watched, readings, read) or (read <= MOST_NEW_PAGES and _all_new(watched, page))
        ):
            page = await self._client.list_jobs(after=page.after)
            readings += page.readings
            read += 1
        for job_id in _missing(watched, readings):
            readings += await self._read_alone(job_id)
        return readings

    async def _read_alone(self, job_id: str) -> list[Reading]:
        try:
            return [await self._client.retrieve(job_id)]
        except (NotFound, RequestRefused, BrokenAnswer) as error:
            # Something is wrong with this job, not with the account: the others go on.
            log.info("job.unread", account=self.account, job=job_id, error=f"{type(error).__name__}: {error}")
            return []

    async def _reasons(self, watched: Watched, readings: Iterable[Reading]) -> dict[str, str]:
        """Ask the logs of jobs that failed just now without saying why."""
        reasons = {}
        for reading in readings:
            known = watched.known.get(reading.snapshot.id)
            change = known and change_between(known.state, state_of(reading.snapshot))
            if change and phase_of(change.after.status) is Phase.FAILED and reading.snapshot.error is None:
                reasons[reading.snapshot.id] = await self._last_error(reading.snapshot.id)
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

    def _failed(self, error: ProviderError) -> None:
        self._failures += 1
        pause = pause_after(error, self._failures, self._interval, random.random())  # noqa: S311
        self._not_before = self._clock() + pause
        metrics.SWEEPS.labels(self.account, type(error).__name__).inc()
        if self._failures == 1:
            log.warning(
                "account.failing",
                account=self.account,
                error=f"{type(error).__name__}: {error}",
                request_id=error.request_id,
            )

    def _went_well(self, result: str) -> None:
        if self._failures:
            log.info("account.recovered", account=self.account, failures=self._failures)
        self._failures = 0
        metrics.SWEEPS.labels(self.account, result).inc()


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
