"""How far running jobs are: their logs, read now and then for those that have a card.

running jobs that are due -> newest events of each -> progress -> card
                                                   -> recorder: it stands still, or moves again
"""

import asyncio
from dataclasses import dataclass
from typing import Self

import structlog

from bot.errors import ProviderError
from bot.jobs.progress import newest_event_at, progress_of
from bot.providers.client import Client
from bot.store import Store
from bot.store.db.engine import Clock
from bot.store.jobs.snapshots import RunningJob
from bot.tracking.recorder import Recorder

NEWEST_EVENTS = 20
_MOST_A_MINUTE = 300
"""Logs read in a minute where they are read often: five in a second, as one account is asked for pages, too."""

log = structlog.get_logger()


@dataclass(frozen=True)
class PollBudget:
    """How often an account is asked for the logs of its running jobs."""

    tick: float = 10.0
    """Seconds between two looks at which jobs are due."""
    every: float = 120.0
    """Seconds between two reads of one job's log, at the least."""
    most: int = 30
    """Logs read in a minute, of all jobs and by all processes."""
    concurrency: int = 4

    @classmethod
    def of(cls, seconds: float) -> Self:
        """Return the allowance that reads each log every so many seconds: more logs a minute the shorter that is.

        Never fewer than usual: a job that stands still is found by its log, and must not wait for others' turns besides.
        """
        most = min(_MOST_A_MINUTE, max(cls.most, round(cls.most * cls.every / seconds)))
        return cls(tick=min(cls.tick, seconds / 2), every=seconds, most=most)


class ProgressPoller:
    """Reads the logs of an account's running jobs. Sweeps go on beside it: a failing account is theirs to find out."""

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

    async def look(self) -> None:
        """Read what is due."""
        allowance = self._budget
        due = await self._store.jobs.snapshots.claim_running(
            self._account, interval=allowance.every, most=allowance.most
        )
        turns = asyncio.Semaphore(allowance.concurrency)
        await asyncio.gather(*(self._read(running, turns) for running in due))

    async def _read(self, running: RunningJob, turns: asyncio.Semaphore) -> None:
        async with turns:
            try:
                events = await self._client.events(running.job_id, limit=NEWEST_EVENTS)
            except ProviderError as error:
                log.info("events.unread", account=self._account, job=running.job_id, error=str(error))
                return
        progress = progress_of(events, running.progress)
        newest = newest_event_at(events, now=self._clock())
        await self._store.jobs.snapshots.save_progress(running, progress, newest)
        if newest is not None:
            await self._recorder.record_event(running, newest)
