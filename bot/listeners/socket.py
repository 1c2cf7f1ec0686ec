"""Socket Mode: Slack over an outgoing WebSocket, so that no public URL is needed."""

import asyncio
import contextlib
import logging
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

import structlog
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.socket_mode.aiohttp import SocketModeClient
from slack_sdk.socket_mode.request import SocketModeRequest
from slack_sdk.socket_mode.response import SocketModeResponse
from typing_extensions import override

from bot.listeners.payload import Ignored, Payload, parse_envelope
from bot.net.connection_errors import connection_problem
from bot.net.proxies import Proxies
from bot.telemetry.metrics import SLACK_IGNORED

PING_SECONDS = 5.0
"""Seconds between pings; a dead connection is replaced after about two of them."""

CLOSE_SECONDS = 1.0
"""How long a shutdown waits for Slack's close frame."""

MAX_MESSAGE_LENGTH = 200
"""Characters of an SDK message without an exception."""

_OURS = ("process_messages", "run_message_listeners")
"""SDK functions that call our handlers."""

log = structlog.get_logger()


class ConnectionLog(logging.Logger):
    """Logger for the SDK, which would repeat a traceback every few seconds while there is no network."""

    def __init__(self, discard_url: Callable[[], None]) -> None:
        """Store ``discard_url``, which makes the next attempt request a new URL: each is valid for one connection."""
        super().__init__("socket", logging.WARNING)
        self._discard_url = discard_url
        self._is_lost = False

    @override
    def handle(self, record: logging.LogRecord) -> None:
        """Log a failed connection once; log an exception of our own handlers, which is a bug, each time."""
        error = record.exc_info[1] if record.exc_info else None
        trouble = connection_problem(error) if error else None
        if error and not trouble and record.funcName in _OURS:
            log.error("socket.handler_failed", detail=record.getMessage()[:MAX_MESSAGE_LENGTH], exc_info=error)
            return
        self._discard_url()
        if not self._is_lost:
            self._is_lost = True
            log.error(
                "socket.disconnected", error=trouble.message if trouble else record.getMessage()[:MAX_MESSAGE_LENGTH]
            )

    def opened(self) -> None:
        """Record that the connection is open."""
        if self._is_lost:
            self._is_lost = False
            log.info("socket.reconnected")


class SocketClient(SocketModeClient):
    """The SDK's client with the proxy settings of each WebSocket URL."""

    def __init__(self, app: AsyncApp, app_token: str, proxies: Proxies) -> None:
        self.proxies = proxies
        self.connection_log = ConnectionLog(self._discard_url)
        super().__init__(app_token, self.connection_log, app.client, ping_interval=PING_SECONDS)

    @override
    async def connect(self) -> None:
        """Open a connection; retries until it succeeds."""
        await super().connect()  # type: ignore[no-untyped-call]
        if not self.closed:
            self.connection_log.opened()

    def _discard_url(self) -> None:
        self.wss_uri = None

    @override
    async def issue_new_wss_url(self) -> str:
        """Request the URL of the next connection (``apps.connections.open``)."""
        url = await super().issue_new_wss_url()
        self.proxy = self.proxies.url_for(url)
        return url

    @override
    async def close(self) -> None:
        """Close the client; drop a connection whose peer sends no close frame."""
        self.closed, self.auto_reconnect_enabled = True, False
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(CLOSE_SECONDS):
                await self.disconnect()  # type: ignore[no-untyped-call]
        await super().close()  # type: ignore[no-untyped-call]


class SocketMode(AsyncSocketModeHandler):
    """Bolt's handler for well-formed envelopes. All others are acknowledged here, as Slack would only retry them."""

    def __init__(self, app: AsyncApp, app_token: str, proxies: Proxies) -> None:
        # Without super().__init__(), which creates an SDK client with proxy settings of its own.
        self.app, self.app_token = app, app_token
        self.client: SocketClient = SocketClient(app, app_token, proxies)
        self.client.socket_mode_request_listeners.append(self.handle)  # type: ignore[arg-type]

    @override
    async def handle(self, client: SocketModeClient, req: SocketModeRequest) -> None:  # type: ignore[override]
        """Handle one envelope."""
        parsed = parse_envelope(req.type, req.payload)
        if isinstance(parsed, Payload):
            await super().handle(client, req)
            return
        SLACK_IGNORED.labels(parsed.kind if isinstance(parsed, Ignored) else "unreadable").inc()
        await client.send_socket_mode_response(SocketModeResponse(envelope_id=req.envelope_id))


@asynccontextmanager
async def socket_mode(app: AsyncApp, app_token: str, proxies: Proxies) -> AsyncIterator[SocketMode]:
    """Stay connected until the end of the block."""
    handler = SocketMode(app, app_token, proxies)
    # Connect in the background: a bot that starts while Slack is down still polls jobs.
    connecting = asyncio.create_task(handler.connect_async())  # type: ignore[no-untyped-call]
    try:
        yield handler
    finally:
        connecting.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await connecting
        await handler.close_async()  # type: ignore[no-untyped-call]
