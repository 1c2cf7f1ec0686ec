"""What Bolt calls. Every listener is made by one function: acknowledge, start the work, return.

Bolt answers Slack only when its listener returns, and an exception after ``ack()`` would undo the acknowledgement.
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
    """Return a Bolt listener that acknowledges at once and leaves the work to ``start``, which must not block.

    ``say`` is pure and returns what the acknowledgement says, as of a form whose fields do not fit.
    """

    async def acknowledge_and_start(ack: Callable[..., Awaitable[Any]], body: dict[str, Any]) -> None:
        await ack(**(respond(body) if respond else {}))
        start(body)

    return acknowledge_and_start


async def acknowledge_unhandled(error: Exception) -> BoltResponse | None:
    """Acknowledge what no listener is for: Slack would send it again, and it would not become ours."""
    if isinstance(error, BoltUnhandledRequestError):
        SLACK_IGNORED.labels("unheard").inc()
        return BoltResponse(status=200)
    log.error("bolt.broke", exc_info=error)
    return None


def _bolt_logger() -> logging.Logger:
    """Return where Bolt logs: it warns of each token that it finds and doesn't need, and has nothing else to warn of."""
    bolts = logging.getLogger("slack_bolt.ftjob")
    bolts.setLevel(logging.ERROR)
    return bolts


def build_app(client: AsyncWebClient, dispatch: Dispatcher) -> AsyncApp:
    """Return the Bolt app with every listener in its place."""

    async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        # One workspace, one token: nothing to ask Slack for.
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token=client.token)

    app = AsyncApp(
        name="ftjob",
        logger=_bolt_logger(),
        client=client,
        authorize=authorize,
        process_before_response=True,
        raise_error_for_unhandled_request=True,
        # Over HTTP the gate has done these before. Bolt would log body and signature of what it refuses.
        request_verification_enabled=False,
        ssl_check_enabled=False,
        url_verification_enabled=False,
    )
    app.error(acknowledge_unhandled)
    app.command(COMMAND)(listener(dispatch.slash))
    # Bolt takes the first listener that fits.
    app.action(REFRESH_HOME)(listener(dispatch.home))
    # Also buttons that only open a page are reported, and Slack wants each report acknowledged.
    app.action(ANY_ACTION)(listener(dispatch.button))
    app.shortcut(TRACK_FROM_MESSAGE)(listener(dispatch.shortcut))
    app.event("app_home_opened")(listener(dispatch.home))
    app.view(CREATE)(listener(dispatch.form, modals.acknowledgement))
    app.event("member_joined_channel")(listener(dispatch.event))
    app.event("channel_unarchive")(listener(dispatch.event))
    app.event("group_unarchive")(listener(dispatch.event))
    app.event("channel_id_changed")(listener(dispatch.event))
    return app
