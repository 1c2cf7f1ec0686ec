"""Poll harness: the real poller on the real store, in front of the stand-in API, with its requests counted."""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any

from pydantic import SecretStr
from sqlalchemy import Row

from bot.poll.poller import Poller
from bot.providers.account import Account
from bot.providers.client import Client
from bot.runtime.clock import Clock
from bot.sandbox.faults import Fault
from bot.sandbox.openai.server import FineTuningApi
from bot.store import Store, open_store
from bot.store.channels.subscriptions import Subscription
from bot.store.channels.tracks import Track
from bot.store.db import schema
from bot.tracking.notices import Notices
from bot.tracking.recorder import Recorder
from tests.store.clocks import StoreClock
from tests.store.seeds import ACCOUNT, deliveries, rows

INTERVAL = 30.0
OPS = "COPS"
"""The channel that notices go to."""
LIST = "GET /fine_tuning/jobs"
RETRIEVE = "GET /fine_tuning/jobs/{id}"
EVENTS = "GET /fine_tuning/jobs/{id}/events"
NO_FAULT = Fault("late", seconds=0)
UNAVAILABLE = Fault("answer", status=503, body={"error": {"message": "overloaded"}})


@dataclass
class PollHarness:
    """A poller, and what it reads and writes."""

    api: FineTuningApi
    client: Client
    store: Store
    recorder: Recorder
    poller: Poller
    time: StoreClock
    account: str

    async def poll(self) -> list[str]:
        """Poll once and return the endpoints that were requested."""
        before = len(self.api.request_log)
        await self.poller.poll()
        return [entry.endpoint for entry in list(self.api.request_log)[before:]]

    async def poll_later(self, seconds: float = INTERVAL) -> list[str]:
        """Advance the clock, then poll once."""
        await self.time.advance(self.store, seconds)
        return await self.poll()

    async def track(self, job_id: str, channel: str = "C1") -> None:
        """Let a channel follow a job, as the command does once its card is posted."""
        known = await self.store.jobs.states.find(self.account, job_id)
        reading = await self.client.retrieve(job_id)
        await self.recorder.add_track(Track(self.account, job_id, channel, "U1"), reading, known, card_ts="1.000100")

    async def track_all(self, jobs: list[str], channel: str = "C1") -> None:
        """Let a channel follow many jobs that the store gets to know as they are."""
        readings = [await self.client.list_jobs()]
        while cursor := readings[-1].after:
            readings.append(await self.client.list_jobs(after=cursor))
        async with self.store.db.transaction() as tx:
            await self.store.jobs.states.add(
                tx, self.account, [each.snapshot for page in readings for each in page.fetched]
            )
            await self.store.channels.tracks.add(tx, [Track(self.account, job_id, channel, "U1") for job_id in jobs])

    async def subscribe(self, channel: str = "C1", newer_than: float = 0) -> None:
        """Let a channel follow every job that is not older."""
        async with self.store.db.transaction() as tx:
            await self.store.channels.subscriptions.add(tx, Subscription(self.account, channel, "U1", newer_than))

    async def changes(self) -> list[Row[Any]]:
        """Return every change that was recorded."""
        return await rows(self.store, schema.change)

    async def pending(self, channel: str = "C1") -> list[tuple[str, str]]:
        """Return the pending deliveries of a channel, in order: (job id, status)."""
        changes = {row.id: row for row in await self.changes()}
        enqueued = [changes[row.change_id] for row in await deliveries(self.store, channel)]
        return [(change.job_id, change.new_status) for change in enqueued]


@asynccontextmanager
async def poll_harness(
    database_url: str,
    api: FineTuningApi,
    *,
    interval: float = INTERVAL,
    account_name: str = ACCOUNT,
    clock: Clock | None = None,
    organization: str | None = None,
    skew: Callable[[], float] = lambda: 0.0,
    most_alerts: int | None = None,
) -> AsyncIterator[PollHarness]:
    """Open the store and an API client; without a clock, only a test moves time.

    ``skew`` returns by how many seconds the clock was set.
    """
    time = StoreClock(database_url)
    clock = clock or time.now
    account = Account(account_name, api.base_url, SecretStr(api.key), organization=organization)
    async with (
        Client(account, clock=clock, deadline=15) as client,
        open_store(database_url, clock, lambda: time.now() - skew()) as store,
    ):
        recorder, poller = poller_on(store, client, clock, interval=interval, most_alerts=most_alerts)
        try:
            yield PollHarness(api, client, store, recorder, poller, time, account_name)
        finally:
            await poller.close()


def poller_on(
    store: Store, client: Client, clock: Clock, *, interval: float = INTERVAL, most_alerts: int | None = None
) -> tuple[Recorder, Poller]:
    """Return the recorder and poller of a process that shares ``store``."""
    recorder = Recorder(store, interval=interval, max_alerts=most_alerts)
    return recorder, Poller(client, store, recorder, Notices(store, OPS), interval=interval, clock=clock)


def page_of(*items: Any, has_more: bool = False) -> Fault:
    """Return an answer to a list request that the test makes up."""
    return Fault("answer", status=200, body={"object": "list", "data": list(items), "has_more": has_more})
