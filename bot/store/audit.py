"""The audit: who tried what, and what was decided. Rows are only ever added; the database refuses anything else.

Each row carries a digest of itself and of the digest before it, so that a row that was changed or taken out of the middle
is found. Whoever owns the database can write the whole chain anew, or cut off its end: that shows against what
``ftjob audit export`` printed before.
"""

import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from enum import StrEnum
from typing import Any

from sqlalchemy import insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.store import schema
from bot.store.engine import Database

_BATCH = 1000


class Decision(StrEnum):
    """What became of what somebody tried."""

    DENIED = "denied"
    TAMPERED = "tampered"
    """A button was pressed that was never put to this person here."""
    WRONG = "wrong"
    """It could not be done as it was asked."""
    FAILED = "failed"
    """The API or a part of ours did not work."""
    SHOWN = "shown"
    ASKED = "asked"
    """The question before an order was put."""
    STALE = "stale"
    """The question was too old, or what it asked about is not so any more."""
    DUPLICATE = "duplicate"
    ORDERED = "ordered"
    """Written before the order goes out; one of the following is written when it has ended."""
    DONE = "done"
    OVER = "over"
    """The job had ended already."""
    REFUSED = "refused"
    """The API said no."""
    UNSENT = "unsent"
    """It certainly did not reach the API."""
    UNKNOWN = "unknown"
    """The API did not say, and the job goes on."""


@dataclass(frozen=True)
class Entry:
    """One row, as it is handed in."""

    person: str
    team: str
    channel: str
    door: str
    """How it came in: "command", "button" or "modal"; "start" for what another process left unfinished."""
    verb: str
    decision: Decision
    account: str | None = None
    job_id: str | None = None
    reason: str | None = None
    status_before: str | None = None
    status_after: str | None = None
    request_id: str | None = None
    """The API's own id of the request."""
    question: str | None = None
    """What the rows of one order have in common; it opens nothing once it is answered."""


@dataclass(frozen=True)
class Written:
    """One row, as it is stored."""

    id: int
    at: float
    entry: Entry
    digest: str


class Audit:
    """The rows."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def write(self, tx: AsyncConnection, entry: Entry) -> None:
        """Add a row in the caller's transaction, as the last thing that it does: the others wait for its end."""
        await self._db.one_at_a_time(tx)
        rows = schema.audit.c
        before = await tx.scalar(select(rows.digest).order_by(rows.id.desc()).limit(1))
        at = float((await tx.execute(select(self._db.now()))).scalar_one())
        values = asdict(entry)
        await tx.execute(insert(schema.audit).values(**values, at=at, digest=_digest(before, at, values)))

    async def newest(self, most: int) -> list[Written]:
        """Return the last rows, newest first."""
        async with self._db.transaction() as tx:
            rows = await tx.execute(select(schema.audit).order_by(schema.audit.c.id.desc()).limit(most))
            return [_written(row) for row in rows]

    async def all(self) -> AsyncIterator[Written]:
        """Return every row, oldest first."""
        last = 0
        while True:
            async with self._db.transaction() as tx:
                batch = select(schema.audit).where(schema.audit.c.id > last).order_by(schema.audit.c.id).limit(_BATCH)
                rows = [_written(row) for row in await tx.execute(batch)]
            for row in rows:
                yield row
            if len(rows) < _BATCH:
                return
            last = rows[-1].id

    async def first_broken(self) -> int | None:
        """Return the id of the first row that is not as it was written, or does not follow the one before; or None."""
        before = None
        async for row in self.all():
            if row.digest != _digest(before, row.at, asdict(row.entry)):
                return row.id
            before = row.digest
        return None


def _digest(before: str | None, at: float, values: dict[str, Any]) -> str:
    said = json.dumps([before, at, values], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(said.encode()).hexdigest()


def _written(row: Any) -> Written:
    values = {name: value for name, value in row._mapping.items() if name not in ("id", "at", "digest")}  # noqa: SLF001 - SQLAlchemy's public name
    return Written(row.id, row.at, Entry(**{**values, "decision": Decision(row.decision)}), row.digest)
