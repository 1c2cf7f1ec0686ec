"""Payload delivery to the app: over Socket Mode if there is a connection, else as a signed HTTP request."""

import asyncio
import hashlib
import hmac
import itertools
import json
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import urlencode

import aiohttp
from aiohttp import web

from bot.sandbox.request_log import RequestLog
from bot.sandbox.slack.workspace import APP

PayloadKind = Literal["slash_commands", "interactive", "events_api"]

ACK_SECONDS = 3.0
MAX_CONNECTIONS = 10


@dataclass(frozen=True)
class Ack:
    """Acknowledgement of one payload, or its absence."""

    acked: bool
    seconds: float
    status: int = 0
    """HTTP status; 200 over Socket Mode, 0 if nothing came."""
    body: Any = None
    """Payload of the acknowledgement, None if it was empty."""
    error: str = ""
    """Error that the user sees: ``operation_timeout``, ``dispatch_failed``, or ""."""


@dataclass
class PayloadSender:
    """Sends payloads to the app over its connections or its request URL."""

    request_log: RequestLog
    signing_secret: str
    request_url: str | None = None
    clock: Callable[[], float] = time.time
    """Clock of the signatures' timestamps: real time, because the app compares it with its own."""
    verification_token: str = ""
    """Deprecated token that Slack still adds to each payload."""
    ack_timeout: float = ACK_SECONDS
    """Seconds until a payload counts as not acknowledged."""
    connections: list[web.WebSocketResponse] = field(default_factory=list)
    """Socket Mode connections that get payloads."""
    _all_connections: set[web.WebSocketResponse] = field(default_factory=set)
    _pending_acks: dict[str, asyncio.Future[Any]] = field(default_factory=dict)
    _envelope_numbers: Any = field(default_factory=lambda: itertools.count(1))
    _next_connection: int = 0
    _session: aiohttp.ClientSession | None = None

    async def send(self, kind: PayloadKind, payload: dict[str, Any], *, retry: tuple[int, str] | None = None) -> Ack:
        """Deliver one payload and wait up to ``ack_timeout`` seconds for its acknowledgement."""
        started, payload = time.perf_counter(), {"token": self.verification_token, **payload}
        try:
            async with asyncio.timeout(self.ack_timeout):
                if self.connections:
                    status, body = 200, await self._over_socket(kind, payload, retry)
                elif self.request_url:
                    status, body = await self._over_http(kind, payload, retry)
                else:
                    return Ack(acked=False, seconds=0.0, error="dispatch_failed")
        except TimeoutError:
            return Ack(acked=False, seconds=time.perf_counter() - started, error="operation_timeout")
        except (aiohttp.ClientError, ConnectionError):
            return Ack(acked=False, seconds=time.perf_counter() - started, error="dispatch_failed")
        acked = status == 200  # noqa: PLR2004
        error = "" if acked else "dispatch_failed"
        return Ack(acked, time.perf_counter() - started, status, body, error)

    async def _over_socket(self, kind: PayloadKind, payload: dict[str, Any], retry: tuple[int, str] | None) -> Any:
        envelope_id = f"envelope-{next(self._envelope_numbers):08d}"
        envelope: dict[str, Any] = {"envelope_id": envelope_id, "type": kind, "payload": payload}
        envelope["accepts_response_payload"] = kind != "events_api"
        if kind == "events_api":
            envelope |= {"retry_attempt": retry[0] if retry else 0, "retry_reason": retry[1] if retry else ""}
        self._next_connection += 1
        connection = self.connections[self._next_connection % len(self.connections)]
        future = self._pending_acks[envelope_id] = asyncio.get_running_loop().create_future()
        try:
            await connection.send_json(envelope)
            return await future
        finally:
            del self._pending_acks[envelope_id]

    async def _over_http(
        self, kind: PayloadKind, payload: dict[str, Any], retry: tuple[int, str] | None
    ) -> tuple[int, Any]:
        content_type = "application/x-www-form-urlencoded"
        match kind:
            case "slash_commands":
                body = urlencode(payload)
            case "interactive":
                body = urlencode({"payload": json.dumps(payload)})
            case "events_api":
                body, content_type = json.dumps(payload), "application/json"
        headers = {"Content-Type": content_type, **self.signature(body)}
        if retry:
            headers |= {"X-Slack-Retry-Num": str(retry[0]), "X-Slack-Retry-Reason": retry[1]}
        return await self.post(body.encode(), headers)

    async def post(self, body: bytes, headers: dict[str, str]) -> tuple[int, Any]:
        """Post raw bytes to the request URL; return status and body: JSON decoded, None if empty."""
        assert self.request_url  # noqa: S101 - checked by the caller
        if self._session is None:
            self._session = aiohttp.ClientSession()
        async with self._session.post(self.request_url, data=body, headers=headers) as response:
            text = await response.text()
            is_json = response.content_type == "application/json"
            return response.status, json.loads(text) if text and is_json else text or None

    def signature(self, body: str) -> dict[str, str]:
        """Return Slack's signature headers for a body, as of now."""
        timestamp = str(int(self.clock()))
        base = f"v0:{timestamp}:{body}".encode()
        digest = hmac.new(self.signing_secret.encode(), base, hashlib.sha256).hexdigest()
        return {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": f"v0={digest}"}

    async def serve_connection(self, http: web.Request) -> web.WebSocketResponse:
        """Serve one Socket Mode connection until it ends."""
        connection = web.WebSocketResponse()
        await connection.prepare(http)
        if len(self._all_connections) >= MAX_CONNECTIONS:
            await connection.send_json({"type": "disconnect", "reason": "too_many_websockets"})
            await connection.close()
            return connection
        self._all_connections.add(connection)
        try:
            await connection.send_json(self._hello())
            self.connections.append(connection)
            self.request_log.notify_waiters()
            async for message in connection:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self._receive_ack(message.data)
        finally:
            self._remove(connection)
        return connection

    def _hello(self) -> dict[str, Any]:
        return {
            "type": "hello",
            "num_connections": len(self._all_connections),
            "debug_info": {"host": "sandbox", "build_number": 1, "approximate_connection_time": 18060},
            "connection_info": {"app_id": APP},
        }

    def _receive_ack(self, data: str) -> None:
        try:
            ack = json.loads(data)
            envelope_id, payload = ack["envelope_id"], ack.get("payload")
        except (ValueError, TypeError, KeyError, AttributeError):
            self.request_log.append("socket.ack", {"data": data}, status=400, accepted=False)
            return
        future = self._pending_acks.get(envelope_id)
        in_time = future is not None and not future.done()
        if future and in_time:
            future.set_result(payload)
        self.request_log.append("socket.ack", ack, status=200, accepted=in_time)

    def _remove(self, connection: web.WebSocketResponse) -> None:
        self._all_connections.discard(connection)
        if connection in self.connections:
            self.connections.remove(connection)
        self.request_log.notify_waiters()

    async def disconnect_all(self, reason: str) -> None:
        """Ask every connection to disconnect; none gets a payload from now on."""
        leaving, self.connections = self.connections, []
        for connection in leaving:
            await connection.send_json({"type": "disconnect", "reason": reason, "debug_info": {"host": "sandbox"}})
        self.request_log.notify_waiters()

    def drop_all(self) -> None:
        """Abort every connection without a disconnect message."""
        for connection in list(self._all_connections):
            if connection._req and connection._req.transport:  # noqa: SLF001 - aiohttp has no public way to abort
                connection._req.transport.abort()  # noqa: SLF001
            self._remove(connection)

    async def close(self) -> None:
        """Close all connections."""
        for connection in list(self._all_connections):
            await connection.close()
        if self._session:
            await self._session.close()
            self._session = None
