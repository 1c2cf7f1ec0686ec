"""What does not answer at present, since when, and whether people were told: shared by all processes."""

from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, select, update

from bot.store.db import schema
from bot.store.db.engine import Database, Transaction
from bot.store.outbox.queue import in_states

SLACK = "slack"


def account_key(name: str) -> str:
    """Return what an account's outage is filed under."""
    return f"account:{name}"


@dataclass(frozen=True)
class Outage:
    """Something does not answer."""

    key: str
    since: float
    error: str
    """How it failed first, in words that hold no secret."""
    notified: bool
    """Whether people were told, so that they have to hear of its end too."""


class Outages:
    """Present outages. Every method joins the caller's transaction, but the last."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def begin(self, tx: Transaction, key: str, error: str) -> None:
        """Note that something failed; what failed already keeps its beginning."""
        row = self._db.insert(schema.outage).values(key=key, since=self._db.now(), error=error, notified=False)
        # What begins later than now was noted before the clock was set back: it begins anew.
        ahead = {"set_": {"since": row.excluded.since}, "where": schema.outage.c.since > row.excluded.since}
        await tx.execute(row.on_conflict_do_update(index_elements=["key"], **ahead))

    async def claim_notification(self, tx: Transaction, key: str, *, after: float) -> Outage | None:
        """Return an outage that has lasted ``after`` seconds, once: whoever gets it tells people."""
        rows = schema.outage.c
        due = (rows.key == key, rows.notified.is_(False), rows.since <= self._db.now() - after)
        row = (
            await tx.execute(update(schema.outage).where(*due).values(notified=True).returning(schema.outage))
        ).one_or_none()
        return _outage(row) if row else None

    async def end(self, tx: Transaction, key: str) -> Outage | None:
        """Forget an outage and return it, once; None where there was none."""
        statement = delete(schema.outage).where(schema.outage.c.key == key).returning(schema.outage)
        row = (await tx.execute(statement)).one_or_none()
        return _outage(row) if row else None

    async def count_pending_alerts(self, tx: Transaction) -> int:
        """Return how many alerts still have to go out, by themselves or as lines of digests."""
        rows = schema.delivery.c
        alerts = (in_states(schema.UNFINISHED), rows.kind == "post", rows.message_kind.not_in(("digest", "notice")))
        return (await tx.execute(select(func.count()).where(*alerts))).scalar_one()

    async def current(self) -> list[Outage]:
        """Return what does not answer at present."""
        async with self._db.transaction() as tx:
            return [_outage(row) for row in await tx.execute(select(schema.outage).order_by(schema.outage.c.since))]


def _outage(row: Any) -> Outage:
    return Outage(row.key, row.since, row.error, row.notified)
