"""Clients of other people's servers, opened as the settings say."""

from contextlib import AbstractAsyncContextManager

from bot.settings.model import Settings
from bot.slack.client import Gateway, open_gateway
from bot.slack.timeouts import PATIENCE, Patience
from bot.store.db.engine import Clock, loop_time


def open_slack(
    settings: Settings, patience: Patience = PATIENCE, *, ages: Clock = loop_time
) -> AbstractAsyncContextManager[Gateway]:
    """Open the Slack client of the workspace that the settings name."""
    return open_gateway(
        settings.slack_bot_token.get_secret_value(),
        settings.slack_api_url,
        operators=settings.ftjob_operators,
        allow_shared=settings.ftjob_allow_shared_channels,
        patience=patience,
        proxies=settings.proxies,
        ages=ages,
    )
