"""Deprecation poller: once a day, announces until when models that channels tracked can be used, and trained again. Each mark is announced once."""

import math
from datetime import UTC, datetime

import structlog

from bot.blocks.notice import NoticeKind
from bot.errors import ProviderError
from bot.jobs.deprecation import Deprecation, due_deprecations
from bot.providers.client import Client
from bot.runtime.clock import Clock
from bot.store import Store

EVERY = 86400.0
AFTER_FAILURE = 3600.0
"""Seconds until models are read again, after a success and after a failure."""

log = structlog.get_logger()


class DeprecationPoller:
    """Reads the models of an account when a day has passed."""

    def __init__(self, client: Client, store: Store, *, clock: Clock, monotonic: Clock) -> None:
        self.name = f"{client.account.name} models"
        self._client = client
        self._store = store
        self._clock = clock
        self._monotonic = monotonic
        self._due_at = -math.inf

    async def run(self) -> None:
        """Read the models if that is due, and enqueue notices of the dates ahead."""
        now = self._monotonic()
        if now < self._due_at:
            return
        self._due_at = now + AFTER_FAILURE
        account = self._client.account.name
        if trained := await self._store.channels.tracks.trained(account):
            try:
                models = await self._client.models()
            except ProviderError as error:
                # For example a key that can't read models: nothing else depends on it.
                log.info("models.read_failed", account=account, error=f"{type(error).__name__}: {error}")
                return
            today = datetime.fromtimestamp(self._clock(), UTC).date()
            shutdowns = {each.id: each.shutdown_date for each in models if each.shutdown_date}
            await self._notify(NoticeKind.DEPRECATION, due_deprecations(trained, shutdowns, today))
            trainings = {each.id: each.last_training_date for each in models if each.last_training_date}
            await self._notify(NoticeKind.TRAINING_ENDS, due_deprecations(trained, trainings, today))
        self._due_at = now + EVERY

    async def _notify(self, kind: NoticeKind, due: list[Deprecation]) -> None:
        account = self._client.account.name
        for each in due:
            names = await self._store.jobs.names.of([job_id for job_id, _ in each.jobs])
            body = {
                "kind": kind,
                "about": each.base_model,
                "ends": each.date.isoformat(),
                "days": each.days_left,
                "jobs": each.jobs,
                "names": names,
                "account": account,
            }
            # A date that is moved is announced again.
            key = f"{kind}|{account}|{each.base_model}|{each.date}|{each.threshold}"
            async with self._store.db.transaction() as tx:
                await self._store.outbox.deliveries.enqueue_notice(tx, each.channel, body, key)
