"""Recorder of calls: the runs of a batch of jobs, and what changes by them, in one transaction.

calls -> runs -> what the newest run of each job says -> change writer -> outbox
"""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import Enum, auto

from bot.jobs.progress import Progress
from bot.push.call import Call
from bot.push.merge import merged
from bot.push.pushed_job import PushedJob, Runs, has_moved, progress_after
from bot.push.thinning import MAX_POINTS, priority
from bot.runtime.failpoints import failpoint
from bot.store import Store
from bot.store.db.engine import Transaction
from bot.store.jobs.changes import RecordedChange
from bot.store.training.logs import MAX_LINES, CheckpointEntry, LogEntry
from bot.store.training.metrics import Point
from bot.store.training.runs import Run, in_order
from bot.tracking.transitions import ObservedJob
from bot.tracking.writer import ChangeWriter, count_changes

MAX_OPEN_JOBS = 600
"""Unfinished jobs of an account with a call within a day."""
MAX_RUNS = 50
"""Runs that are kept of a job."""
_THIN_AFTER = 1.2 * MAX_POINTS
_DAY = 86_400.0


@dataclass(frozen=True)
class ReceivedCall:
    """A call that arrived."""

    job_id: str
    call: Call
    at: float
    """When it arrived, Unix seconds by our clock."""


class Acceptance(Enum):
    """What the answer to a call says."""

    STORED = auto()
    CANCEL = auto()
    """Stored, and the trainer is to stop."""
    TOO_MANY_JOBS = auto()
    """Not stored: the account has too many unfinished jobs."""


