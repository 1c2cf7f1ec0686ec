"""Outages of accounts and of Slack: since when, and whether a notice was enqueued. All processes share them."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, select, update

from bot.store.db import schema
from bot.store.db.engine import Database, Transaction
from bot.store.outbox.queue import in_states

SLACK = "slack"


def account_key(name: str) -> str:
    """Return the key of an account's outage."""
    return f"account:{name}"


@dataclass(frozen=True)
class Outage:
    """An outage of an account or of Slack."""

    key: str
    since: float
    error: str
    """The first error, without secrets."""
    notified: bool
    """Whether a notice was enqueued, so that its end needs one, too."""


class Outages:
    """Current outages. All methods but ``current`` join the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def begin(self, tx: Transaction, key: str, error: str) -> None:
        """Record the beginning of an outage; one that exists keeps its beginning."""
        row = self._db.insert(schema.outage).values(key=key, since=self._db.now(), error=error, notified=False)
        # A beginning ahead of now was recorded before the clock was set back: the outage begins again.
        ahead = {"set_": {"since": row.excluded.since}, "where": schema.outage.c.since > row.excluded.since}
        await tx.execute(row.on_conflict_do_update(index_elements=["key"], **ahead))

    async def claim_notification(self, tx: Transaction, key: str, *, after: float) -> Outage | None:
        """Return an outage that has lasted ``after`` seconds, once: the caller enqueues the notice."""
        rows = schema.outage.c
        due = (rows.key == key, rows.notified.is_(False), rows.since <= self._db.now() - after)
        row = (
            await tx.execute(update(schema.outage).where(*due).values(notified=True).returning(schema.outage))
        ).one_or_none()
        return _outage(row) if row else None

    async def end(self, tx: Transaction, key: str) -> Outage | None:
        """Delete an outage and return it, once; None if there was none."""
        statement = delete(schema.outage).where(schema.outage.c.key == key).returning(schema.outage)
        row = (await tx.execute(statement)).one_or_none()
        return _outage(row) if row else None

    async def count_pending_alerts(self, tx: Transaction) -> int:
        """Return the number of pending alerts, those in digests included."""
        rows = schema.delivery.c
        alerts = (in_states(schema.UNFINISHED), rows.kind == "post", rows.message_kind.not_in(("digest", "notice")))
        return (await tx.execute(select(func.count()).where(*alerts))).scalar_one()

    async def current(self) -> list[Outage]:
        """Return the current outages, oldest first."""
        async with self._db.transaction() as tx:
            return [_outage(row) for row in await tx.execute(select(schema.outage).order_by(schema.outage.c.since))]


def _outage(row: Any) -> Outage:
    return Outage(row.key, row.since, row.error, row.notified)
