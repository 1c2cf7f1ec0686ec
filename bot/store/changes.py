"""The changes that the bot has seen: facts, drawn only when they are sent."""

import json
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Row, func, insert, select
from sqlalchemy.ext.asyncio import AsyncConnection

from bot.jobs.changes import Change, ChangeKind, State
from bot.jobs.models import Job
from bot.redaction import without_secrets
from bot.store import schema
from bot.store.digests import changes_in
from bot.store.engine import Database


@dataclass(frozen=True)
class RecordedChange:
    """A change as it is stored: a fact, drawn only when it is sent."""

    id: int
    account: str
    job_id: str
    version: int
    change: Change
    body: dict[str, Any]
    """The job as the API described it at the change."""
    reason: str | None
    """Why it failed, from its log, where the job itself does not say."""
    late: bool
    """Whether nobody was looking when it happened."""
    seen_at: float
    nth: int = 1
    """How often the job came to this state by now. A backup that is put back counts the same, whatever it missed."""

    @property
    def name(self) -> str:
        """What it is called in the key of an alert."""
        state = f"{self.change.kind}|{self.change.after.status}|{self.change.after.fine_tuned_model}"
        return f"{self.account}|{self.job_id}|{state}|{self.nth}"

    @property
    def job(self) -> Job:
        """The job as it was at the change."""
        return Job.model_validate(self.body)


class Changes:
    """Changes. Methods that take ``tx`` join the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def write(
        self,
        tx: AsyncConnection,
        account: str,
        version: int,
        change: Change,
        body: dict[str, Any],
        *,
        reason: str | None = None,
        late: bool = False,
    ) -> RecordedChange:
        """Store a change as a fact and return it."""
        statement = insert(schema.change).values(
            account=account,
            job_id=body["id"],
            version=version,
            kind=change.kind,
            old_status=change.before.status,
            old_model=change.before.fine_tuned_model,
            new_status=change.after.status,
            new_model=change.after.fine_tuned_model,
            body=json.dumps(without_secrets(body)),
            reason=reason,
            late=late,
            stuck_for=change.stuck_for,
            seen_at=self._db.now(),
        )
        row = (await tx.execute(statement.returning(schema.change))).one()
        return replace(_recorded(row), nth=await _times(tx, row))

    async def find(self, change_id: int) -> RecordedChange:
        """Return one change."""
        async with self._db.transaction() as tx:
            row = (await tx.execute(select(schema.change).where(schema.change.c.id == change_id))).one()
        return _recorded(row)

    async def in_digest(self, digest_id: int) -> list[RecordedChange]:
        """Return the changes that a digest tells, in order."""
        async with self._db.transaction() as tx:
            ids = await changes_in(tx, digest_id)
            rows = await tx.execute(select(schema.change).where(schema.change.c.id.in_(ids)))
            found = {row.id: _recorded(row) for row in rows}
        return [found[change_id] for change_id in ids]

    async def last(self, tx: AsyncConnection, account: str, job_id: str) -> RecordedChange | None:
        """Return the newest change of a job, or None where it never changed."""
        changes = schema.change.c
        mine = select(schema.change).where(changes.account == account, changes.job_id == job_id)
        row = (await tx.execute(mine.order_by(changes.version.desc()).limit(1))).one_or_none()
        return replace(_recorded(row), nth=await _times(tx, row)) if row else None


async def _times(tx: AsyncConnection, row: Row[Any]) -> int:
    """Return how often a job changed to what a change made of it, that one included."""
    changes = schema.change.c
    same = (changes.kind == row.kind, changes.new_status == row.new_status)
    same_model = changes.new_model.is_not_distinct_from(row.new_model)
    mine = (changes.account == row.account, changes.job_id == row.job_id, changes.id <= row.id)
    return await tx.scalar(select(func.count()).where(*mine, *same, same_model)) or 1


def _recorded(row: Row[Any]) -> RecordedChange:
    before, after = State(row.old_status, row.old_model), State(row.new_status, row.new_model)
    return RecordedChange(
        id=row.id,
        account=row.account,
        job_id=row.job_id,
        version=row.version,
        change=Change(ChangeKind(row.kind), before, after, row.stuck_for),
        body=json.loads(row.body),
        reason=row.reason,
        late=row.late,
        seen_at=row.seen_at,
    )
