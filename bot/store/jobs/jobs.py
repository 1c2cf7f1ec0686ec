"""Jobs as the store knows them."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, bindparam, exists, func, or_, select, update

from bot.jobs.changes import State
from bot.jobs.debounce import MISSING_POLL_INTERVAL, Absence, SoftState
from bot.jobs.models import Snapshot
from bot.jobs.stalled import initial_status_since
from bot.store.db import schema
from bot.store.db.engine import Database, Transaction
from bot.store.db.moments import has_passed, not_after
from bot.store.jobs.read_failures import is_backing_off

FIRST_VERSION = 1
_RECENT = 300
_BATCH = 1000
"""Rows in one statement: a database takes only so many parameters."""


@dataclass(frozen=True)
class KnownJob:
    """A stored job. ``version`` counts its changes; a write with an older version changes nothing."""

    account: str
    id: str
    version: int
    state: State
    created_at: float | None
    state_since: float
    """When a poll first saw its state; the creation time of a job that was first seen before its start."""
    closed: bool
    """Whether no further change is expected, so that it is not polled."""
    soft_state: SoftState | None = None
    """A read that showed an earlier state, not confirmed yet."""
    absence: Absence | None = None
    """The last reads, if they did not find it."""
    missing: bool = False
    """Whether an alert said that it is missing."""
    stalled_since: float | None = None
    """Since when it is stalled, if an alert said so."""
    read_failures: int = 0
    """Failed reads of this job alone, in a row."""


@dataclass(frozen=True)
class PollTargets:
    """What a poll of an account has to read."""

    known: dict[str, KnownJob]
    """Every job that a page may list, by id, read before the request so that a stale response is noticed."""
    due: dict[str, int]
    """The tracked, open jobs that are due, with their positions in the list of jobs, newest first, from 0."""
    newer_than: float | None
    """The least creation time that is new to a subscription; None without one."""
    backing_off: frozenset[str] = frozenset()
    """Those of ``due`` that back off after failed reads of the job alone."""


class Jobs:
    """Jobs. Methods that take ``tx`` join the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def find(self, account: str, job_id: str) -> KnownJob | None:
        """Return one job, or None where it was never seen."""
        async with self._db.transaction() as tx:
            return await self.find_in(tx, account, job_id)

    async def find_in(self, tx: Transaction, account: str, job_id: str) -> KnownJob | None:
        """Return one job, or None where it was never seen."""
        row = (await tx.execute(_jobs(account).where(schema.job.c.id == job_id))).one_or_none()
        return _known(row) if row else None

    async def accounts_of(self, job_id: str) -> list[str]:
        """Return the accounts in which a job was seen, which may be two keys to one project."""
        async with self._db.transaction() as tx:
            return list(await tx.scalars(select(schema.job.c.account).where(schema.job.c.id == job_id)))

    async def poll_targets(self, account: str) -> PollTargets | None:
        """Return what a poll of the account has to read, or None if there is nothing."""
        async with self._db.transaction() as tx:
            rows = (await tx.execute(_due_jobs(account, self._db.now()))).all()
            due = {row.id: row.position for row in rows}
            newer_than = await self._newer_than(tx, account)
            if not due and newer_than is None:
                return None
            known = await self._newest(tx, account, max(_RECENT, len(due) + 100))
            if missing_ids := [job_id for job_id in due if job_id not in known]:
                others = _jobs(account).where(self._db.among(schema.job.c.id, missing_ids))
                known |= {row.id: _known(row) for row in await tx.execute(others)}
            known = await self._correct(tx, known)
        return PollTargets(known, due, newer_than, frozenset(row.id for row in rows if row.backing_off))

    async def _newer_than(self, tx: Transaction, account: str) -> float | None:
        """Return the least creation time that is new to a subscription.

        A future one, from a provider's clock or an absurd creation time, is set to now: new jobs would not be announced
        until then.
        """
        subscriptions, now = schema.subscription.c, self._db.now()
        mine = subscriptions.account == account
        bounds = select(func.min(subscriptions.newer_than), func.max(subscriptions.newer_than) > now).where(mine)
        least, is_future = (await tx.execute(bounds)).one()
        if not is_future:
            return None if least is None else float(least)
        await tx.execute(update(schema.subscription).where(mine, subscriptions.newer_than > now).values(newer_than=now))
        return float(await tx.scalar(select(func.min(subscriptions.newer_than)).where(mine)) or 0.0)

    async def _correct(self, tx: Transaction, known: dict[str, KnownJob]) -> dict[str, KnownJob]:
        """Set future timestamps to now, after the clock was set back; return the corrected jobs."""
        now, jobs = await self.now(tx), schema.job.c
        right = {job_id: _clamped_to(job, now) for job_id, job in known.items()}
        wrong = [job for job_id, job in known.items() if right[job_id] != job]
        columns = jobs.state_since, jobs.stalled_since, jobs.missed_since, jobs.missed_at
        values = {column.name: not_after(column, now) for column in columns}
        for start in range(0, len(wrong), _BATCH):
            some = [job.id for job in wrong[start : start + _BATCH]]
            await tx.execute(
                update(schema.job).where(jobs.account == wrong[0].account, jobs.id.in_(some)).values(values)
            )
        return right

    async def now(self, tx: Transaction) -> float:
        """Return the current time of the database's clock."""
        return float(await tx.scalar(select(self._db.now())) or 0.0)

    async def stalled(self, most: int) -> list[KnownJob]:
        """Return the open jobs that were reported as stalled, of any account, the last to stall first."""
        jobs = schema.job.c
        reported = select(schema.job).where(jobs.stalled_since.is_not(None), jobs.closed.is_(False))
        async with self._db.transaction() as tx:
            rows = await tx.execute(reported.order_by(jobs.stalled_since.desc(), jobs.id).limit(most))
            return [_known(row) for row in rows]

    async def newest(self, account: str, most: int) -> dict[str, KnownJob]:
        """Return the jobs that were created last, by id."""
        async with self._db.transaction() as tx:
            return await self._newest(tx, account, most)

    async def _newest(self, tx: Transaction, account: str, most: int) -> dict[str, KnownJob]:
        rows = await tx.execute(_jobs(account).order_by(*_newest_first()).limit(most))
        return {row.id: _known(row) for row in rows}

    async def page(self, tx: Transaction, account: str, *, after: str | None, most: int) -> list[KnownJob]:
        """Return the jobs that were created last, newest first, or those before the job ``after``."""
        jobs = schema.job.c
        mine = _jobs(account).order_by(*_newest_first()).limit(most)
        if after is not None and (last := await self.find_in(tx, account, after)):
            older = or_(jobs.created_at < last.created_at, and_(jobs.created_at == last.created_at, jobs.id > last.id))
            mine = mine.where(older)
        return [_known(row) for row in await tx.execute(mine)]

    async def add(self, tx: Transaction, account: str, snapshots: Sequence[Snapshot]) -> set[str]:
        """Insert jobs that were seen for the first time; return the ids of those that were unknown."""
        if not snapshots:
            return set()
        added = self._db.insert(schema.job).on_conflict_do_nothing().returning(schema.job.c.id)
        now = await self.now(tx)
        values = [
            {
                "account": account,
                "id": snapshot.id,
                "version": FIRST_VERSION,
                "status": snapshot.status,
                "fine_tuned_model": snapshot.fine_tuned_model,
                "created_at": snapshot.created_at,
                "state_since": initial_status_since(snapshot, now),
                "closed": False,
            }
            for snapshot in snapshots
        ]
        return set(await tx.scalars(added, values))

    async def lock(self, tx: Transaction, account: str, job_ids: Sequence[str]) -> tuple[dict[str, KnownJob], float]:
        """Lock jobs until the end of the transaction; return them by id, and the current time."""
        mine = _jobs(account).add_columns(self._db.now().label("now")).where(self._db.among(schema.job.c.id, job_ids))
        rows = list(await tx.execute(mine.order_by(schema.job.c.id).with_for_update())) if job_ids else []
        return {row.id: _known(row) for row in rows}, max((row.now for row in rows), default=0.0)

    async def write(self, tx: Transaction, jobs: Sequence[KnownJob]) -> None:
        """Update jobs that this transaction has locked."""
        if jobs:
            mine = (schema.job.c.account == bindparam("of_account"), schema.job.c.id == bindparam("of_id"))
            await tx.execute(update(schema.job).where(*mine), [_row(job) for job in jobs])

    async def close(self, tx: Transaction, account: str, job_ids: Sequence[str]) -> None:
        """Close jobs: no further change is expected."""
        jobs = schema.job.c
        for start in range(0, len(job_ids), _BATCH):
            some = (jobs.account == account, self._db.among(jobs.id, job_ids[start : start + _BATCH]))
            await tx.execute(update(schema.job).where(*some).values(closed=True))


