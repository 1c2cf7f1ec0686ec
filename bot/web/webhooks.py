"""Webhooks of fine-tuning APIs: hints that trigger a poll. Their content changes no state."""

import time
from collections.abc import Awaitable, Callable, Sequence

import structlog
from aiohttp import web

from bot.providers.webhook import HEADERS, JOB_EVENTS, WebhookEvent, is_plausible, verified_event
from bot.telemetry.logs import RateLimitedLog
from bot.telemetry.metrics import WEBHOOKS
from bot.web.body import BODY_SECONDS, JSON_TYPE, BodyReader, HttpError, media_type_of, reject_oversized

MAX_BODY_BYTES = 64 * 1024
"""Largest webhook body; OpenAI's have about two hundred bytes."""

log = structlog.get_logger()


class WebhookHandler:
    """HTTP handler for the webhooks of one account.

    Every signed request gets 200: OpenAI would retry it for three days otherwise. Only ambiguous ones are rejected.
    """

    def __init__(
        self,
        account: str,
        secrets: Sequence[str],
        *,
        poll_soon: Callable[[], None],
        is_new: Callable[[str], Awaitable[bool]],
        body_reader: BodyReader,
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        self._account = account
        self._secrets = secrets
        self._poll_soon = poll_soon
        self._is_new = is_new
        self._body_reader = body_reader
        self._body_seconds = body_seconds
        self._log = RateLimitedLog("webhook.rejected")

    async def __call__(self, request: web.BaseRequest) -> web.Response:
        """Return the response to any request; never raises."""
        try:
            result = await self._handle(request)
        except HttpError as refusal:
            self._log(status=refusal.status, reason=refusal.reason)
            WEBHOOKS.labels(self._account, str(refusal.status)).inc()
            return refusal.response()
        WEBHOOKS.labels(self._account, result).inc()
        return web.Response()

    async def _handle(self, request: web.BaseRequest) -> str:
        if request.method != "POST":
            raise HttpError(405, "method")
        media_type_of(request, JSON_TYPE)
        hint = await self._read(request)
        if hint.kind not in JOB_EVENTS:
            return "ignored"
        if not await self._is_first(hint.id):
            return "duplicate"
        self._poll_soon()
        return "accepted"

    async def _read(self, request: web.BaseRequest) -> WebhookEvent:
        reject_oversized(request, MAX_BODY_BYTES)
        headers = {name: request.headers.getall(name, []) for name in HEADERS}
        if not is_plausible(headers, time.time()):
            raise HttpError(401, "headers")
        body = await self._body_reader.read(request, max_bytes=MAX_BODY_BYTES, seconds=self._body_seconds)
        try:
            hint = verified_event(body, headers, self._secrets)
        except ValueError:
            raise HttpError(400, "ambiguous") from None
        if hint is None:
            raise HttpError(401, "signature")
        return hint

    async def _is_first(self, webhook_id: str) -> bool:
        try:
            return await self._is_new(f"webhook {self._account} {webhook_id}")
        except Exception:
            # One poll more than needed does no harm.
            log.exception("webhook.claim_failed", account=self._account)
            return True
