"""Once a day: do models stop that somebody followed the making of? Told once for each mark, whoever looks how often."""

import math
from datetime import UTC, datetime

import structlog

from bot.blocks.notice import NoticeKind
from bot.errors import ProviderError
from bot.jobs.deprecation import Deprecation, due_deprecations
from bot.providers.client import Client
from bot.store import Store
from bot.store.db.engine import Clock

EVERY = 86400.0
AFTER_FAILURE = 3600.0
"""Seconds until models are read again, where the API answered and where it did not."""

log = structlog.get_logger()


class DeprecationPoller:
    """Looks now and then whether it is time to read the models again."""

    def __init__(self, client: Client, store: Store, *, clock: Clock, monotonic: Clock) -> None:
        self.name = f"{client.account.name} models"
        self._client = client
        self._store = store
        self._clock = clock
        self._monotonic = monotonic
        self._due_at = -math.inf

    async def look(self) -> None:
        """Read the models if a day has passed, and owe channels what there is to say."""
        now = self._monotonic()
        if now < self._due_at:
            return
        self._due_at = now + AFTER_FAILURE
        account = self._client.account.name
        if trained := await self._store.channels.tracks.trained(account):
            try:
                models = await self._client.models()
            except ProviderError as error:
                # Such as a key that may not read models: nothing else depends on it.
                log.info("models.unread", account=account, error=f"{type(error).__name__}: {error}")
                return
            announced = {each.id: each.shutdown_date for each in models if each.shutdown_date}
            await self._notify(due_deprecations(trained, announced, datetime.fromtimestamp(self._clock(), UTC).date()))
        self._due_at = now + EVERY

    async def _notify(self, due: list[Deprecation]) -> None:
        account = self._client.account.name
        for each in due:
            body = {
                "kind": NoticeKind.DEPRECATION,
                "about": each.base_model,
                "ends": each.shutdown_date.isoformat(),
                "days": each.days_left,
                "jobs": each.jobs,
                "account": account,
            }
            # A day that is put off is told anew.
            key = f"{NoticeKind.DEPRECATION}|{account}|{each.base_model}|{each.shutdown_date}|{each.threshold}"
            async with self._store.db.transaction() as tx:
                await self._store.outbox.deliveries.enqueue_notice(tx, each.channel, body, key)
