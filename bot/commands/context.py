"""What a command can reach."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from bot.access import Policy
from bot.alerts.door import Upload
from bot.alerts.draw import Outgoing
from bot.alerts.notices import Notices
from bot.alerts.record import Recorder
from bot.alerts.retry import Answer
from bot.blocks.job import Surroundings
from bot.charts import Charts
from bot.commands.flood import Flood
from bot.jobs.models import Job
from bot.jobs.prices import price_of
from bot.providers.client import Client
from bot.providers.shared import SharedReads
from bot.store import Store
from bot.store.engine import Clock


@dataclass(frozen=True)
class Context:
    """The parts that commands work with, put together by `app`."""

    client: Client
    shared: SharedReads
    """The same account, read for showing alone."""
    store: Store
    recorder: Recorder
    post: Callable[[Outgoing], Awaitable[Answer]]
    """Posts a message at once; what it says is true only if Slack took it."""
    upload: Callable[[Upload], Awaitable[str | None]]
    """Shares a picture; None where Slack did not take it."""
    charts: Charts
    wake: Callable[[], None]
    """Lets the sender and the editor look, after a commit that owes something or gives cards something to show."""
    notices: Notices
    policy: Policy
    flood: Flood
    clock: Clock
    version: str
    interval: float
    """Seconds between sweeps."""
    prices: Mapping[str, float] = field(default_factory=dict)
    """As of ``jobs.prices``."""
    _turns: WeakValueDictionary[str, asyncio.Lock] = field(default_factory=WeakValueDictionary, repr=False)

    def turn(self, channel: str) -> asyncio.Lock:
        """Return the lock under which a channel's card or announcement is posted: two clicks at once are one."""
        return self._turns.setdefault(channel, asyncio.Lock())

    def around(self, job: Job, *, tracked: bool) -> Surroundings:
        """Return what a picture of a job shows beside it."""
        return Surroundings(
            self.client.job_page(job.id),
            tracked=tracked,
            can_cancel=not self.policy.read_only,
            price=price_of(job.model, self.prices),
        )

    @property
    def account(self) -> str:
        """The name of the account."""
        return self.client.account.name
