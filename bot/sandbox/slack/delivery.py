"""How Slack reaches the app: Socket Mode where a connection is there, else a signed HTTP request."""

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
    """What came of one delivery."""

    acked: bool
    seconds: float
    status: int = 0
    """The HTTP status; 200 for an acknowledgement over Socket Mode, 0 where nothing came."""
    body: Any = None
    """The payload that came with it; None where it was empty."""
    error: str = ""
    """What the person is told: ``operation_timeout``, ``dispatch_failed``, or nothing."""


@dataclass
class PayloadSender:
    """The app's connections, and the one way to hand it something."""

    request_log: RequestLog
    signing_secret: str
    request_url: str | None = None
    clock: Callable[[], float] = time.time
    """What signatures are stamped with: true time, for the app compares it with its own."""
    verification_token: str = ""
    """Slack still sends one with each payload; nobody should read it."""
    ack_timeout: float = ACK_SECONDS
    """Seconds that an acknowledgement may take."""
    connections: list[web.WebSocketResponse] = field(default_factory=list)
    """Connections that get payloads."""
    _all_links: set[web.WebSocketResponse] = field(default_factory=set)
    _waiting: dict[str, asyncio.Future[Any]] = field(default_factory=dict)
    _numbers: Any = field(default_factory=lambda: itertools.count(1))
    _turn: int = 0
    _session: aiohttp.ClientSession | None = None

    async def send(self, kind: PayloadKind, payload: dict[str, Any], *, retry: tuple[int, str] | None = None) -> Ack:
        """Deliver one payload and wait, three seconds at most, for its acknowledgement."""
        begun, payload = time.perf_counter(), {"token": self.verification_token, **payload}
        try:
            async with asyncio.timeout(self.ack_timeout):
                if self.connections:
                    status, body = 200, await self._over_socket(kind, payload, retry)
                elif self.request_url:
                    status, body = await self._over_http(kind, payload, retry)
                else:
                    return Ack(acked=False, seconds=0.0, error="dispatch_failed")
        except TimeoutError:
            return Ack(acked=False, seconds=time.perf_counter() - begun, error="operation_timeout")
        except (aiohttp.ClientError, ConnectionError):
            return Ack(acked=False, seconds=time.perf_counter() - begun, error="dispatch_failed")
        acked = status == 200  # noqa: PLR2004
        error = "" if acked else "dispatch_failed"
        return Ack(acked, time.perf_counter() - begun, status, body, error)

    async def _over_socket(self, kind: PayloadKind, payload: dict[str, Any], retry: tuple[int, str] | None) -> Any:
        envelope_id = f"envelope-{next(self._numbers):08d}"
        envelope: dict[str, Any] = {"envelope_id": envelope_id, "type": kind, "payload": payload}
        envelope["accepts_response_payload"] = kind != "events_api"
        if kind == "events_api":
            envelope |= {"retry_attempt": retry[0] if retry else 0, "retry_reason": retry[1] if retry else ""}
        self._turn += 1
        link = self.connections[self._turn % len(self.connections)]
        future = self._waiting[envelope_id] = asyncio.get_running_loop().create_future()
        try:
            await link.send_json(envelope)
            return await future
        finally:
            del self._waiting[envelope_id]

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
        """Post raw bytes to the request URL; return status and body, JSON decoded, empty as None."""
        assert self.request_url  # noqa: S101 - asked by the caller
        if self._session is None:
            self._session = aiohttp.ClientSession()
        async with self._session.post(self.request_url, data=body, headers=headers) as answer:
            text = await answer.text()
            is_json = answer.content_type == "application/json"
            return answer.status, json.loads(text) if text and is_json else text or None

    def signature(self, body: str) -> dict[str, str]:
        """Sign a body as Slack does, now."""
        timestamp = str(int(self.clock()))
        base = f"v0:{timestamp}:{body}".encode()
        digest = hmac.new(self.signing_secret.encode(), base, hashlib.sha256).hexdigest()
        return {"X-Slack-Request-Timestamp": timestamp, "X-Slack-Signature": f"v0={digest}"}

    async def serve_connection(self, http: web.Request) -> web.WebSocketResponse:
        """Keep one Socket Mode connection until it ends."""
        link = web.WebSocketResponse()
        await link.prepare(http)
        if len(self._all_links) >= MAX_CONNECTIONS:
            await link.send_json({"type": "disconnect", "reason": "too_many_websockets"})
            await link.close()
            return link
        self._all_links.add(link)
        try:
            await link.send_json(self._hello())
            self.connections.append(link)
            self.request_log.notify_waiters()
            async for message in link:
                if message.type is aiohttp.WSMsgType.TEXT:
                    self._take_ack(message.data)
        finally:
            self._forget(link)
        return link

    def _hello(self) -> dict[str, Any]:
        return {
            "type": "hello",
            "num_connections": len(self._all_links),
            "debug_info": {"host": "sandbox", "build_number": 1, "approximate_connection_time": 18060},
            "connection_info": {"app_id": APP},
        }

    def _take_ack(self, data: str) -> None:
        try:
            ack = json.loads(data)
            envelope_id, payload = ack["envelope_id"], ack.get("payload")
        except (ValueError, TypeError, KeyError, AttributeError):
            self.request_log.append("socket.ack", {"data": data}, status=400, accepted=False)
            return
        future = self._waiting.get(envelope_id)
        in_time = future is not None and not future.done()
        if future and in_time:
            future.set_result(payload)
        self.request_log.append("socket.ack", ack, status=200, accepted=in_time)

    def _forget(self, link: web.WebSocketResponse) -> None:
        self._all_links.discard(link)
        if link in self.connections:
            self.connections.remove(link)
        self.request_log.notify_waiters()

    async def disconnect_all(self, reason: str) -> None:
        """Ask every connection to go; none gets a payload from now on."""
        leaving, self.connections = self.connections, []
        for link in leaving:
            await link.send_json({"type": "disconnect", "reason": reason, "debug_info": {"host": "sandbox"}})
        self.request_log.notify_waiters()

    def drop_all(self) -> None:
        """Cut every connection without a word."""
        for link in list(self._all_links):
            if link._req and link._req.transport:  # noqa: SLF001 - aiohttp has no public way to abort
                link._req.transport.abort()  # noqa: SLF001
            self._forget(link)

    async def close(self) -> None:
        """Close what is open."""
        for link in list(self._all_links):
            await link.close()
        if self._session:
            await self._session.close()
            self._session = None
