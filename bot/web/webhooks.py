"""Webhooks of fine-tuning APIs: hints that a look is worth while. What they say changes nothing by itself."""

import re
import time
from collections.abc import Awaitable, Callable, Sequence

import structlog
from aiohttp import web

from bot.providers.webhook import ENDS, HEADERS, Hint, hint_of, is_plausible
from bot.telemetry.metrics import WEBHOOKS
from bot.telemetry.sampled import Sampled
from bot.web.body import BODY_SECONDS, Bodies, Refusal, media_type_of, refuse_oversized

LARGEST_BODY = 64 * 1024
"""Bytes; one of these webhooks has about two hundred."""
_CONTENT_TYPE = re.compile(r'(application/json)(?:[ \t]*;[ \t]*charset="?utf-8"?)?', re.IGNORECASE)

log = structlog.get_logger()


class WebhookDoor:
    """What answers the webhooks of one account.

    Whatever OpenAI signed is taken with 200 at once: it would send anything else again, for three days. Only what can be
    read in two ways is refused.
    """

    def __init__(
        self,
        account: str,
        secrets: Sequence[str],
        *,
        look: Callable[[], None],
        is_new: Callable[[str], Awaitable[bool]],
        bodies: Bodies,
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        self._account = account
        self._secrets = secrets
        self._look = look
        self._is_new = is_new
        self._bodies = bodies
        self._body_seconds = body_seconds
        self._log = Sampled("webhook.refused")

    async def __call__(self, request: web.BaseRequest) -> web.Response:
        """Return the answer to a request, whatever it is."""
        try:
            result = await self._take(request)
        except Refusal as refusal:
            self._log(status=refusal.status, why=refusal.why)
            WEBHOOKS.labels(self._account, str(refusal.status)).inc()
            return refusal.response()
        WEBHOOKS.labels(self._account, result).inc()
        return web.Response()

    async def _take(self, request: web.BaseRequest) -> str:
        if request.method != "POST":
            raise Refusal(405, "method")
        media_type_of(request, _CONTENT_TYPE)
        hint = await self._read(request)
        if hint.kind not in ENDS:
            return "other"
        if not await self._is_first(hint.id):
            return "repeated"
        self._look()
        return "taken"

    async def _read(self, request: web.BaseRequest) -> Hint:
        refuse_oversized(request, LARGEST_BODY)
        headers = {name: request.headers.getall(name, []) for name in HEADERS}
        if not is_plausible(headers, time.time()):
            raise Refusal(401, "headers")
        body = await self._bodies.read(request, largest=LARGEST_BODY, seconds=self._body_seconds)
        try:
            hint = hint_of(body, headers, self._secrets)
        except ValueError:
            raise Refusal(400, "ambiguous") from None
        if hint is None:
            raise Refusal(401, "signature")
        return hint

    async def _is_first(self, webhook_id: str) -> bool:
        try:
            return await self._is_new(f"webhook {self._account} {webhook_id}")
        except Exception:
            # To look once more than needed does no harm.
            log.exception("webhook.unknown", account=self._account)
            return True
