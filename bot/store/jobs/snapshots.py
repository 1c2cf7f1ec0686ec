"""The newest picture of each job that has a card: its description, and how far it is."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any

from sqlalchemy import and_, case, exists, func, select, update

from bot.jobs.changes import State, state_of
from bot.jobs.models import Job, Snapshot
from bot.jobs.progress import Progress
from bot.jobs.statuses import ACTIVE_STATUSES, SUCCEEDED_STATUSES
from bot.store.db import schema
from bot.store.db.engine import Database, Transaction
from bot.store.db.moments import has_passed, is_pending
from bot.store.db.tokens import LostClaims
from bot.store.jobs.cards import Cards
from bot.store.jobs.changes import serialize

MAX_TRIES = 5
FIRST_WAIT = 30.0
"""Seconds between the first two tries to draw a job's curves; each further wait is four times as long."""


@dataclass(frozen=True)
class JobDocument:
    """A job as one answer said it. What is made of the answer is made once."""

    snapshot: Snapshot
    body: dict[str, Any]

    @cached_property
    def serialized(self) -> str:
        """The whole of it, as it is kept."""
        return serialize(self.body)

    @cached_property
    def job(self) -> Job:
        """The job in full, without secrets."""
        return Job.model_validate(json.loads(self.serialized))

    @cached_property
    def body_hash(self) -> str:
        """What tells it from another."""
        return body_hash_of(self.body)


@dataclass(frozen=True)
class UploadedChart:
    """A picture of curves that Slack has."""

    file_id: str
    """Slack's id of it."""
    alt_text: str
    """What is to be seen, in words."""


@dataclass(frozen=True)
class JobSnapshot:
    """What is known of a job. Times are seconds since the epoch."""

    job: Job
    state_since: float
    """When it was first seen in its present state."""
    is_missing: bool
    """Whether the API does not know it any more."""
    stalled_since: float | None
    """Since when it stands still, where people were told so."""
    progress: Progress | None
    chart: UploadedChart | None
    """Its curves, where a picture of them was made."""


@dataclass(frozen=True)
class RunningJob:
    """A running job whose events were claimed to be read."""

    account: str
    job_id: str
    progress: Progress | None
    body: dict[str, Any] = field(default_factory=dict)
    """The job as the API last described it."""


