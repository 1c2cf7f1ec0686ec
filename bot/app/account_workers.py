"""One account, and all that looks at it: nothing of one account waits for another."""

from dataclasses import dataclass

from bot.delivery.charts import Charts
from bot.delivery.curves import CurveUploader
from bot.poll.circuit_breaker import CircuitBreaker
from bot.poll.deprecations import DeprecationPoller
from bot.poll.poller import LEASE, Poller
from bot.poll.progress import PollBudget, ProgressPoller
from bot.poll.scheduler import PeriodicTask
from bot.providers.client import Client
from bot.slack.client import SlackClient
from bot.store import Store
from bot.store.db.engine import Clock
from bot.tracking.notices import Notices
from bot.tracking.recorder import Recorder


@dataclass(frozen=True)
class AccountWorkers:
    """What looks at one account."""

    poller: Poller
    tasks: tuple[PeriodicTask, ...]


def account_workers(
    client: Client,
    store: Store,
    recorder: Recorder,
    notices: Notices,
    *,
    interval: float,
    budget: PollBudget,
    charts: Charts,
    slack: SlackClient,
    clock: Clock,
    monotonic: Clock,
    lease: float = LEASE,
) -> AccountWorkers:
    """Return what polls an account."""
    circuit = CircuitBreaker(store, notices, client.account.name, clock=clock)
    sweeper = Poller(client, store, recorder, circuit, notices, interval=interval, clock=clock, lease=lease)
    watcher = ProgressPoller(client, store, recorder, budget, clock=clock)
    illustrator = CurveUploader(client, store, charts, slack)
    return AccountWorkers(
        sweeper, (watcher, illustrator, DeprecationPoller(client, store, clock=clock, monotonic=monotonic))
    )
