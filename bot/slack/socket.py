"""Socket Mode: Slack over a WebSocket that we open, so that no public address is needed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse

from bot.metrics import SLACK_IDLE
from bot.slack.body import Idle, Payload, of_envelope

PING_SECONDS = 5.0
"""How often the connection is tried; a dead one is replaced after about two of them."""

LAST_SECONDS = 1.0
"""How long a stop waits for the connection to close."""

log = structlog.get_logger()


class Handler(AsyncSocketModeHandler):
    """Bolt's, for what can be read; it raises for the rest, which is acknowledged here: Slack would only send it again."""

    async def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:  # type: ignore[override]
        """Take one envelope."""
        asked = of_envelope(req.type, req.payload)
        if isinstance(asked, Payload):
            await super().handle(client, req)
            return
        SLACK_IDLE.labels(asked.kind if isinstance(asked, Idle) else "unreadable").inc()
        await client.send_socket_mode_response(SocketModeResponse(envelope_id=req.envelope_id))


@asynccontextmanager
async def socket_mode(app: AsyncApp, app_token: str) -> AsyncIterator[AsyncSocketModeHandler]:
    """Connect, stay connected whatever happens, and disconnect at the end of the block."""
    handler = Handler(app, app_token, ping_interval=PING_SECONDS)
    # The first connection is awaited in the background: a bot that starts while Slack is down still watches jobs.
    connecting = asyncio.create_task(handler.connect_async())  # type: ignore[no-untyped-call]
    try:
        yield handler
    finally:
        connecting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await connecting
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LAST_SECONDS):
                await handler.close_async()  # type: ignore[no-untyped-call]
