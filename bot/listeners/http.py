"""Slack over HTTP: nothing reaches Bolt that Slack did not sign, or that cannot be read.

A request that comes twice passes twice: what it asks for is claimed when it is carried out.
"""

import re
import time
from collections.abc import Callable
from typing import assert_never

from aiohttp import web
from slack_bolt.adapter.aiohttp import to_aiohttp_response
from slack_bolt.async_app import AsyncApp, AsyncBoltRequest

from bot.listeners.payload import Challenge, Idle, Payload, Refused, read
from bot.slack.signature import flaw_in, flaw_in_headers
from bot.telemetry.metrics import GATE_REQUESTS, SLACK_IDLE
from bot.telemetry.sampled import Sampled
from bot.web.body import BODY_SECONDS, Bodies, Refusal, media_type_of, refuse_oversized

LARGEST_BODY = 256 * 1024
"""Bytes; Slack's own requests are far smaller."""

LARGEST_UNSIGNED = 1024
"""Bytes of a body that is read although nobody signed it; Slack's check of a certificate has about fifty."""

_FORM = "application/x-www-form-urlencoded"
_CONTENT_TYPE = re.compile(rf'({re.escape(_FORM)}|application/json)(?:[ \t]*;[ \t]*charset="?utf-8"?)?', re.IGNORECASE)


class Gate:
    """What answers ``/slack/events``.

    A refusal has its status and no body: the server gives all of them the same ones.
    """

    def __init__(
        self,
        app: AsyncApp,
        signing_secret: str,
        *,
        bodies: Bodies,
        clock: Callable[[], float] = time.time,
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        self._app = app
        self._secret = signing_secret.encode()
        self._bodies = bodies
        self._clock = clock
        self._body_seconds = body_seconds
        self._log = Sampled("gate.refused")

    async def __call__(self, request: web.BaseRequest) -> web.Response:
        """Return the answer to a request, whatever it is."""
        try:
            response = await self._answer(request)
        except Refusal as refusal:
            self._log(status=refusal.status, why=refusal.why)
            response = refusal.response()
        GATE_REQUESTS.labels(response.status).inc()
        return response

    async def _answer(self, request: web.BaseRequest) -> web.Response:
        if request.method != "POST":
            raise Refusal(405, "method")
        is_form = media_type_of(request, _CONTENT_TYPE) == _FORM
        refuse_oversized(request, LARGEST_BODY)
        timestamps = request.headers.getall("X-Slack-Request-Timestamp", [])
        signatures = request.headers.getall("X-Slack-Signature", [])
        if is_form and not timestamps and not signatures and 0 < (request.content_length or 0) <= LARGEST_UNSIGNED:
            return await self._unsigned(request)
        if flaw := flaw_in_headers(timestamps, signatures, self._clock()):
            raise Refusal(401, flaw)
        body = await self._bodies.read(request, largest=LARGEST_BODY, seconds=self._body_seconds)
        flaw = flaw_in(self._secret, body, timestamps=timestamps, signatures=signatures, now=self._clock())
        if flaw:
            raise Refusal(401, flaw)
        return await self._take(body, is_form=is_form)

    async def _unsigned(self, request: web.BaseRequest) -> web.Response:
        """Answer what Slack does not sign: its check of our certificate."""
        body = await self._bodies.read(request, largest=LARGEST_UNSIGNED, seconds=self._body_seconds)
        if b"ssl_check=1" not in body.split(b"&"):
            raise Refusal(401, "timestamp")
        return web.Response()

    async def _take(self, body: bytes, *, is_form: bool) -> web.Response:
        match read(body, is_form=is_form):
            case Payload(payload):
                return await self._pass_on(payload)
            case Challenge(text):
                return web.json_response({"challenge": text})
            case Idle(kind):
                SLACK_IDLE.labels(kind).inc()
                return web.Response()
            case Refused(status):
                raise Refusal(status, "body")
            case other:
                assert_never(other)

    async def _pass_on(self, payload: dict[str, object]) -> web.Response:
        try:
            # Bolt gets what was read here, so that it cannot read anything else, and no header, as none is signed.
            # To Bolt, this mode only means that a body is read and verified already.
            asked = AsyncBoltRequest(mode="socket_mode", body=payload)
        except Exception:  # noqa: BLE001 - Bolt looks into the body unprotected
            raise Refusal(400, "shape") from None
        response = await self._app.async_dispatch(asked)
        if response.status != 200:  # noqa: PLR2004
            raise Refusal(response.status, "bolt")
        return await to_aiohttp_response(response)
