"""Changes of jobs, stored as facts and rendered when they are sent."""

import json
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import Row, and_, func, insert, select

from bot.jobs.changes import Change, ChangeKind, State
from bot.jobs.models import Job
from bot.jobs.statuses import FINAL_STATUSES
from bot.store.db import schema
from bot.store.db.engine import Database, Transaction
from bot.store.outbox.digests import changes_in
from bot.telemetry.redaction import without_secrets


@dataclass(frozen=True)
class NewChange:
    """A change before it is stored."""

    job_id: str
    version: int
    """The job's version after the change."""
    change: Change
    body: str
    """The API's description of the job, from ``serialize``."""
    reason: str | None = None
    late: bool = False


@dataclass(frozen=True)
class RecordedChange:
    """A stored change."""

    id: int
    account: str
    job_id: str
    version: int
    change: Change
    body: dict[str, Any]
    """The API's description of the job at the change."""
    reason: str | None
    """The reason of a failure from the job's log, if the job itself has none."""
    late: bool
    """Whether it happened while no poll ran."""
    seen_at: float
    occurrence: int = 1
    """How often the job reached this state so far. A restored backup counts the same, whatever it missed."""

    @property
    def natural_key(self) -> str:
        """Its part of the idempotency keys of its alerts. Slack has messages with them: the format must not change."""
        state = f"{self.change.kind}|{self.change.after.status}|{self.change.after.fine_tuned_model}"
        return f"{self.account}|{self.job_id}|{state}|{self.occurrence}"

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
        tx: Transaction,
        account: str,
        version: int,
        change: Change,
        body: dict[str, Any],
        *,
        reason: str | None = None,
        late: bool = False,
    ) -> RecordedChange:
        """Store a change and return it."""
        fact = NewChange(body["id"], version, change, serialize(body), reason, late)
        return (await self.write_all(tx, account, [fact]))[0]

    async def write_all(self, tx: Transaction, account: str, new_changes: Sequence[NewChange]) -> list[RecordedChange]:
        """Store changes, each of another job, and return them in the same order."""
        if not new_changes:
            return []
        statement = insert(schema.change).values(account=account, seen_at=self._db.now()).returning(schema.change)
        rows = {row.job_id: row for row in await tx.execute(statement, [_values(fact) for fact in new_changes])}
        times = await self._occurrences(tx, [row.id for row in rows.values()])
        ordered = [rows[fact.job_id] for fact in new_changes]
        return [replace(_recorded(row), occurrence=times[row.id]) for row in ordered]

    async def last_of(
        self, tx: Transaction, account: str, job_ids: Sequence[str], *, results: bool = False
    ) -> dict[str, RecordedChange]:
        """Return the newest change of each job, by the job's id; with ``results`` the newest to a final status."""
        if not job_ids:
            return {}
        changes = schema.change.c
        which = (
            (changes.kind == ChangeKind.STATUS, func.lower(changes.new_status).in_(FINAL_STATUSES)) if results else ()
        )
        newest = (
            select(changes.job_id, func.max(changes.version).label("version"))
            .where(changes.account == account, self._db.among(changes.job_id, job_ids), *which)
            .group_by(changes.job_id)
            .subquery()
        )
        both = (changes.job_id == newest.c.job_id) & (changes.version == newest.c.version)
        found = select(schema.change).join(newest, both).where(changes.account == account)
        rows = list(await tx.execute(found))
        times = await self._occurrences(tx, [row.id for row in rows])
        return {row.job_id: replace(_recorded(row), occurrence=times[row.id]) for row in rows}

    async def _occurrences(self, tx: Transaction, change_ids: Sequence[int]) -> dict[int, int]:
        """Return how often each change's job had reached the same state, that change included, by the change's id."""
        this, changes = schema.change.alias(), schema.change.c
        same = (changes.kind == this.c.kind, changes.new_status == this.c.new_status)
        same_model = changes.new_model.is_not_distinct_from(this.c.new_model)
        mine = (changes.account == this.c.account, changes.job_id == this.c.job_id, changes.id <= this.c.id)
        counted = select(this.c.id, func.count()).join(schema.change, and_(*mine, *same, same_model))
        rows = await tx.execute(counted.where(self._db.among(this.c.id, change_ids)).group_by(this.c.id))
        return {change_id: times for change_id, times in rows}  # noqa: C416 - a row is no pair to a type checker

    async def find(self, change_id: int) -> RecordedChange:
        """Return one change."""
        async with self._db.transaction() as tx:
            row = (await tx.execute(select(schema.change).where(schema.change.c.id == change_id))).one()
        return _recorded(row)

    async def in_digest(self, digest_id: int) -> list[RecordedChange]:
        """Return the changes of a digest, in order."""
        async with self._db.transaction() as tx:
            ids = await changes_in(tx, digest_id)
            rows = await tx.execute(select(schema.change).where(schema.change.c.id.in_(ids)))
            found = {row.id: _recorded(row) for row in rows}
        return [found[change_id] for change_id in ids]

    async def flapping(
        self, tx: Transaction, account: str, job_ids: Sequence[str], *, most: int, seconds: float
    ) -> set[str]:
        """Return those of these jobs that changed more than ``most`` times in the last ``seconds``."""
        changes, now = schema.change.c, self._db.now()
        lately = (changes.seen_at > now - seconds, changes.seen_at <= now + 1.0)
        mine = (changes.account == account, self._db.among(changes.job_id, job_ids), *lately)
        counted = select(changes.job_id).where(*mine).group_by(changes.job_id).having(func.count() > most)
        return set(await tx.scalars(counted))

    async def last(self, tx: Transaction, account: str, job_id: str) -> RecordedChange | None:
        """Return the newest change of a job, or None if it never changed."""
        return (await self.last_of(tx, account, [job_id])).get(job_id)


def serialize(body: dict[str, Any]) -> str:
    """Return a job's description as JSON without secrets."""
    return json.dumps(without_secrets(body))


def _values(fact: NewChange) -> dict[str, Any]:
    change = fact.change
    return {
        "job_id": fact.job_id,
        "version": fact.version,
        "kind": change.kind,
        "old_status": change.before.status,
        "old_model": change.before.fine_tuned_model,
        "new_status": change.after.status,
        "new_model": change.after.fine_tuned_model,
        "body": fact.body,
        "reason": fact.reason,
        "late": fact.late,
        "stalled_for": change.stalled_for,
    }


def _recorded(row: Row[Any]) -> RecordedChange:
    before, after = State(row.old_status, row.old_model), State(row.new_status, row.new_model)
    return RecordedChange(
        id=row.id,
        account=row.account,
        job_id=row.job_id,
        version=row.version,
        change=Change(ChangeKind(row.kind), before, after, row.stalled_for),
        body=json.loads(row.body),
        reason=row.reason,
        late=row.late,
        seen_at=row.seen_at,
    )
