"""Snapshots of jobs that have a card: the newest description, the progress and the chart."""

import json
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import and_, bindparam, case, exists, func, select, update

from bot.jobs.changes import State, state_of
from bot.jobs.models import Job, job_name
from bot.jobs.progress import Progress
from bot.jobs.statuses import ACTIVE_STATUSES, SUCCEEDED_STATUSES
from bot.store.db import schema
from bot.store.db.engine import Database, Transaction
from bot.store.db.moments import has_passed, is_pending
from bot.store.db.tokens import LostClaims
from bot.store.jobs.cards import Cards
from bot.store.jobs.documents import JobDocument

MAX_TRIES = 5
FIRST_WAIT = 30.0
"""Seconds between the first two attempts to upload a job's chart; each further wait is four times as long."""


@dataclass(frozen=True)
class UploadedChart:
    """A chart that was uploaded to Slack."""

    file_id: str
    """Slack's file id."""
    alt_text: str
    """Its description for screen readers."""


@dataclass(frozen=True)
class JobSnapshot:
    """The newest known state of a job. Times are seconds since the epoch."""

    job: Job
    state_since: float
    """When a poll first saw its state."""
    is_missing: bool
    """Whether the API no longer lists it."""
    stalled_since: float | None
    """Since when it is stalled, if an alert said so."""
    progress: Progress | None
    chart: UploadedChart | None
    """The chart of its curves, if it was uploaded."""


@dataclass(frozen=True)
class RunningJob:
    """A running job whose events are claimed for reading."""

    account: str
    job_id: str
    progress: Progress | None
    body: dict[str, Any] = field(default_factory=dict)
    """The API's newest description of the job."""


