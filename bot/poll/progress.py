"""Progress poller: reads the event logs of running jobs that have a card.

running jobs that are due -> newest events of each -> progress -> card
                                                   -> recorder: stalled, or progressing again
"""

import asyncio
from dataclasses import dataclass
from typing import Self

import structlog

from bot.errors import ProviderError
from bot.jobs.progress import newest_event_at, progress_of
from bot.providers.client import Client
from bot.runtime.clock import Clock
from bot.store import Store
from bot.store.jobs.snapshots import RunningJob
from bot.tracking.recorder import Recorder

NEWEST_EVENTS = 20
_MAX_A_MINUTE = 300
"""Most logs per minute if they are read often: five a second, because the account's pages are read as well."""

log = structlog.get_logger()


@dataclass(frozen=True)
class PollBudget:
    """Limits for reads of running jobs' logs, for each account."""

    check_every: float = 10.0
    """Seconds between two checks for jobs that are due."""
    every: float = 120.0
    """Minimum seconds between two reads of one job's log."""
    per_minute: int = 30
    """Logs read per minute, of all jobs and by all processes."""
    concurrency: int = 4

    @classmethod
    def of(cls, seconds: float) -> Self:
        """Return the budget that reads each log every so many seconds: the shorter that is, the more logs a minute.

        It is never smaller than the default: a stalled job is found by its log, which must not wait for other jobs.
        """
        per_minute = min(_MAX_A_MINUTE, max(cls.per_minute, round(cls.per_minute * cls.every / seconds)))
        return cls(check_every=min(cls.check_every, seconds / 2), every=seconds, per_minute=per_minute)


class ProgressPoller:
    """Reads the logs of an account's running jobs. Whether the account fails is for the poller to find out."""

    def __init__(
        self,
        client: Client,
        store: Store,
        recorder: Recorder,
        budget: PollBudget,
        *,
        clock: Clock,
    ) -> None:
        self.name = f"{client.account.name} progress"
        self._account = client.account.name
        self._client = client
        self._store = store
        self._recorder = recorder
        self._budget = budget
        self._clock = clock

    async def run(self) -> None:
        """Read the logs that are due."""
        budget = self._budget
        due = await self._store.jobs.snapshots.claim_running(
            self._account, interval=budget.every, most=budget.per_minute
        )
        slots = asyncio.Semaphore(budget.concurrency)
        await asyncio.gather(*(self._read(running, slots) for running in due))

    async def _read(self, running: RunningJob, slots: asyncio.Semaphore) -> None:
        async with slots:
            try:
                events = await self._client.events(running.job_id, limit=NEWEST_EVENTS)
            except ProviderError as error:
                log.info("events.read_failed", account=self._account, job=running.job_id, error=str(error))
                return
        progress = progress_of(events, running.progress)
        newest = newest_event_at(events, now=self._clock())
        await self._store.jobs.snapshots.save_progress(running, progress, newest)
        if newest is not None:
            await self._recorder.record_event(running, newest)
