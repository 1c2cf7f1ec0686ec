"""Time that passes when a test says so, on both databases."""

import time
from typing import Any

import pytest
from sqlalchemy import update

from bot.store import Store, schema

_TIMES = [
    schema.account.c.swept_at,
    schema.account.c.begun_at,
    schema.account.c.not_before,
    schema.account.c.lease_until,
    schema.card.c.edited_at,
    schema.card.c.lease_until,
    schema.card.c.not_before,
    schema.channel.c.free_at,
    schema.channel.c.limited_until,
    schema.delivery.c.created_at,
    schema.delivery.c.lease_until,
    schema.delivery.c.not_before,
    schema.job.c.same_since,
    schema.job.c.stuck_since,
    schema.job.c.back_at,
    schema.job.c.missed_since,
    schema.job.c.missed_at,
    schema.job.c.unread_since,
    schema.job.c.unread_until,
    schema.mute.c.until,
    schema.outage.c.since,
    schema.picture.c.looked_at,
    schema.picture.c.chart_not_before,
    schema.question.c.expires_at,
    schema.question.c.answered_at,
    schema.question.c.lease_until,
    schema.question.c.ended_at,
    schema.request.c.at,
]


class Time:
    """A store's time. On SQLite the clock is ours; PostgreSQL has its own, so there what is stored gets older."""

    def __init__(self, database_url: str) -> None:
        self._is_ours = database_url.startswith("sqlite")
        self._now = 1_700_000_000.0

    def clock(self) -> float:
        return self._now if self._is_ours else time.time()

    async def passes(self, store: Store, seconds: float) -> None:
        """Let ``seconds`` go by."""
        self._now += seconds
        if not self._is_ours:
            async with store.db.transaction() as tx:
                for column in _TIMES:
                    await tx.execute(update(column.table).values({column.name: column - seconds}))

    def exactly(self, seconds: float) -> Any:
        """Return ``seconds`` to compare a duration with; PostgreSQL's clock goes on while a test looks."""
        return pytest.approx(seconds, abs=1e-5 if self._is_ours else 0.9)
