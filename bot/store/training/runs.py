"""Runs of pushed jobs: their order, their present state, and whether a trainer is asked to stop."""

import json
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from sqlalchemy import delete, func, select, update

from bot.jobs.progress import Progress
from bot.jobs.statuses import is_final
from bot.store.db import schema
from bot.store.db.engine import Database, Transaction
from bot.store.jobs.snapshots import of_same_job, progress_in

_OF_RUN = ("account", "job_id", "id")


@dataclass(frozen=True)
class Run:
    """One run of a job. A write of a call makes a new one of it."""

    id: str
    began_at: float
    """By our clock: the earliest moment that its calls allow. Runs are ordered by it."""
    started: float
    """The same by the trainer's clock."""
    seq: int
    """Of the call whose state it has."""
    called_at: float
    """When a call last arrived."""
    active_at: float
    """When a call last brought a step, a line or a status that is new."""
    first_step: int | None
    state: Mapping[str, Any]
    """As the trainer sent it."""
    announced: str | None = None
    """The status that was last recorded as the job's; None if it never was the newest run."""
    points: int = 0
    """Points that were stored since they were last thinned."""

    @property
    def status(self) -> str:
        """The status that the trainer sent last."""
        return str(self.state["status"])

    @property
    def is_final(self) -> bool:
        """Whether it has ended."""
        return is_final(self.status)

    def our_time(self, at: float) -> float:
        """Return a time of the trainer's clock by ours."""
        return self.began_at + (at - self.started)


def in_order(runs: Iterable[Run]) -> list[Run]:
    """Return the runs of a job, the newest last."""
    return sorted(runs, key=lambda run: (run.began_at, run.id))


@dataclass(frozen=True)
class StoredJob:
    """What is stored of a job before a call."""

    runs: dict[str, Run]
    """By ID."""
    stalled_since: float | None
    """Since when it is stalled, if an alert said so."""
    has_snapshot: bool
    progress: Progress | None
    """As its snapshot has it."""


