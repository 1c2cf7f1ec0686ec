"""Payload delivery to the app: over Socket Mode if there is a connection, else as a signed HTTP request."""

import asyncio
import hashlib
import hmac
import json
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode

import aiohttp

from bot.sandbox.slack.sockets import PayloadKind, SocketConnections

ACK_SECONDS = 3.0


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
    """Sends payloads to the app over its Socket Mode connections or to its request URL."""

    sockets: SocketConnections
    signing_secret: str
    request_url: str | None = None
    clock: Callable[[], float] = time.time
    """Clock of the signatures' timestamps: real time, because the app compares it with its own."""
    verification_token: str = ""
    """Deprecated token that Slack still adds to each payload."""
    ack_timeout: float = ACK_SECONDS
    """Seconds until a payload counts as not acknowledged."""
    _session: aiohttp.ClientSession | None = None

    async def send(self, kind: PayloadKind, payload: dict[str, Any], *, retry: tuple[int, str] | None = None) -> Ack:
        """Deliver one payload and wait up to ``ack_timeout`` seconds for its acknowledgement."""
        started, payload = time.perf_counter(), {"token": self.verification_token, **payload}
        try:
            async with asyncio.timeout(self.ack_timeout):
                if self.sockets.active:
                    status, body = 200, await self.sockets.send(kind, payload, retry)
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

    async def close(self) -> None:
        """Close all connections."""
        await self.sockets.close()
        if self._session:
            await self._session.close()
            self._session = None