def is_unchanged(seen: KnownJob, current: KnownJob) -> bool:
    """Whether a job was not written since ``seen`` was read: the compare of a compare-and-swap."""
    return _compared_fields(seen) == _compared_fields(current)


def _compared_fields(job: KnownJob) -> tuple[Any, ...]:
    return job.account, job.id, job.version, job.soft_state and job.soft_state.since, job.absence and job.absence.reads


def _clamped_to(job: KnownJob, now: float) -> KnownJob:
    """Return a job with no timestamp after ``now``."""
    seen, absence_before, stalled = job.state_since, job.absence, job.stalled_since
    if (
        seen <= now
        and (stalled is None or stalled <= now)
        and (absence_before is None or absence_before.last <= now >= absence_before.since)
    ):
        return job
    absence = absence_before and Absence(
        absence_before.reads, min(absence_before.since, now), min(absence_before.last, now)
    )
    return replace(job, state_since=min(seen, now), absence=absence, stalled_since=stalled and min(stalled, now))


def _jobs(account: str) -> Any:
    return select(schema.job).where(schema.job.c.account == account)


def _newest_first() -> tuple[Any, ...]:
    # Databases sort NULL differently: a job without a creation time counts as new.
    return schema.job.c.created_at.desc().nulls_first(), schema.job.c.id


