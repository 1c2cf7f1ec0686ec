"""Slack requests over HTTP: only signed, well-formed requests reach Bolt.

A duplicate request passes twice; it is deduplicated by its idempotency key when it runs.
"""

import re
import time
from collections.abc import Callable
from typing import assert_never

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest

from bot.listeners.payload import Challenge, Ignored, Payload, Rejected, parse_request
from bot.slack.signature import check_headers, check_signature
from bot.telemetry.logs import RateLimitedLog
from bot.telemetry.metrics import SLACK_HTTP_REQUESTS, SLACK_IGNORED
from bot.web.body import BODY_SECONDS, BodyReader, HttpError, media_type_of, reject_oversized

MAX_BODY_BYTES = 256 * 1024
"""Largest signed request body; Slack's own are far smaller."""

MAX_UNSIGNED_BYTES = 1024
"""Largest unsigned request body; Slack's ``ssl_check`` has about fifty bytes."""

_FORM = "application/x-www-form-urlencoded"
_CONTENT_TYPE = re.compile(rf'({re.escape(_FORM)}|application/json)(?:[ \t]*;[ \t]*charset="?utf-8"?)?', re.IGNORECASE)


class SlackHttpHandler:
    """HTTP handler of ``/slack/events``.

    An error response has a status and no body; the server adds the same body to all of one status.
    """

    def __init__(
        self,
        app: AsyncApp,
        signing_secret: str,
        *,
        body_reader: BodyReader,
        clock: Callable[[], float] = time.time,
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        self._app = app
        self._secret = signing_secret.encode()
        self._body_reader = body_reader
        self._clock = clock
        self._body_seconds = body_seconds
        self._log = RateLimitedLog("slack_request.rejected")

    async def __call__(self, request: web.BaseRequest) -> web.Response:
        """Return the response to any request; never raises."""
        try:
            response = await self._verify(request)
        except HttpError as refusal:
            self._log(status=refusal.status, reason=refusal.reason)
            response = refusal.response()
        SLACK_HTTP_REQUESTS.labels(response.status).inc()
        return response

    async def _verify(self, request: web.BaseRequest) -> web.Response:
        if request.method != "POST":
            raise HttpError(405, "method")
        is_form = media_type_of(request, _CONTENT_TYPE) == _FORM
        reject_oversized(request, MAX_BODY_BYTES)
        timestamps = request.headers.getall("X-Slack-Request-Timestamp", [])
        signatures = request.headers.getall("X-Slack-Signature", [])
        if is_form and not timestamps and not signatures and 0 < (request.content_length or 0) <= MAX_UNSIGNED_BYTES:
            return await self._ssl_check(request)
        if flaw := check_headers(timestamps, signatures, self._clock()):
            raise HttpError(401, flaw)
        body = await self._body_reader.read(request, max_bytes=MAX_BODY_BYTES, seconds=self._body_seconds)
        flaw = check_signature(self._secret, body, timestamps=timestamps, signatures=signatures, now=self._clock())
        if flaw:
            raise HttpError(401, flaw)
        return await self._handle(body, is_form=is_form)

    async def _ssl_check(self, request: web.BaseRequest) -> web.Response:
        """Respond to Slack's unsigned check of the TLS certificate (``ssl_check``)."""
        body = await self._body_reader.read(request, max_bytes=MAX_UNSIGNED_BYTES, seconds=self._body_seconds)
        if b"ssl_check=1" not in body.split(b"&"):
            raise HttpError(401, "timestamp")
        return web.Response()

    async def _handle(self, body: bytes, *, is_form: bool) -> web.Response:
        match parse_request(body, is_form=is_form):
            case Payload(payload):
                return await self._dispatch(payload)
            case Challenge(text):
                return web.json_response({"challenge": text})
            case Ignored(kind):
                SLACK_IGNORED.labels(kind).inc()
                return web.Response()
            case Rejected(status):
                raise HttpError(status, "body")
            case other:
                assert_never(other)

    async def _dispatch(self, payload: dict[str, object]) -> web.Response:
        try:
            # Bolt gets the parsed payload, so that it can't parse it differently, and no headers, as none is signed.
            # To Bolt, this mode only means that the body is parsed and verified already.
            request = AsyncBoltRequest(mode="socket_mode", body=payload)
        except Exception:  # noqa: BLE001 - Bolt reads fields of the body unchecked
            raise HttpError(400, "shape") from None
        response = await self._app.async_dispatch(request)
        if response.status != 200:  # noqa: PLR2004
            raise HttpError(response.status, "bolt")
        return await to_aiohttp_response(response)