class JobSnapshots:
    """Pictures. Methods that take ``tx`` join the caller's transaction."""

    def __init__(self, db: Database) -> None:
        self._db = db
        self._cards = Cards(db)
        self._running = LostClaims[RunningJob](lambda each: each.job_id)
        self._without_chart = LostClaims[Job](lambda each: each.id)

    async def save(self, tx: Transaction, account: str, documents: Sequence[JobDocument]) -> None:
        """Keep what was just read of jobs that have a card; a read that is not believed changes nothing.

        Call it after what was read is recorded: it is believed if it shows the recorded state.
        """
        by_id = {sight.snapshot.id: sight for sight in documents}
        fresh = []
        for row in await tx.execute(self._with_card(account, list(by_id))):
            sight = by_id[row.id]
            if sight.body_hash != row.body_hash and state_of(sight.snapshot) == State(row.status, row.fine_tuned_model):
                fresh.append(
                    {"account": account, "job_id": row.id, "body": sight.serialized, "body_hash": sight.body_hash}
                )
        if fresh:
            new = self._db.insert(schema.job_snapshot)
            seen = {name: new.excluded[name] for name in ("body", "body_hash")}
            await tx.execute(new.on_conflict_do_update(index_elements=["account", "job_id"], set_=seen), fresh)
            await self._cards.bump_generation(tx, account, *(row["job_id"] for row in fresh))

    async def body_hashes(self, tx: Transaction, account: str, job_ids: Sequence[str]) -> dict[str, str | None]:
        """Return what tells the kept descriptions from others, of those of these jobs that have a card."""
        return {row.id: row.body_hash for row in await tx.execute(self._with_card(account, job_ids))}

    def _with_card(self, account: str, job_ids: Sequence[str]) -> Any:
        jobs, cards = schema.job.c, schema.card.c
        has_card = exists().where(and_(cards.account == jobs.account, cards.job_id == jobs.id))
        found = select(jobs.id, jobs.status, jobs.fine_tuned_model, schema.job_snapshot.c.body_hash)
        joined = found.outerjoin(schema.job_snapshot, _of_same_job())
        return joined.where(jobs.account == account, self._db.among(jobs.id, job_ids), has_card)

    async def body_hash(self, tx: Transaction, account: str, job_id: str) -> str | None:
        """Return what tells the kept description from another, or None where there is none."""
        digest: str | None = await tx.scalar(select(schema.job_snapshot.c.body_hash).where(*_of(account, job_id)))
        return digest

    async def find(self, account: str, job_id: str) -> JobSnapshot | None:
        """Return the picture of a job, or None where nothing was read since it got its card."""
        jobs, both = schema.job.c, _of_same_job()
        joined = select(schema.job_snapshot, jobs.state_since, jobs.missing, jobs.stalled_since).join(schema.job, both)
        async with self._db.transaction() as tx:
            row = (await tx.execute(joined.where(*_of(account, job_id)))).one_or_none()
        if row is None:
            return None
        job = Job.model_validate(json.loads(row.body))
        return JobSnapshot(job, row.state_since, row.missing, row.stalled_since, _progress(row), _chart(row))

    async def claim_running(self, account: str, *, interval: float, most: int) -> list[RunningJob]:
        """Take the running, tracked jobs whose events were not read for ``every`` seconds, longest ago first.

        At most ``most`` a minute are taken, whichever process takes them: that share of them in any ``every`` seconds
        where these are fewer, for a job has one row, however often its events are read.
        """
        span = min(60.0, interval)
        most = max(1, round(most * span / 60))
        pictures, jobs, tracks, now = schema.job_snapshot.c, schema.job.c, schema.track.c, self._db.now()
        tracked = exists().where(and_(tracks.account == pictures.account, tracks.job_id == pictures.job_id))
        due = (
            select(schema.job_snapshot)
            .join(schema.job, _of_same_job())
            .where(
                pictures.account == account,
                has_passed(pictures.events_read_at + interval, now, interval),
                jobs.missing.is_(False),
                tracked,
            )
            .where(func.lower(jobs.status).in_(ACTIVE_STATUSES))
            .order_by(pictures.events_read_at, pictures.job_id)
        )
        with self._running.claiming(account) as taken:
            async with self._db.transaction() as tx:
                in_span = is_pending(pictures.events_read_at + span, now, span)
                lately = select(func.count()).where(pictures.account == account, in_span)
                rows = (await tx.execute(due.limit(max(0, most - (await tx.scalar(lately) or 0))))).all()
                taken += [_running_job(row) for row in rows if await self._claim(tx, row)]
        return taken

    async def _claim(self, tx: Transaction, row: Any) -> bool:
        mine = update(schema.job_snapshot).where(
            *_of(row.account, row.job_id), schema.job_snapshot.c.events_read_at == row.events_read_at
        )
        return (await tx.execute(mine.values(events_read_at=self._db.now()))).rowcount > 0

    async def claim_without_chart(self, account: str) -> Job | None:
        """Take one job that succeeded and whose curves have no picture yet; each is tried a few times, ever later."""
        pictures, jobs, now = schema.job_snapshot.c, schema.job.c, self._db.now()
        due = (
            pictures.chart_file_id.is_(None),
            pictures.chart_attempts < MAX_TRIES,
            has_passed(pictures.chart_not_before, now, _wait_after()),
        )
        first = (
            select(schema.job_snapshot)
            .join(schema.job, _of_same_job())
            .where(pictures.account == account, func.lower(jobs.status).in_(SUCCEEDED_STATUSES), *due)
            .order_by(pictures.chart_not_before, pictures.job_id)
            .limit(1)
        )
        with self._without_chart.claiming(account) as taken:
            async with self._db.transaction() as tx:
                row = (await tx.execute(first)).one_or_none()
                if row and await self._count_attempt(tx, row):
                    taken.append(Job.model_validate(json.loads(row.body)))
        return taken[0] if taken else None

    async def _count_attempt(self, tx: Transaction, row: Any) -> bool:
        """Count one try to draw the curves of a job; False where another process just did."""
        mine = update(schema.job_snapshot).where(
            *_of(row.account, row.job_id), schema.job_snapshot.c.chart_attempts == row.chart_attempts
        )
        later = {
            "chart_attempts": row.chart_attempts + 1,
            "chart_not_before": self._db.now() + _wait(row.chart_attempts + 1),
        }
        return (await tx.execute(mine.values(later))).rowcount > 0

    async def save_chart(self, account: str, job_id: str, chart: UploadedChart | None) -> None:
        """Keep the picture of a job's curves; None where there is nothing to draw, so that it is not tried again."""
        values = (
            {"chart_file_id": chart.file_id, "chart_alt_text": chart.alt_text}
            if chart
            else {"chart_attempts": MAX_TRIES}
        )
        async with self._db.transaction() as tx:
            await tx.execute(update(schema.job_snapshot).where(*_of(account, job_id)).values(values))
            if chart:
                await self._cards.bump_generation(tx, account, job_id)

    async def save_progress(self, running: RunningJob, progress: Progress | None, event_at: float | None) -> None:
        """Keep how far a job is, and when its newest event was."""
        known = {"progress": progress and json.dumps(progress.as_json()), "event_at": event_at}
        async with self._db.transaction() as tx:
            mine = update(schema.job_snapshot).where(*_of(running.account, running.job_id))
            await tx.execute(mine.values(known))
            if progress != running.progress:
                await self._cards.bump_generation(tx, running.account, running.job_id)


def _wait(tries: int) -> float:
    """Return the seconds until a job's curves are drawn again, after so many tries."""
    return float(FIRST_WAIT * 4 ** (tries - 1))


def _wait_after() -> Any:
    return case(
        {tries: _wait(tries) for tries in range(1, MAX_TRIES + 1)},
        value=schema.job_snapshot.c.chart_attempts,
        else_=0.0,
    )


def body_hash_of(body: dict[str, Any]) -> str:
    """Return what tells one description of a job from another."""
    return hashlib.sha256(json.dumps(body, sort_keys=True).encode()).hexdigest()[:32]


def _of_same_job() -> Any:
    pictures, jobs = schema.job_snapshot.c, schema.job.c
    return and_(pictures.account == jobs.account, pictures.job_id == jobs.id)


def _of(account: str, job_id: str) -> tuple[Any, ...]:
    return schema.job_snapshot.c.account == account, schema.job_snapshot.c.job_id == job_id


def _progress(row: Any) -> Progress | None:
    return Progress.from_json(json.loads(row.progress)) if row.progress else None


def _chart(row: Any) -> UploadedChart | None:
    return UploadedChart(row.chart_file_id, row.chart_alt_text) if row.chart_file_id else None


def _running_job(row: Any) -> RunningJob:
    return RunningJob(row.account, row.job_id, _progress(row), json.loads(row.body))