def _due_jobs(account: str, now: ColumnElement[float]) -> Any:
    jobs = schema.job.c
    position = func.row_number().over(order_by=_newest_first()) - 1
    ranked = select(schema.job, position.label("position")).where(jobs.account == account).subquery()
    backing_off = is_backing_off(ranked.c, now).label("backing_off")
    return select(ranked.c.id, ranked.c.position, backing_off).where(*is_due(ranked.c, now))


def is_due(jobs: Any, now: ColumnElement[float]) -> tuple[ColumnElement[bool], ...]:
    """Return the conditions for a job to be polled: tracked, open, and not just found missing."""
    tracks = schema.track.c
    tracked = exists().where(and_(tracks.account == jobs.account, tracks.job_id == jobs.id))
    return (
        jobs.closed.is_(False),
        or_(jobs.missing.is_(False), has_passed(jobs.missed_at + MISSING_POLL_INTERVAL, now, MISSING_POLL_INTERVAL)),
        tracked,
    )


def _known(row: Row[Any]) -> KnownJob:
    return KnownJob(
        account=row.account,
        id=row.id,
        version=row.version,
        state=State(row.status, row.fine_tuned_model),
        created_at=row.created_at,
        state_since=row.state_since,
        closed=row.closed,
        soft_state=SoftState(row.soft_status, row.soft_since) if row.soft_status else None,
        absence=Absence(row.misses, row.missed_since, row.missed_at) if row.misses else None,
        missing=row.missing,
        stalled_since=row.stalled_since,
        read_failures=row.read_failures,
    )


def _row(job: KnownJob) -> dict[str, Any]:
    soft_state, absence = job.soft_state, job.absence
    return {
        "of_account": job.account,
        "of_id": job.id,
        "version": job.version,
        "status": job.state.status,
        "fine_tuned_model": job.state.fine_tuned_model,
        "state_since": job.state_since,
        "closed": job.closed,
        "soft_status": soft_state and soft_state.status,
        "soft_since": soft_state and soft_state.since,
        "misses": absence.reads if absence else 0,
        "missed_since": absence and absence.since,
        "missed_at": absence and absence.last,
        "missing": job.missing,
        "stalled_since": job.stalled_since,
    }
