"""Socket Mode: Slack over a WebSocket that we open, so that no public address is needed."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import structlog
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp

PING_SECONDS = 5.0
"""How often the connection is tried; a dead one is replaced after about two of them."""

LAST_SECONDS = 1.0
"""How long a stop waits for the connection to close."""

log = structlog.get_logger()


@asynccontextmanager
async def socket_mode(app: AsyncApp, app_token: str) -> AsyncIterator[AsyncSocketModeHandler]:
    """Connect, stay connected whatever happens, and disconnect at the end of the block."""
    handler = AsyncSocketModeHandler(app, app_token, ping_interval=PING_SECONDS)
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