class TrainingRuns:
    """Runs. Methods that take ``tx`` join the caller's transaction, which covers one account."""

    def __init__(self, db: Database) -> None:
        self._db = db

    async def lock(self, tx: Transaction, account: str, job_ids: Sequence[str]) -> dict[str, bool]:
        """Lock jobs until the end of the transaction, new ones included; return whether the trainer of each is to stop."""
        locked = await self._lock_known(tx, account, job_ids)
        if new_ids := [job_id for job_id in job_ids if job_id not in locked]:
            new = self._db.insert(schema.training_job).on_conflict_do_nothing()
            await tx.execute(new, [{"account": account, "job_id": job_id} for job_id in new_ids])
            locked |= await self._lock_known(tx, account, new_ids)
        return locked

    async def _lock_known(self, tx: Transaction, account: str, job_ids: Sequence[str]) -> dict[str, bool]:
        jobs = schema.training_job.c
        mine = select(jobs.job_id, jobs.cancel_requested).where(
            jobs.account == account, self._db.among(jobs.job_id, job_ids)
        )
        rows = await tx.execute(mine.order_by(jobs.job_id).with_for_update())
        return {row.job_id: row.cancel_requested for row in rows}

    async def cancel_requested(self, tx: Transaction, account: str, job_ids: Sequence[str]) -> set[str]:
        """Return the jobs whose trainers are to stop."""
        jobs = schema.training_job.c
        mine = (jobs.account == account, self._db.among(jobs.job_id, job_ids), jobs.cancel_requested.is_(True))
        return set(await tx.scalars(select(jobs.job_id).where(*mine)))

    async def of_jobs(self, tx: Transaction, account: str, job_ids: Sequence[str]) -> dict[str, dict[str, Run]]:
        """Return the runs of jobs, by the IDs of job and run."""
        runs = schema.training_run.c
        found: dict[str, dict[str, Run]] = defaultdict(dict)
        mine = select(schema.training_run).where(runs.account == account, self._db.among(runs.job_id, job_ids))
        for row in await tx.execute(mine):
            found[row.job_id][row.id] = _run(row)
        return dict(found)

    async def stored(self, tx: Transaction, account: str, job_ids: Sequence[str]) -> dict[str, StoredJob]:
        """Return what is stored of jobs that have a run, by their IDs."""
        runs, jobs, snapshots = schema.training_run.c, schema.job.c, schema.job_snapshot.c
        columns = schema.training_run, jobs.stalled_since, snapshots.job_id.label("snapshot_of"), snapshots.progress
        joined = select(*columns).outerjoin(schema.job, _of_job()).outerjoin(schema.job_snapshot, of_same_job())
        found: dict[str, StoredJob] = {}
        for row in await tx.execute(joined.where(runs.account == account, self._db.among(runs.job_id, job_ids))):
            if row.job_id not in found:
                found[row.job_id] = StoredJob({}, row.stalled_since, row.snapshot_of is not None, progress_in(row))
            found[row.job_id].runs[row.id] = _run(row)
        return found

    async def save(self, tx: Transaction, account: str, runs: Sequence[tuple[str, Run]]) -> None:
        """Save runs, each with the ID of its job."""
        if runs:
            new = self._db.insert(schema.training_run)
            rows = [_row(account, job_id, run) for job_id, run in runs]
            changed = {name: new.excluded[name] for name in rows[0] if name not in _OF_RUN}
            await tx.execute(new.on_conflict_do_update(index_elements=_OF_RUN, set_=changed), rows)

    async def remove(self, tx: Transaction, account: str, job_id: str, run_ids: Sequence[str]) -> None:
        """Remove runs of a job with all that they sent."""
        for table in (schema.training_metric, schema.training_extreme, schema.training_log, schema.training_checkpoint):
            mine = (table.c.account == account, table.c.job_id == job_id, self._db.among(table.c.run_id, run_ids))
            await tx.execute(delete(table).where(*mine))
        runs = schema.training_run.c
        await tx.execute(
            delete(schema.training_run).where(
                runs.account == account, runs.job_id == job_id, self._db.among(runs.id, run_ids)
            )
        )

    async def request_cancel(self, tx: Transaction, account: str, job_ids: Sequence[str], *, requested: bool) -> None:
        """Ask the trainers of jobs to stop, or no longer."""
        jobs = schema.training_job.c
        mine = update(schema.training_job).where(jobs.account == account, self._db.among(jobs.job_id, job_ids))
        await tx.execute(mine.values(cancel_requested=requested))

    async def count_open(self, tx: Transaction, account: str, since: float) -> int:
        """Return the number of unfinished jobs of an account with a call since some moment."""
        runs, jobs = schema.training_run.c, schema.job.c
        found = select(func.count(runs.job_id.distinct())).join_from(schema.training_run, schema.job, _of_job())
        mine = found.where(runs.account == account, runs.called_at >= since, jobs.closed.is_(False))
        return await tx.scalar(mine) or 0

    async def open(self, tx: Transaction, account: str) -> dict[str, tuple[dict[str, Run], float | None]]:
        """Return the runs of an account's unfinished, tracked jobs, and since when each is stalled, if an alert said so."""
        runs, jobs, tracks = schema.training_run.c, schema.job.c, schema.track.c
        tracked = select(tracks.job_id).where(tracks.account == runs.account, tracks.job_id == runs.job_id).exists()
        mine = select(schema.training_run, jobs.stalled_since).join(schema.job, _of_job())
        found: dict[str, tuple[dict[str, Run], float | None]] = {}
        for row in await tx.execute(mine.where(runs.account == account, jobs.closed.is_(False), tracked)):
            found.setdefault(row.job_id, ({}, row.stalled_since))[0][row.id] = _run(row)
        return found


def _of_job() -> Any:
    """Return the condition that a run is of a job."""
    runs, jobs = schema.training_run.c, schema.job.c
    return (jobs.account == runs.account) & (jobs.id == runs.job_id)


def _run(row: Any) -> Run:
    return Run(
        row.id,
        row.began_at,
        row.started,
        row.seq,
        row.called_at,
        row.active_at,
        row.first_step,
        json.loads(row.state),
        row.announced,
        row.points,
    )


def _row(account: str, job_id: str, run: Run) -> dict[str, Any]:
    return {"account": account, "job_id": job_id, **vars(run), "state": json.dumps(dict(run.state))}
