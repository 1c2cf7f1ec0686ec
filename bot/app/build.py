"""Composition root: builds the parts in the order in which work flows through them. Nothing runs yet.

fine-tuning API -> poller -> recorder -> outbox -> delivery worker -> Slack client -> Slack
Slack -> listeners (`app/entrances`) -> commands -> Slack client -> Slack
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from bot.app.clients import Clients
from bot.app.tuning import CLOCKS, TUNING, Clocks, Tuning
from bot.commands.access import AccessControl
from bot.commands.accounts import Account, Accounts
from bot.commands.permissions import Policy
from bot.commands.rate_limit import RateLimiter
from bot.commands.services import Services
from bot.delivery.cards import CardUpdater
from bot.delivery.charts import Charts
from bot.delivery.connection import SlackConnection
from bot.delivery.curves import CurveUploader
from bot.delivery.queue_depth import QueueDepthGauge
from bot.delivery.render import RenderContext
from bot.delivery.worker import DeliveryWorker
from bot.poll.deprecations import DeprecationPoller
from bot.poll.poller import Poller
from bot.poll.progress import ProgressPoller
from bot.poll.scheduler import AccountPoller, PeriodicTask
from bot.providers.client import Client
from bot.providers.coalesced import CoalescedReads
from bot.push.receiver import PushReceiver
from bot.push.recorder import PushRecorder
from bot.push.silence import HeartbeatCheck
from bot.settings.model import Settings
from bot.store import Store
from bot.tracking.mutes import MuteExpiry
from bot.tracking.notices import Notices
from bot.tracking.recorder import Recorder


@dataclass(frozen=True)
class Parts:
    """The parts of one bot."""

    store: Store
    pollers: Mapping[str, AccountPoller]
    """By the account's name."""
    tasks: Sequence[PeriodicTask]
    recorder: Recorder
    worker: DeliveryWorker
    card_updater: CardUpdater
    connection: SlackConnection
    services: Services
    access: AccessControl


def build(
    settings: Settings, store: Store, clients: Clients, *, tuning: Tuning = TUNING, clocks: Clocks = CLOCKS
) -> Parts:
    """Build the parts on an open store and open clients."""
    slack, providers, clock = clients.slack, clients.providers, clocks.wall
    config, interval = settings.ftjob_config, settings.ftjob_poll_seconds
    notices = Notices(store, settings.ftjob_ops_channel)
    recorder = Recorder(
        store,
        interval=interval,
        stalled_after=config.stuck.stalled_after,
        max_alerts=tuning.max_alerts,
        accounts=list(providers),
    )

    def poller(client: Client) -> AccountPoller:
        if client.dialect.is_pushed:
            receiver = PushReceiver(client.account.name, PushRecorder(client.account.name, store, recorder.writer))
            return HeartbeatCheck(receiver, store, recorder.writer, recorder.thresholds, monotonic=clocks.monotonic)
        lease = tuning.timeouts.lease
        return Poller(client, store, recorder, notices, interval=interval, clock=clock, lease=lease)

    rendering = RenderContext(providers, clock, read_only=settings.ftjob_read_only, prices=config.prices)
    charts = Charts()
    policy = Policy(settings.ftjob_operators, settings.ftjob_read_only, settings.ftjob_allow_guests)
    return Parts(
        store=store,
        pollers={name: poller(client) for name, client in providers.items()},
        tasks=_tasks(store, recorder, clients, charts, tuning=tuning, clocks=clocks),
        recorder=recorder,
        worker=DeliveryWorker(
            store,
            slack,
            rendering,
            clock=clock,
            monotonic=clocks.monotonic,
            notices=notices,
            timeouts=tuning.timeouts,
        ),
        card_updater=CardUpdater(store, slack, rendering, tuning.cards),
        connection=SlackConnection(slack, store, notices, clock=clock),
        services=Services(
            accounts=_accounts(providers, rendering, store, clocks),
            store=store,
            recorder=recorder,
            notices=notices,
            slack=slack,
            charts=charts,
            render_context=rendering,
            poll_interval=interval,
        ),
        access=AccessControl(policy, RateLimiter(tuning.limits), clocks.monotonic),
    )


def _accounts(providers: Mapping[str, Client], rendering: RenderContext, store: Store, clocks: Clocks) -> Accounts:
    """Return the accounts that commands work with."""
    accounts = [
        Account(
            name,
            client,
            CoalescedReads(client, clocks.wall, clocks.monotonic),
            rendering.display_name(name),
        )
        for name, client in providers.items()
    ]
    return Accounts(accounts, store.jobs.states)


def _tasks(
    store: Store, recorder: Recorder, clients: Clients, charts: Charts, *, tuning: Tuning, clocks: Clocks
) -> list[PeriodicTask]:
    """Return what is done now and then: no task of one account waits for another account."""
    tasks: list[PeriodicTask] = [MuteExpiry(store), QueueDepthGauge(store)]
    for client in clients.providers.values():
        tasks.append(CurveUploader(client, store, charts, clients.slack))
        if not client.dialect.is_pushed:  # a trainer says how far it is, and retires no model
            tasks += [
                ProgressPoller(client, store, recorder, tuning.progress, clock=clocks.wall),
                DeprecationPoller(client, store, clock=clocks.wall, monotonic=clocks.monotonic),
            ]
    return tasks
