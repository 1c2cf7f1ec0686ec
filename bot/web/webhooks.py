"""Webhooks of fine-tuning APIs: hints that a look is worth while. What they say changes nothing by itself."""

import re
from collections.abc import Awaitable, Callable, Sequence

import structlog
from aiohttp import web

from bot.metrics import WEBHOOKS
from bot.providers.webhook import ENDS, HEADERS, hint_of
from bot.sampled import Sampled
from bot.web.reading import BODY_SECONDS, Refusal, body_of

LARGEST_BODY = 64 * 1024
"""Bytes; one of these webhooks has about two hundred."""
_CONTENT_TYPE = re.compile(r'application/json(?:[ \t]*;[ \t]*charset="?utf-8"?)?', re.IGNORECASE)

log = structlog.get_logger()


class WebhookDoor:
    """What answers the webhooks of one account.

    Whatever OpenAI signed is taken with 200 at once: it would send anything else again, for three days.
    """

    def __init__(
        self,
        account: str,
        secrets: Sequence[str],
        *,
        look: Callable[[], None],
        is_new: Callable[[str], Awaitable[bool]],
        body_seconds: float = BODY_SECONDS,
    ) -> None:
        self._account = account
        self._secrets = secrets
        self._look = look
        self._is_new = is_new
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
        if not _CONTENT_TYPE.fullmatch(request.headers.get("Content-Type", "")):
            raise Refusal(415, "content type")
        body = await body_of(request, largest=LARGEST_BODY, seconds=self._body_seconds)
        headers = {name: request.headers.getall(name, []) for name in HEADERS}
        hint = hint_of(body, headers, self._secrets)
        if hint is None:
            raise Refusal(401, "signature")
        if hint.kind not in ENDS:
            return "other"
        if not await self._is_first(hint.id):
            return "repeated"
        self._look()
        return "taken"

    async def _is_first(self, webhook_id: str) -> bool:
        try:
            return await self._is_new(f"webhook {self._account} {webhook_id}")
        except Exception:
            # To look once more than needed does no harm.
            log.exception("webhook.unknown", account=self._account)
            return True
