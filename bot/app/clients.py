"""Clients of other people's servers, opened as the settings say."""

from contextlib import AbstractAsyncContextManager

from bot.settings.model import Settings
from bot.slack.client import SlackClient, open_client
from bot.slack.timeouts import DELIVERY_TIMEOUTS, DeliveryTimeouts
from bot.store.db.engine import Clock, monotonic_time


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
