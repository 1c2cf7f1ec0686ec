"""The services that verbs work with."""

import asyncio
from dataclasses import dataclass, field
from weakref import WeakValueDictionary

from bot.commands.accounts import Accounts
from bot.delivery.charts import Charts
from bot.delivery.render import RenderContext
from bot.slack.client import SlackClient
from bot.store import Store
from bot.tracking.notices import Notices
from bot.tracking.recorder import Recorder


class ChannelLocks:
    """A lock for each channel, held while its card or announcement is posted: two clicks at once post one."""

    def __init__(self) -> None:
        self._locks = WeakValueDictionary[str, asyncio.Lock]()

    def of(self, channel: str) -> asyncio.Lock:
        """Return the lock of a channel."""
        return self._locks.setdefault(channel, asyncio.Lock())


@dataclass(frozen=True)
class Services:
    """The services that verbs work with, put together by `app`."""

    accounts: Accounts
    store: Store
    recorder: Recorder
    notices: Notices
    slack: SlackClient
    charts: Charts
    render_context: RenderContext
    poll_interval: float
    """Seconds between two polls of an account."""
    channel_locks: ChannelLocks = field(default_factory=ChannelLocks)

    def now(self) -> float:
        """Return the time of day, in seconds since the epoch."""
        return self.render_context.clock()
