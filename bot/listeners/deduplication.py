"""Deduplication of Slack's requests: Slack, or a replay, may send one twice."""

from typing import Any

import structlog

from bot.store.actions.idempotency import IdempotencyKeys
from bot.telemetry import metrics

MAX_RECENT_REQUESTS = 1000
"""Trigger ids that one process remembers; idempotency keys in the store cover all processes."""

log = structlog.get_logger()


class Deduplication:
    """Recognizes requests that were received before: at once in this process, and in the store over all processes."""

    def __init__(self, keys: IdempotencyKeys) -> None:
        self._keys = keys
        self._recent: dict[str, None] = {}

    def is_recent(self, kind: str, body: dict[str, Any]) -> bool:
        """Whether this process has just seen the same trigger id: a replay must not use up a person's rate limit."""
        name = body.get("trigger_id")
        if not isinstance(name, str) or not name:
            return False
        if name in self._recent:
            metrics.DUPLICATE_REQUESTS.labels(kind).inc()
            return True
        self._recent[name] = None
        if len(self._recent) > MAX_RECENT_REQUESTS:
            del self._recent[next(iter(self._recent))]
        return False

    async def is_duplicate(self, kind: str, key: object) -> bool:
        """Claim a request's idempotency key in the store; return True if any process has claimed it before."""
        if not isinstance(key, str) or not key:
            return False
        try:
            if await self._keys.claim(key):
                return False
        except Exception:
            # Queries work without the store; an action needs it anyway.
            log.exception("request.claim_failed", kind=kind)
            return False
        log.info("request.deduplicated", kind=kind)
        metrics.DUPLICATE_REQUESTS.labels(kind).inc()
        return True
