"""What Bolt calls. Every listener is made by one function: acknowledge, start the work, return.

Bolt answers Slack only when its listener returns, and an exception after ``ack()`` would undo the acknowledgement.
"""

import re
from collections.abc import Awaitable, Callable
from typing import Any

from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult
from slack_sdk.web.async_client import AsyncWebClient

from bot.slack.dispatch import Dispatch
from bot.slack.slash import COMMAND

ANY_ACTION = re.compile(".*")

Listener = Callable[..., Awaitable[None]]


def listener(start: Callable[[dict[str, Any]], None]) -> Listener:
    """Return a Bolt listener that acknowledges at once and leaves the work to ``start``, which must not block."""

    async def acknowledge_and_start(ack: Callable[[], Awaitable[Any]], body: dict[str, Any]) -> None:
        await ack()
        start(body)

    return acknowledge_and_start


def build_app(client: AsyncWebClient, dispatch: Dispatch, *, signing_secret: str | None) -> AsyncApp:
    """Return the Bolt app with every listener in its place; without a signing secret it is for Socket Mode."""

    async def authorize(enterprise_id: str | None, team_id: str | None) -> AuthorizeResult:
        # One workspace, one token: nothing to ask Slack for.
        return AuthorizeResult(enterprise_id=enterprise_id, team_id=team_id, bot_token=client.token)

    app = AsyncApp(
        client=client,
        authorize=authorize,
        signing_secret=signing_secret,
        process_before_response=True,
        request_verification_enabled=signing_secret is not None,
    )
    app.command(COMMAND)(listener(dispatch.slash))
    # Also buttons that only open a page are reported, and Slack wants each report acknowledged.
    app.action(ANY_ACTION)(listener(dispatch.button))
    app.event("member_joined_channel")(listener(dispatch.event))
    app.event("channel_unarchive")(listener(dispatch.event))
    app.event("group_unarchive")(listener(dispatch.event))
    return app
