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

from bot.listeners.payload import Ignored, Payload, parse_envelope
from bot.listeners.socket_log import ConnectionLog
from bot.net.proxies import Proxies
from bot.telemetry.metrics import SLACK_IGNORED

PING_SECONDS = 5.0
"""How often the connection is tried; a dead one is replaced after about two of them."""

CLOSE_SECONDS = 1.0
"""How long a stop waits for the other end to close the connection, too."""

log = structlog.get_logger()


class SocketClient(SocketModeClient):
    """The SDK's, which asks each WebSocket's address through the proxy that is meant for it."""

    def __init__(self, app: AsyncApp, app_token: str, proxies: Proxies) -> None:
        self.proxies = proxies
        self.connection_log = ConnectionLog(self._discard_url)
        super().__init__(app_token, self.connection_log, app.client, ping_interval=PING_SECONDS)

    async def connect(self) -> None:
        """Open a connection, however long that takes."""
        await super().connect()  # type: ignore[no-untyped-call]
        if not self.closed:
            self.connection_log.opened()

    def _discard_url(self) -> None:
        self.wss_uri = None

    async def issue_new_wss_url(self) -> str:
        """Ask Slack for the address of the next connection."""
        url = await super().issue_new_wss_url()
        self.proxy = self.proxies.url_for(url)
        return url

    async def close(self) -> None:
        """Close everything; a connection whose other end doesn't answer is cut."""
        self.closed, self.auto_reconnect_enabled = True, False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.disconnect()  # type: ignore[no-untyped-call]
        await super().close()  # type: ignore[no-untyped-call]


class SocketMode(AsyncSocketModeHandler):
    """Bolt's, for what can be read; it raises for the rest, which is acknowledged here: Slack would only send it again."""

    def __init__(self, app: AsyncApp, app_token: str, proxies: Proxies) -> None:
        # Not Bolt's own, which makes a client of the SDK's with whatever proxy that finds.
        self.app, self.app_token = app, app_token
        self.client: SocketClient = SocketClient(app, app_token, proxies)
        self.client.socket_mode_request_listeners.append(self.handle)  # type: ignore[arg-type]

    async def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:  # type: ignore[override]
        """Take one envelope."""
        asked = parse_envelope(req.type, req.payload)
        if isinstance(asked, Payload):
            await super().handle(client, req)
            return
        SLACK_IGNORED.labels(asked.kind if isinstance(asked, Ignored) else "unreadable").inc()
        await client.send_socket_mode_response(SocketModeResponse(envelope_id=req.envelope_id))


@asynccontextmanager
async def socket_mode(app: AsyncApp, app_token: str, proxies: Proxies) -> AsyncIterator[SocketMode]:
    """Connect, stay connected whatever happens, and disconnect at the end of the block."""
    handler = SocketMode(app, app_token, proxies)
    # The first connection is awaited in the background: a bot that starts while Slack is down still watches jobs.
    connecting = asyncio.create_task(handler.connect_async())  # type: ignore[no-untyped-call]
    try:
        yield handler
    finally:
        connecting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await connecting
        await handler.close_async()  # type: ignore[no-untyped-call]
