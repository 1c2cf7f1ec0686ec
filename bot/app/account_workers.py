"""One account, and all that looks at it: nothing of one account waits for another."""

from collections.abc import Callable
from dataclasses import dataclass

from bot.delivery.charts import Charts
from bot.delivery.curves import Illustrator
from bot.poll.circuit_breaker import Circuit
from bot.poll.deprecations import Almanac
from bot.poll.poller import LEASE, Sweeper
from bot.poll.progress import Allowance, Watcher
from bot.poll.scheduler import Watcher as Looker
from bot.providers.client import Client
from bot.slack.client import Gateway
from bot.store import Store
from bot.store.db.engine import Clock
from bot.tracking.notices import Notices
from bot.tracking.recorder import Recorder


@dataclass(frozen=True)
class Lookout:
    """What looks at one account."""

    sweeper: Sweeper
    watchers: tuple[Looker, ...]


def lookout(
    client: Client,
    store: Store,
    recorder: Recorder,
    notices: Notices,
    *,
    interval: float,
    logs: Allowance,
    charts: Charts,
    door: Gateway,
    owed: Callable[[], None],
    shown: Callable[[], None],
    clock: Clock,
    ages: Clock,
    lease: float = LEASE,
) -> Lookout:
    """Return what looks at an account; ``owed`` and ``shown`` are called as its parts call them."""
    circuit = Circuit(store, notices, client.account.name, wake=owed, clock=clock)
    sweeper = Sweeper(client, store, recorder, circuit, notices, interval=interval, clock=clock, lease=lease)
    watcher = Watcher(client, store, recorder, logs, shown=shown, clock=clock)
    illustrator = Illustrator(client, store, charts, door, shown=shown)
    return Lookout(sweeper, (watcher, illustrator, Almanac(client, store, clock=clock, ages=ages, owed=owed)))
