"""Silence: alerts once about a trainer that sends no heartbeat, and about a job that makes no progress.

This process's monotonic clock measures silence, starting when it first saw the trainer's last call, so neither a restart of
the bot nor a change of the system clock causes a false alert.
"""

import asyncio
from collections.abc import Mapping, Sequence
from dataclasses import replace

from bot.jobs.changes import Change, ChangeKind
from bot.push.pushed_job import PushedJob
from bot.push.receiver import PushReceiver
from bot.runtime.clock import Clock
from bot.store import Store
from bot.store.jobs.changes import NewChange
from bot.store.jobs.jobs import KnownJob
from bot.store.training.runs import Run, in_order
from bot.telemetry import metrics
from bot.tracking.transitions import Thresholds, stall_transition
from bot.tracking.writer import ChangeWriter, JobUpdate, count_changes

MISSED_HEARTBEATS = 3
"""Heartbeats in a row without which a trainer is silent."""
LEASE = 30.0
"""Seconds for which one process notes that the account was checked."""


class HeartbeatCheck:
    """The poll of an account whose trainers push their jobs: it looks for those that no longer do."""

    is_failing = False
    """There is no API that could fail."""

    def __init__(
        self, receiver: PushReceiver, store: Store, writer: ChangeWriter, thresholds: Thresholds, *, monotonic: Clock
    ) -> None:
        self.account = receiver.account
        self.receiver = receiver
        """Takes the calls of the account's trainers."""
        self._store = store
        self._writer = writer
        self._thresholds = thresholds
        self._monotonic = monotonic
        self._lock = asyncio.Lock()
        self._broken = False
        self._seen: dict[str, tuple[float, float]] = {}
        """By job: when its trainer called last, and when this process saw that first, by the monotonic clock."""

    @property
    def is_broken(self) -> bool:
        """Whether the last check failed: the database is away or full, or there is a bug."""
        return self._broken

    async def close(self) -> None:
        """Do nothing: no request is in flight."""

    async def poll(self, *, older_than: float = 0.0) -> float | None:
        """Check once. Every process does, because each has a clock of its own; one of them records what is found."""
        async with self._lock:
            try:
                await self._check()
                await self._note(older_than)
            except Exception:
                self._broken = True
                self._seen = {}  # trainers are not heard while the database is away
                raise
            self._broken = False
            return None

    async def _check(self) -> None:
        async with self._store.db.transaction() as tx:
            found = await self._store.training.runs.open(tx, self.account)
            now = await self._store.jobs.states.now(tx)
        newest = {job_id: in_order(runs.values())[-1] for job_id, (runs, _) in found.items()}
        newest = {job_id: run for job_id, run in newest.items() if run.called_at != found[job_id][1]}
        if self.receiver.is_failing:
            self._seen = {}
        silent = self._silent(newest)
        watched = [job_id for job_id, run in newest.items() if job_id not in silent and self._may_be_stalled(run, now)]
        if silent or watched:
            await self._record(silent, watched)

    def _silent(self, newest: Mapping[str, Run]) -> dict[str, float]:
        """Return when the trainers that are silent were last heard, by job."""
        monotonic, before = self._monotonic(), self._seen
        self._seen = {
            job_id: seen if (seen := before.get(job_id)) and seen[0] == run.called_at else (run.called_at, monotonic)
            for job_id, run in newest.items()
        }
        return {
            job_id: run.called_at
            for job_id, run in newest.items()
            if run.status == "running"
            and monotonic - self._seen[job_id][1] >= MISSED_HEARTBEATS * float(run.state["heartbeat"])
        }

    def _may_be_stalled(self, run: Run, now: float) -> bool:
        """Whether a job may be without progress for too long, which its row decides."""
        timeouts = [each for each in vars(self._thresholds.stalled_after).values() if each is not None]
        return bool(timeouts) and now - run.active_at > min(timeouts)

    async def _note(self, older_than: float) -> None:
        """Note that the account was checked, unless another process did."""
        leases = self._store.accounts.leases
        if lease := await leases.claim(self.account, lease=LEASE, min_age=older_than):
            async with self._store.db.transaction() as tx:
                await leases.complete(tx, lease)
        metrics.POLLS.labels(self.account, "ok").inc()

    async def _record(self, silent: Mapping[str, float], watched: Sequence[str]) -> None:
        """Record that trainers are silent, or that jobs make no progress.

        Args:
            silent: when the trainer of each job was last heard; a job that was heard since is not silent.
            watched: other running jobs.
        """
        account, ids = self.account, sorted({*silent, *watched})
        async with self._store.db.transaction() as tx:
            requested = await self._store.training.runs.lock(tx, account, ids)
            runs = await self._store.training.runs.of_jobs(tx, account, ids)
            known, now = await self._store.jobs.states.lock(tx, account, ids)
            tracks = await self._store.channels.tracks.of_jobs(tx, account, ids)
            updates, documents = [], []
            for job_id in runs:
                job = PushedJob(job_id, runs[job_id], runs[job_id], requested[job_id], known.get(job_id))
                if job.known and job_id in tracks and (row := self._stalled(job, silent.get(job_id), now)):
                    change, document = row[1], job.document(job.status, silent=row[1].kind is ChangeKind.SILENT)
                    new = NewChange(job_id, row[0].version, change, document.serialized)
                    updates.append(JobUpdate(row[0], new, tracks[job_id]))
                    documents.append(document)
            recorded = await self._writer.write(tx, account, updates)
            await self._writer.refresh_cards(tx, account, recorded)
            await self._store.jobs.snapshots.save(tx, account, documents)
        count_changes(recorded)

    def _stalled(self, job: PushedJob, silent_since: float | None, now: float) -> tuple[KnownJob, Change] | None:
        """Return the new row of a job and its change, if it is silent or makes no progress and no alert said so."""
        known, newest = job.known, job.newest
        if known is None or newest.is_final:
            return None
        if silent_since is not None and newest.called_at == silent_since:
            row = replace(known, version=known.version + 1, stalled_since=silent_since)
            return row, Change(ChangeKind.SILENT, known.state, known.state, stalled_for=now - silent_since)
        if known.stalled_since is not None:
            return None
        made = stall_transition(known, self._thresholds, now, newest.active_at)
        return (made.row, made.change) if made and made.change else None