class JobSnapshots:
    """Snapshots. Methods that take ``tx`` join the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._cards = Cards(db)
        self._running = LostClaims[RunningJob](lambda each: each.job_id)
        self._without_chart = LostClaims[Job](lambda each: each.id)

    async def save(self, tx: Transaction, account: str, documents: Sequence[JobDocument]) -> None:
        """Save the documents of jobs that have a card; an unconfirmed read changes nothing.

        Call it after what was read is recorded: it is believed if it shows the recorded state.
        """
        by_id = {document.snapshot.id: document for document in documents}
        fresh = []
        for row in await tx.execute(self._with_card(account, list(by_id))):
            document = by_id[row.id]
            if document.body_hash != row.body_hash and state_of(document.snapshot) == State(
                row.status, row.fine_tuned_model
            ):
                fresh.append(
                    {
                        "account": account,
                        "job_id": row.id,
                        "body": document.serialized,
                        "body_hash": document.body_hash,
                        "name": job_name(document.job),
                    }
                )
        if fresh:
            new = self._db.insert(schema.job_snapshot)
            seen = {name: new.excluded[name] for name in ("body", "body_hash", "name")}
            await tx.execute(new.on_conflict_do_update(index_elements=["account", "job_id"], set_=seen), fresh)
            await self._cards.bump_generation(tx, account, *(row["job_id"] for row in fresh))

    async def body_hashes(self, tx: Transaction, account: str, job_ids: Sequence[str]) -> dict[str, str | None]:
        """Return the hashes of the stored descriptions, by job id, for the jobs that have a card."""
        return {row.id: row.body_hash for row in await tx.execute(self._with_card(account, job_ids))}

    def _with_card(self, account: str, job_ids: Sequence[str]) -> Any:
        jobs, cards = schema.job.c, schema.card.c
        has_card = exists().where(and_(cards.account == jobs.account, cards.job_id == jobs.id))
        found = select(jobs.id, jobs.status, jobs.fine_tuned_model, schema.job_snapshot.c.body_hash)
        joined = found.outerjoin(schema.job_snapshot, of_same_job())
        return joined.where(jobs.account == account, self._db.among(jobs.id, job_ids), has_card)

    async def body_hash(self, tx: Transaction, account: str, job_id: str) -> str | None:
        """Return the hash of the stored description, or None if there is none."""
        digest: str | None = await tx.scalar(select(schema.job_snapshot.c.body_hash).where(*_of(account, job_id)))
        return digest

    async def find(self, account: str, job_id: str) -> JobSnapshot | None:
        """Return the snapshot of a job, or None if it was not read since it got its card."""
        return (await self.of_jobs([(account, job_id)])).get((account, job_id))

    async def of_jobs(self, keys: Collection[tuple[str, str]]) -> dict[tuple[str, str], JobSnapshot]:
        """Return the snapshots of jobs, each by its account and ID."""
        snapshots, jobs, among = schema.job_snapshot.c, schema.job.c, self._db.among
        accounts, ids = {account for account, _ in keys}, {job_id for _, job_id in keys}
        columns = schema.job_snapshot, jobs.state_since, jobs.missing, jobs.stalled_since
        chosen = select(*columns).where(among(snapshots.account, accounts), among(snapshots.job_id, ids))
        joined = chosen.join(schema.job, of_same_job())
        async with self._db.transaction() as tx:
            rows = await tx.execute(joined)
            return {key: _snapshot(row) for row in rows if (key := (row.account, row.job_id)) in keys}

    async def claim_running(self, account: str, *, interval: float, most: int) -> list[RunningJob]:
        """Claim the running, tracked jobs whose events were not read for ``interval`` seconds, longest ago first.

        At most ``most`` a minute are claimed, over all processes: that share of them in any ``every`` seconds
        where these are fewer, for a job has one row, however often its events are read.
        """
        span = min(60.0, interval)
        most = max(1, round(most * span / 60))
        snapshots, jobs, tracks, now = schema.job_snapshot.c, schema.job.c, schema.track.c, self._db.now()
        tracked = exists().where(and_(tracks.account == snapshots.account, tracks.job_id == snapshots.job_id))
        due = (
            select(schema.job_snapshot)
            .join(schema.job, of_same_job())
            .where(
                snapshots.account == account,
                has_passed(snapshots.events_read_at + interval, now, interval),
                jobs.missing.is_(False),
                tracked,
            )
            .where(func.lower(jobs.status).in_(ACTIVE_STATUSES))
            .order_by(snapshots.events_read_at, snapshots.job_id)
        )
        with self._running.claiming(account) as claimed:
            async with self._db.transaction() as tx:
                in_span = is_pending(snapshots.events_read_at + span, now, span)
                lately = select(func.count()).where(snapshots.account == account, in_span)
                rows = (await tx.execute(due.limit(max(0, most - (await tx.scalar(lately) or 0))))).all()
                claimed += [_running_job(row) for row in rows if await self._claim(tx, row)]
        return claimed

    async def _claim(self, tx: Transaction, row: Any) -> bool:
        mine = update(schema.job_snapshot).where(
            *_of(row.account, row.job_id), schema.job_snapshot.c.events_read_at == row.events_read_at
        )
        return (await tx.execute(mine.values(events_read_at=self._db.now()))).rowcount > 0

    async def claim_without_chart(self, account: str) -> Job | None:
        """Claim one succeeded job without a chart; each is attempted ``MAX_TRIES`` times, with growing waits."""
        snapshots, jobs, now = schema.job_snapshot.c, schema.job.c, self._db.now()
        due = (
            snapshots.chart_file_id.is_(None),
            snapshots.chart_attempts < MAX_TRIES,
            has_passed(snapshots.chart_not_before, now, _wait_after()),
        )
        first = (
            select(schema.job_snapshot)
            .join(schema.job, of_same_job())
            .where(snapshots.account == account, func.lower(jobs.status).in_(SUCCEEDED_STATUSES), *due)
            .order_by(snapshots.chart_not_before, snapshots.job_id)
            .limit(1)
        )
        with self._without_chart.claiming(account) as claimed:
            async with self._db.transaction() as tx:
                row = (await tx.execute(first)).one_or_none()
                if row and await self._count_attempt(tx, row):
                    claimed.append(Job.model_validate(json.loads(row.body)))
        return claimed[0] if claimed else None

    async def _count_attempt(self, tx: Transaction, row: Any) -> bool:
        """Count one attempt to upload a job's chart; False if another process just did."""
        mine = update(schema.job_snapshot).where(
            *_of(row.account, row.job_id), schema.job_snapshot.c.chart_attempts == row.chart_attempts
        )
        later = {
            "chart_attempts": row.chart_attempts + 1,
            "chart_not_before": self._db.now() + _wait(row.chart_attempts + 1),
        }
        return (await tx.execute(mine.values(later))).rowcount > 0

    async def save_chart(self, account: str, job_id: str, chart: UploadedChart | None) -> None:
        """Save a job's chart; None if there is nothing to draw, so that it is not attempted again."""
        values = (
            {"chart_file_id": chart.file_id, "chart_alt_text": chart.alt_text}
            if chart
            else {"chart_attempts": MAX_TRIES}
        )
        async with self._db.transaction() as tx:
            await tx.execute(update(schema.job_snapshot).where(*_of(account, job_id)).values(values))
            if chart:
                await self._cards.bump_generation(tx, account, job_id)

    async def progress_of(self, tx: Transaction, account: str, job_ids: Sequence[str]) -> dict[str, Progress | None]:
        """Return the progress of the jobs that have a snapshot, by job id."""
        snapshots = schema.job_snapshot.c
        mine = select(snapshots.job_id, snapshots.progress).where(
            snapshots.account == account, self._db.among(snapshots.job_id, job_ids)
        )
        return {row.job_id: progress_in(row) for row in await tx.execute(mine)}

    async def save_pushed(self, tx: Transaction, account: str, progress: Mapping[str, Progress]) -> None:
        """Save the progress of jobs that have a snapshot, by job id."""
        if progress:
            mine = _of(bindparam("of_account"), bindparam("of_job"))
            rows = [
                {"of_account": account, "of_job": job_id, "new_progress": json.dumps(each.as_json())}
                for job_id, each in progress.items()
            ]
            await tx.execute(update(schema.job_snapshot).where(*mine).values(progress=bindparam("new_progress")), rows)
            await self._cards.bump_generation(tx, account, *progress)

    async def save_progress(self, running: RunningJob, progress: Progress | None, event_at: float | None) -> None:
        """Save a job's progress and the time of its newest event."""
        known = {"progress": progress and json.dumps(progress.as_json()), "event_at": event_at}
        async with self._db.transaction() as tx:
            mine = update(schema.job_snapshot).where(*_of(running.account, running.job_id))
            await tx.execute(mine.values(known))
            if progress != running.progress:
                await self._cards.bump_generation(tx, running.account, running.job_id)


