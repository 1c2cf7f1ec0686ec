"""The audit log: who tried what, and the decision. It is append-only: triggers reject everything but inserts.

Each row has a hash of its content and of the hash before it, so that a changed or deleted row is found. The owner of the
database can rewrite the whole chain or cut off its end: compare with an earlier ``ftjob audit export``.
"""

import hashlib
import json
from collections.abc import AsyncIterator
from dataclasses import asdict, dataclass
from typing import Any

from sqlalchemy import func, insert, select

from bot.jobs.actions import Decision
from bot.store.db import schema
from bot.store.db.engine import Database, Transaction

_BATCH = 1000


@dataclass(frozen=True)
class AuditEntry:
    """The content of a row. Fields are columns of its table."""

    person: str
    team: str
    channel: str
    source: str
    """The entry point: "command", "button" or "modal"; "start" for an action that another process did not complete."""
    verb: str
    decision: Decision
    account: str | None = None
    job_id: str | None = None
    """Of several jobs, their ids with commas between."""
    reason: str | None = None
    status_before: str | None = None
    status_after: str | None = None
    request_id: str | None = None
    """The API's own id of the request."""
    confirmation_key: str | None = None
    """The key of the confirmation, common to the rows of one action; useless once it is confirmed."""

    @property
    def job_ids(self) -> list[str]:
        """The ids of the jobs that it is about."""
        return self.job_id.split(",") if self.job_id else []


@dataclass(frozen=True)
class AuditRow:
    """A stored row."""

    id: int
    at: float
    entry: AuditEntry
    row_hash: str


_EXPORTED_AS = {"source": "door", "confirmation_key": "question"}


def exported(entry: AuditEntry) -> dict[str, Any]:
    """Return an entry as hashes and exports contain it: both keep the field names of the first version."""
    return {_EXPORTED_AS.get(name, name): value for name, value in asdict(entry).items()}


QUIET = (Decision.DENIED, Decision.SHOWN)
"""Decisions that anyone can repeat at will: they must not crowd out the others."""
MAX_COLLAPSED = 5
"""People whose repeatable rows are collapsed on one page."""


@dataclass(frozen=True)
class AuditFilter:
    """Conditions on rows; without any, the repeatable decisions are collapsed."""

    decision: Decision | None = None
    person: str | None = None
    job_id: str | None = None

    @property
    def is_all(self) -> bool:
        """Whether there is no condition."""
        return self == AuditFilter()


@dataclass(frozen=True)
class AuditLine:
    """A line of a page: one row, or several rows of one person, collapsed."""

    newest: AuditRow
    """The newest of them."""
    count: int = 1
    first_at: float = 0.0
    """The time of the first of them."""


@dataclass(frozen=True)
class AuditPage:
    """Lines, newest first."""

    lines: list[AuditLine]
    people_left_out: int = 0
    """The number of people whose collapsed rows are left out."""
    older: int | None = None
    """The id of the row before which the next page begins; None on the last page."""


class Audit:
    """The rows."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def write(self, tx: Transaction, entry: AuditEntry) -> None:
        """Append a row in the caller's transaction, as its last step: other writers wait for the end of it."""
        await self._db.advisory_lock(tx)
        rows = schema.audit.c
        before = await tx.scalar(select(rows.row_hash).order_by(rows.id.desc()).limit(1))
        at = float((await tx.execute(select(self._db.now()))).scalar_one())
        row_hash = _row_hash(before, at, entry)
        await tx.execute(insert(schema.audit).values(**asdict(entry), at=at, row_hash=row_hash))

    async def newest(self, most: int) -> list[AuditRow]:
        """Return the last rows, newest first."""
        async with self._db.transaction() as tx:
            rows = await tx.execute(select(schema.audit).order_by(schema.audit.c.id.desc()).limit(most))
            return [_audit_row(row) for row in rows]

    async def page(self, matching: AuditFilter, most: int, *, before: int | None = None) -> AuditPage:
        """Return up to ``most`` rows before a row, and the repeatable decisions among them, collapsed by person."""
        rows = schema.audit.c
        older = (rows.id < before,) if before is not None else ()
        loud = (rows.decision.not_in(QUIET),) if matching.is_all else _conditions(matching)
        chosen = select(schema.audit).where(*older, *loud).order_by(rows.id.desc()).limit(most + 1)
        async with self._db.transaction() as tx:
            found = [_audit_row(row) for row in await tx.execute(chosen)]
            last = found[most - 1].id if len(found) > most else None
            lines = [AuditLine(row, first_at=row.at) for row in found[:most]]
            since = (rows.id > last,) if last is not None else ()
            folded, others = await _collapsed(tx, (*older, *since)) if matching.is_all else ([], 0)
        lines = sorted([*lines, *folded], key=lambda line: line.newest.id, reverse=True)
        return AuditPage(lines, others, last)

    async def all(self) -> AsyncIterator[AuditRow]:
        """Return every row, oldest first."""
        last = 0
        while True:
            async with self._db.transaction() as tx:
                batch = select(schema.audit).where(schema.audit.c.id > last).order_by(schema.audit.c.id).limit(_BATCH)
                rows = [_audit_row(row) for row in await tx.execute(batch)]
            for row in rows:
                yield row
            if len(rows) < _BATCH:
                return
            last = rows[-1].id

    async def first_broken(self) -> int | None:
        """Return the id of the first row whose hash does not match, or None."""
        before = None
        async for row in self.all():
            if row.row_hash != _row_hash(before, row.at, row.entry):
                return row.id
            before = row.row_hash
        return None


def _conditions(matching: AuditFilter) -> tuple[Any, ...]:
    rows = schema.audit.c
    conditions: list[Any] = []
    if matching.decision:
        conditions.append(rows.decision == matching.decision)
    if matching.person:
        conditions.append(rows.person == matching.person)
    if matching.job_id:
        # One row may be about several jobs.
        conditions.append(("," + rows.job_id + ",").contains(f",{matching.job_id},", autoescape=True))
    return tuple(conditions)


async def _collapsed(tx: Transaction, where: tuple[Any, ...]) -> tuple[list[AuditLine], int]:
    """Return the repeatable decisions, collapsed for the most recent people, and the number of other people."""
    rows = schema.audit.c
    newest = func.max(rows.id).label("newest")
    summed = (
        select(newest, func.count().label("count"), func.min(rows.at).label("since"))
        .where(rows.decision.in_(QUIET), *where)
        .group_by(rows.person, rows.decision)
        .order_by(newest.desc())
    )
    groups = (await tx.execute(summed)).all()
    of = {group.newest: group for group in groups[:MAX_COLLAPSED]}
    found = await tx.execute(select(schema.audit).where(rows.id.in_(of)))
    lines = [AuditLine(_audit_row(row), of[row.id].count, of[row.id].since) for row in found]
    return lines, max(0, len(groups) - MAX_COLLAPSED)


def _row_hash(before: str | None, at: float, entry: AuditEntry) -> str:
    content = json.dumps([before, at, exported(entry)], sort_keys=True, separators=(",", ":"))
    return hashlib.sha256(content.encode()).hexdigest()


def _audit_row(row: Any) -> AuditRow:
    values = {name: value for name, value in row._mapping.items() if name not in ("id", "at", "row_hash")}  # noqa: SLF001 - SQLAlchemy's public name
    return AuditRow(row.id, row.at, AuditEntry(**{**values, "decision": Decision(row.decision)}), row.row_hash)
