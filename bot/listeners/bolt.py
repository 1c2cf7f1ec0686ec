"""The Bolt app and its listeners. Each listener acknowledges, starts a background task, and returns.

Bolt responds to Slack only when a listener returns, and an exception after ``ack()`` would undo the acknowledgment.
"""

import logging
import re
from collections.abc import Awaitable, Callable
from typing import Any

import structlog
from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_bolt.error import BoltUnhandledRequestError
from slack_bolt.response import BoltResponse
from slack_sdk.web.async_client import AsyncWebClient

from bot.blocks.create import CREATE
from bot.blocks.home import REFRESH_HOME
from bot.listeners import modals
from bot.listeners.dispatch import Dispatcher
from bot.listeners.shortcuts import TRACK_FROM_MESSAGE
from bot.listeners.slash import COMMAND
from bot.telemetry.metrics import SLACK_IGNORED

ANY_ACTION = re.compile(".*")

log = structlog.get_logger()

Listener = Callable[..., Awaitable[None]]


def listener(
    start: Callable[[dict[str, Any]], None], respond: Callable[[dict[str, Any]], dict[str, Any]] | None = None
) -> Listener:
    """Return a Bolt listener that acknowledges immediately and passes the body to ``start``, which must not block.

    ``respond`` is pure and returns the arguments of ``ack()``, such as a form's validation errors.
    """

    async def acknowledge_and_start(ack: Callable[..., Awaitable[Any]], body: dict[str, Any]) -> None:
        await ack(**(respond(body) if respond else {}))
        start(body)

    return acknowledge_and_start


async def acknowledge_unhandled(error: Exception) -> BoltResponse | None:
    """Acknowledge a request that no listener handles; without a 200, Slack would retry it."""
    if isinstance(error, BoltUnhandledRequestError):
        SLACK_IGNORED.labels("unhandled").inc()
        return BoltResponse(status=200)
    log.error("bolt.failed", exc_info=error)
    return None


def _bolt_logger() -> logging.Logger:
    """Return Bolt's logger at ERROR level: all its warnings are about tokens in requests that it doesn't need."""
    bolts = logging.getLogger("slack_bolt.ftjob")
    bolts.setLevel(logging.ERROR)
    return bolts


def build_app(client: AsyncWebClient, dispatch: Dispatcher) -> AsyncApp:
    """Return the Bolt app with every listener registered."""

    async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        # One workspace, one token: no lookup needed.
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token=client.token)

    app = AsyncApp(
        name="ftjob",
        logger=_bolt_logger(),
        client=client,
        authorize=authorize,
        process_before_response=True,
        raise_error_for_unhandled_request=True,
        # Over HTTP, SlackHttpHandler has done these already. Bolt would log body and signature of what it rejects.
        request_verification_enabled=False,
        ssl_check_enabled=False,
        url_verification_enabled=False,
    )
    app.error(acknowledge_unhandled)
    app.command(COMMAND)(listener(dispatch.slash))
    # Bolt runs the first listener that matches.
    app.action(REFRESH_HOME)(listener(dispatch.home))
    # Slack also sends clicks on URL buttons, and expects each to be acknowledged.
    app.action(ANY_ACTION)(listener(dispatch.button))
    app.shortcut(TRACK_FROM_MESSAGE)(listener(dispatch.shortcut))
    app.event("app_home_opened")(listener(dispatch.home))
    app.view(CREATE)(listener(dispatch.form, modals.acknowledgement))
    app.event("member_joined_channel")(listener(dispatch.event))
    app.event("channel_unarchive")(listener(dispatch.event))
    app.event("group_unarchive")(listener(dispatch.event))
    app.event("channel_id_changed")(listener(dispatch.event))
    return app
