"""Clients of other people's servers, opened as the settings say."""

from collections.abc import AsyncIterator, Mapping
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from bot.app.tuning import CLOCKS, TUNING, Clocks, Tuning
from bot.providers.account import Account
from bot.providers.client import Client
from bot.providers.registry import dialect_of
from bot.push.local_api import PushedJobsApi
from bot.runtime.clock import Clock, monotonic_time
from bot.settings.model import Settings
from bot.slack.client import SlackClient, open_client
from bot.slack.timeouts import DELIVERY_TIMEOUTS, DeliveryTimeouts
from bot.store import Store


@dataclass(frozen=True)
class Clients:
    """Open clients of Slack and of every fine-tuning account."""

    slack: SlackClient
    providers: Mapping[str, Client]
    """By the account's name."""


@asynccontextmanager
async def open_clients(
    settings: Settings, store: Store, *, tuning: Tuning = TUNING, clocks: Clocks = CLOCKS
) -> AsyncIterator[Clients]:
    """Open the clients that the settings name, and close them at the end; the store answers for pushed jobs."""
    async with AsyncExitStack() as stack:
        enter = stack.enter_async_context
        slack = await enter(open_slack(settings, tuning.timeouts, monotonic=clocks.monotonic))
        clients = [
            Client(each, clock=clocks.wall, proxies=settings.proxies, local_api=_local_api(each, store))
            for each in settings.accounts
        ]
        yield Clients(slack, {each.account.name: await enter(each) for each in clients})


def _local_api(account: Account, store: Store) -> PushedJobsApi | None:
    """Return the API of an account whose trainers push their jobs, None for one that has its own."""
    return PushedJobsApi(account.name, store) if dialect_of(account).is_pushed else None


def open_slack(
    settings: Settings, timeouts: DeliveryTimeouts = DELIVERY_TIMEOUTS, *, monotonic: Clock = monotonic_time
) -> AbstractAsyncContextManager[SlackClient]:
    """Open the Slack client of the workspace that the settings name."""
    return open_client(
        settings.slack_bot_token.get_secret_value(),
        settings.slack_api_url,
        operators=settings.ftjob_operators,
        allow_shared=settings.ftjob_allow_shared_channels,
        timeouts=timeouts,
        proxies=settings.proxies,
        monotonic=monotonic,
    )