def _wait(tries: int) -> float:
    """Return the seconds until the next attempt at a chart, after so many attempts."""
    return float(FIRST_WAIT * 4 ** (tries - 1))


def _wait_after() -> Any:
    return case(
        {tries: _wait(tries) for tries in range(1, MAX_TRIES + 1)},
        value=schema.job_snapshot.c.chart_attempts,
        else_=0.0,
    )


def of_same_job() -> Any:
    """Return the condition that a snapshot is of a job."""
    snapshots, jobs = schema.job_snapshot.c, schema.job.c
    return and_(snapshots.account == jobs.account, snapshots.job_id == jobs.id)


def _of(account: Any, job_id: Any) -> tuple[Any, ...]:
    return schema.job_snapshot.c.account == account, schema.job_snapshot.c.job_id == job_id


def progress_in(row: Any) -> Progress | None:
    """Return the progress that a row of a snapshot holds."""
    return Progress.from_json(json.loads(row.progress)) if row.progress else None


def _snapshot(row: Any) -> JobSnapshot:
    chart = UploadedChart(row.chart_file_id, row.chart_alt_text) if row.chart_file_id else None
    job = Job.model_validate(json.loads(row.body))
    return JobSnapshot(job, row.state_since, row.missing, row.stalled_since, progress_in(row), chart)


def _running_job(row: Any) -> RunningJob:
    return RunningJob(row.account, row.job_id, progress_in(row), json.loads(row.body))
