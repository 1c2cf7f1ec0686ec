"""Listener harness: the HTTP endpoint for Slack on a socket, with a Bolt app that records what reaches it."""

import asyncio
import hashlib
import hmac
import json
import re
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlencode

from slack_bolt.async_app import AsyncApp
from slack_bolt.authorization import AuthorizeResult

from bot.listeners.bolt import listener
from bot.listeners.http import SlackHttpHandler
from bot.web import http_server
from bot.web.body import BodyReader
from tests.stopwatch import within

SECRET = "0123456789abcdef0123456789abcdef"
NOW = 1_800_000_000
FORM = "application/x-www-form-urlencoded"
COMMAND = {"command": "/ftjob", "text": "help", "user_id": "U1", "team_id": "T1", "channel_id": "C1"}
CLICK = {"type": "block_actions", "user": {"id": "U1"}, "actions": [{"action_id": "ftjob_refresh", "value": "x"}]}
EVENT = {"type": "event_callback", "team_id": "T1", "event": {"type": "channel_unarchive", "channel": "C1"}}

Headers = Sequence[tuple[str, str]]


@dataclass(frozen=True)
class RawResponse:
    """An HTTP response, read until the connection closed."""

    status: int
    head: str
    body: bytes


@dataclass
class ListenerHarness:
    """A port, and the payloads that reached the listeners."""

    port: int
    received: list[dict[str, Any]] = field(default_factory=list)

    async def send(self, raw: bytes) -> RawResponse:
        """Send these bytes over a connection of their own and return what comes back until it ends."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        try:
            writer.write(raw)
            async with within(10):
                return parse_response(await reader.read())
        finally:
            writer.close()

    async def assert_works(self) -> None:
        """See to it that the next valid request is taken, and was the first that was."""
        assert self.received == []
        answer = await self.send(signed_request(urlencode(COMMAND)))
        assert (answer.status, answer.body) == (200, b"")
        assert [body["text"] for body in self.received] == ["help"]


@asynccontextmanager
async def listener_harness(
    *,
    body_seconds: float = 10.0,
    head_seconds: float = 10.0,
    bodies: BodyReader | None = None,
    connections: int | None = None,
) -> AsyncIterator[ListenerHarness]:
    """Serve on a free port; the clock stays at ``NOW``."""

    async def authorize() -> AuthorizeResult:
        return AuthorizeResult(enterprise_id=None, team_id=None, bot_token="xoxb-1")

    target = ListenerHarness(0)
    app = AsyncApp(authorize=authorize, request_verification_enabled=False, process_before_response=True)
    anything = re.compile(".*")
    for register in (app.command, app.action, app.event, app.view, app.shortcut, app.options):
        register(anything)(listener(target.received.append))
    gate = SlackHttpHandler(
        app, SECRET, body_reader=bodies or BodyReader(), clock=lambda: NOW, body_seconds=body_seconds
    )
    async with http_server(
        "127.0.0.1",
        0,
        routes={"/slack/events": gate},
        broken_parts=list,
        header_seconds=head_seconds,
        max_connections=connections,
    ) as target.port:
        yield target


def signature(body: bytes, at: int | str = NOW, secret: str = SECRET) -> str:
    """Sign as Slack does."""
    return "v0=" + hmac.new(secret.encode(), f"v0:{at}:".encode() + body, hashlib.sha256).hexdigest()


def signature_headers(body: bytes, at: int | str = NOW) -> Headers:
    """Return both headers of a signed request."""
    return [("X-Slack-Request-Timestamp", str(at)), ("X-Slack-Signature", signature(body, at))]


def http_request(
    body: bytes | str, headers: Headers, *, method: str = "POST", path: str = "/slack/events", sized: bool = True
) -> bytes:
    """Write a request as it goes over the wire, headers in Latin-1."""
    body = body.encode() if isinstance(body, str) else body
    lines = [f"{method} {path} HTTP/1.1", "Host: bot", "Connection: close"]
    lines += [f"{name}: {value}" for name, value in headers]
    lines += [f"Content-Length: {len(body)}"] if sized else []
    return "\r\n".join([*lines, "", ""]).encode("latin-1") + body


def signed_request(body: bytes | str, content_type: str = FORM, more: Headers = (), *, method: str = "POST") -> bytes:
    """Write a request that Slack signed."""
    body = body.encode() if isinstance(body, str) else body
    return http_request(body, [("Content-Type", content_type), *signature_headers(body), *more], method=method)


def signed_click(payload: Any) -> bytes:
    """Write a signed click; a string is the payload as it stands."""
    return signed_request(urlencode({"payload": payload if isinstance(payload, str) else json.dumps(payload)}))


def signed_event(body: Any) -> bytes:
    """Write a signed event; a string is the body as it stands."""
    return signed_request(body if isinstance(body, str) else json.dumps(body), "application/json")


def parse_response(answer: bytes) -> RawResponse:
    """Read what came over the wire."""
    head, _, body = answer.partition(b"\r\n\r\n")
    return RawResponse(int(head.split(b" ", 2)[1]), head.decode(), body)