class PushRecorder:
    """Recorder of the calls of one account."""

    def __init__(self, account: str, store: Store, writer: ChangeWriter) -> None:
        self._account = account
        self._store = store
        self._writer = writer

    async def is_database_reachable(self) -> bool:
        """Whether the database responds, after a timeout."""
        return await self._store.db.is_reachable()

    async def record(self, calls: Sequence[ReceivedCall]) -> dict[str, Acceptance]:
        """Record calls in one transaction; return what the answers say, by job ID.

        Raises:
            Exception: the database failed, or rejected the data of one of them; nothing was stored.
        """
        failpoint("before_push")
        async with self._store.db.transaction() as tx:
            accepted, recorded = await self._record(tx, calls)
        failpoint("after_push")
        count_changes(recorded)
        return accepted

    async def _record(
        self, tx: Transaction, calls: Sequence[ReceivedCall]
    ) -> tuple[dict[str, Acceptance], list[RecordedChange]]:
        runs, account = self._store.training.runs, self._account
        job_ids = sorted({each.job_id for each in calls})
        requested = await runs.lock(tx, account, job_ids)
        stored = await runs.stored(tx, account, job_ids)
        rejected = await self._beyond_limit(tx, [each for each in job_ids if each not in stored], calls[0].at)
        kept = [each for each in calls if each.job_id not in rejected]
        before = {job_id: each.runs for job_id, each in stored.items()}
        jobs = [
            PushedJob(job_id, before.get(job_id, {}), after, requested[job_id])
            for job_id, after in _merged(before, kept).items()
        ]
        await self._save(tx, jobs, kept)
        changed = [job for job in jobs if job.id not in stored or not job.is_as_recorded(stored[job.id].stalled_since)]
        recorded = await self._write(tx, changed) if changed else []
        progress = {job_id: each.progress for job_id, each in stored.items() if each.has_snapshot}
        if changed:  # their snapshots may be new
            progress |= await self._store.jobs.snapshots.progress_of(tx, account, [job.id for job in changed])
        await self._save_progress(tx, jobs, kept, progress)
        acceptance = {job.id: Acceptance.CANCEL if job.cancel_pending else Acceptance.STORED for job in jobs}
        return acceptance | dict.fromkeys(rejected, Acceptance.TOO_MANY_JOBS), recorded

    async def _beyond_limit(self, tx: Transaction, new: Sequence[str], now: float) -> Sequence[str]:
        """Return the new jobs that are too many."""
        if not new:
            return ()
        count = await self._store.training.runs.count_open(tx, self._account, now - _DAY)
        return new[max(0, MAX_OPEN_JOBS - count) :]

    async def _save(self, tx: Transaction, jobs: Sequence[PushedJob], calls: Sequence[ReceivedCall]) -> None:
        """Save runs with what they sent; long series and logs are cut."""
        training, account = self._store.training, self._account
        await training.metrics.add(tx, account, [point for each in calls for point in _points(each)])
        await training.logs.add_lines(tx, account, [line for each in calls for line in _lines(each)])
        await training.logs.add_checkpoints(tx, account, [saved for each in calls for saved in _checkpoints(each)])
        rows = []
        for job in jobs:
            runs = in_order(job.after.values())
            if dropped := [run.id for run in runs[:-MAX_RUNS]]:
                await training.runs.remove(tx, account, job.id, dropped)
            for run in runs[-MAX_RUNS:]:
                announced = job.status if run is job.newest else run.announced
                is_long = run.points > _THIN_AFTER and run != job.before.get(run.id)
                if is_long:
                    await training.metrics.thin(tx, account, job.id, run.id, MAX_POINTS)
                row = replace(run, announced=announced, points=0 if is_long else run.points)
                rows += [(job.id, row)] if row != job.before.get(run.id) else []
        await training.runs.save(tx, account, rows)
        for job_id, run_id in {(each.job_id, each.call.run) for each in calls if _may_be_long(each.call)}:
            await training.logs.trim(tx, account, job_id, run_id, MAX_LINES)
        if ended := [job.id for job in jobs if job.newest.is_final and job.cancel_requested]:
            await training.runs.request_cancel(tx, account, ended, requested=False)

    async def _write(self, tx: Transaction, jobs: Sequence[PushedJob]) -> list[RecordedChange]:
        """Write the changes of jobs: first the start of a run, then its present state."""
        states, account = self._store.jobs.states, self._account
        if not all(job.before for job in jobs):
            # A new job may be tracked in another account. This lock comes before those of jobs' rows, to avoid deadlocks.
            await self._store.db.advisory_lock(tx)
        known, _ = await states.lock(tx, account, [job.id for job in jobs])
        jobs = [replace(job, known=known.get(job.id)) for job in jobs]
        documents = {job.id: job.documents() for job in jobs}
        recorded: list[RecordedChange] = []
        for nth in range(max(map(len, documents.values()), default=0)):
            ids = [job_id for job_id, each in documents.items() if len(each) > nth]
            if nth:
                known = (await states.lock(tx, account, ids))[0]
            observed = [ObservedJob(account, job_id, known.get(job_id), documents[job_id][nth]) for job_id in ids]
            recorded += await self._writer.record(tx, observed)
        await states.close(tx, account, [job.id for job in jobs if job.newest.is_final])
        return recorded

    async def _save_progress(
        self,
        tx: Transaction,
        jobs: Sequence[PushedJob],
        calls: Sequence[ReceivedCall],
        kept: Mapping[str, Progress | None],
    ) -> None:
        """Save the progress of the jobs that have a card; ``kept`` is what it was before."""
        sent: dict[str, list[ReceivedCall]] = defaultdict(list)
        for each in calls:
            sent[each.job_id].append(each)
        new = {
            job.id: progress_after(job, [each.call for each in sent[job.id]], kept[job.id])
            for job in jobs
            if job.id in kept
        }
        changed = {job_id: each for job_id, each in new.items() if each and has_moved(kept[job_id], each)}
        await self._store.jobs.snapshots.save_pushed(tx, self._account, changed)


def _merged(before: Mapping[str, Runs], calls: Sequence[ReceivedCall]) -> dict[str, dict[str, Run]]:
    after = {each.job_id: dict(before.get(each.job_id, {})) for each in calls}
    for each in calls:
        runs = after[each.job_id]
        runs[each.call.run] = merged(runs.get(each.call.run), each.call, each.at)
    return after


def _points(received: ReceivedCall) -> list[Point]:
    call = received.call
    return [
        Point(received.job_id, call.run, series, step, call.seq, value, priority(step))
        for step, values in call.metrics
        for series, value in values.items()
    ]


def _lines(received: ReceivedCall) -> list[LogEntry]:
    call = received.call
    return [
        LogEntry(received.job_id, call.run, each.n, each.at, each.level, each.message)
        for each in {line.n: line for line in call.logs}.values()
    ]


def _checkpoints(received: ReceivedCall) -> list[CheckpointEntry]:
    call = received.call
    return [
        CheckpointEntry(received.job_id, call.run, each.step, call.seq, call.at, each.model)
        for each in call.checkpoints
    ]


def _may_be_long(call: Call) -> bool:
    """Whether a call is of a run that may have more lines or checkpoints than are kept."""
    return any(line.n >= MAX_LINES for line in call.logs) or bool(call.checkpoints)
