"""Socket Mode: the app's WebSocket connections, and envelopes with their acknowledgements."""

import asyncio
import itertools
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal

import aiohttp
from aiohttp import web

from bot.sandbox.request_log import RequestLog
from bot.sandbox.slack.workspace import APP

PayloadKind = Literal["slash_commands", "interactive", "events_api"]

MAX_CONNECTIONS = 10


@dataclass
class SocketConnections:
    """The app's Socket Mode connections; payloads are distributed over them in turn."""

    request_log: RequestLog
    active: list[web.WebSocketResponse] = field(default_factory=list)
    """Connections that get payloads."""
    _open: set[web.WebSocketResponse] = field(default_factory=set)
    """All connections, also those that were asked to disconnect."""
    _pending_acks: dict[str, tuple[web.WebSocketResponse, asyncio.Future[Any]]] = field(default_factory=dict)
    """By envelope id: the connection that the acknowledgment has to come over, and its payload."""
    _envelope_numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    _round_robin: int = 0

    async def send(self, kind: PayloadKind, payload: dict[str, Any], retry: tuple[int, str] | None) -> Any:
        """Send an envelope over one connection; wait for its acknowledgement and return that one's payload.

        Raises:
            TimeoutError: the connection closed before.
        """
        envelope_id = f"envelope-{next(self._envelope_numbers):08d}"
        envelope: dict[str, Any] = {"envelope_id": envelope_id, "type": kind, "payload": payload}
        envelope["accepts_response_payload"] = kind != "events_api"
        if kind == "events_api":
            envelope |= {"retry_attempt": retry[0] if retry else 0, "retry_reason": retry[1] if retry else ""}
        self._round_robin += 1
        connection = self.active[self._round_robin % len(self.active)]
        future = asyncio.get_running_loop().create_future()
        self._pending_acks[envelope_id] = connection, future
        try:
            await connection.send_json(envelope)
            return await future
        finally:
            del self._pending_acks[envelope_id]

    async def serve(self, http: web.Request) -> web.WebSocketResponse:
        """Serve one Socket Mode connection until it ends."""
        connection = web.WebSocketResponse()
        await connection.prepare(http)
        if len(self._open) >= MAX_CONNECTIONS:
            await connection.send_json({"type": "disconnect", "reason": "too_many_websockets"})
            await connection.close()
            return connection
        self._open.add(connection)
        try:
            await connection.send_json(self._hello())
            self.active.append(connection)
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
            "num_connections": len(self._open),
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
        _, future = self._pending_acks.get(envelope_id, (None, None))
        in_time = future is not None and not future.done()
        if future and in_time:
            future.set_result(payload)
        self.request_log.append("socket.ack", ack, status=200, accepted=in_time)

    def _remove(self, connection: web.WebSocketResponse) -> None:
        self._open.discard(connection)
        if connection in self.active:
            self.active.remove(connection)
        for sent_over, future in self._pending_acks.values():
            if sent_over is connection and not future.done():
                future.set_exception(TimeoutError())
        self.request_log.notify_waiters()

    async def disconnect_all(self, reason: str) -> None:
        """Ask every connection to disconnect; none gets a payload from now on."""
        leaving, self.active = self.active, []
        for connection in leaving:
            await connection.send_json({"type": "disconnect", "reason": reason, "debug_info": {"host": "sandbox"}})
        self.request_log.notify_waiters()

    def drop_all(self) -> None:
        """Abort every connection without a disconnect message."""
        for connection in list(self._open):
            if connection._req and connection._req.transport:  # noqa: SLF001 - aiohttp has no public way to abort
                connection._req.transport.abort()  # noqa: SLF001
            self._remove(connection)

    async def close(self) -> None:
        """Close all connections."""
        for connection in list(self._open):
            await connection.close()
