"""Recorder of reads: one transaction holds the new state of a job, its change, and the deliveries of that change.

Every read of a job (a poll, ``track``, a cancel) ends here, so that changes are detected in one way. Jobs are recorded
in batches, each in its own transaction. Writes are compare-and-swap: two processes that record the same read, or one
that retries after a crash, record it once.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager

from bot.jobs.changes import Change, ChangeKind, change_between, state_of
from bot.jobs.models import Snapshot
from bot.jobs.stalled import NO_STALL_TIMEOUTS, StallTimeouts
from bot.providers.http.wire import FetchedJob
from bot.runtime.failpoints import failpoint
from bot.slack.timeouts import CHANNEL_INTERVAL
from bot.store import Store
from bot.store.channels.subscriptions import Subscription
from bot.store.channels.tracks import Track
from bot.store.db.data_errors import is_data_error
from bot.store.db.engine import Transaction
from bot.store.db.wakeups import Queue
from bot.store.jobs.cards import Card
from bot.store.jobs.changes import NewChange, RecordedChange, serialize
from bot.store.jobs.documents import body_hash_of
from bot.store.jobs.jobs import KnownJob
from bot.store.jobs.snapshots import RunningJob
from bot.tracking.batches import Batches
from bot.tracking.flap_suppression import FlapSuppression
from bot.tracking.transitions import (
    ObservedJob,
    PollResult,
    Thresholds,
    observed_jobs,
    stall_transition,
    transition,
    with_state,
)
from bot.tracking.writer import ChangeWriter, JobUpdate, count_changes, minimal_body

FinalWrite = Callable[[Transaction], Awaitable[None]]
"""A write in the transaction after all batches."""
_DIGEST_BATCH = 500
"""Jobs per query that checks whether there is anything to write."""


class Recorder:
    """Recorder of reads of jobs."""

    def __init__(
        self,
        store: Store,
        *,
        interval: float = 30.0,
        stalled_after: StallTimeouts = NO_STALL_TIMEOUTS,
        max_alerts: int | None = None,
        accounts: Collection[str] | None = None,
    ) -> None:
        """Poll each ``interval`` seconds; ``max_alerts`` as of ``FlapSuppression``, ``accounts`` as of ``ChangeWriter``."""
        self._store = store
        self.thresholds = Thresholds(interval, stalled_after)
        """Durations after which a read or a stall counts."""
        self.writer = ChangeWriter(store, self.thresholds, FlapSuppression(store, max_alerts), accounts)
        """Writes jobs and their changes, both polled and pushed."""
        self._batches = Batches(store.db)

    async def record(self, result: PollResult, *, closed: Sequence[str] = (), at_end: FinalWrite | None = None) -> int:
        """Record a poll result and return the number of changes.

        A job that cannot be stored is skipped; the others are recorded.

        Args:
            result: jobs that were read. A job that was written since its row was read is skipped.
            closed: ids of jobs that need no more polls.
            at_end: write in a last transaction after all batches, such as the end of a poll.

        Raises:
            Exception: the database failed. Batches committed before stay; ``at_end`` did not run.
        """
        changes, skipped = await self._record(result)
        if closed or at_end:
            async with self._transaction() as tx:
                await self._store.jobs.states.close(
                    tx, result.account, [job_id for job_id in closed if job_id not in skipped]
                )
                if at_end:
                    await at_end(tx)
                    # Another process may have died between a commit and the post: each whole read looks for its rows.
                    tx.wakes(*Queue)
        return changes

    async def _record(self, result: PollResult) -> tuple[int, set[str]]:
        """Record a poll result batch by batch; return the number of changes and the ids of skipped jobs."""
        changes = 0

        async def work(batch: Sequence[ObservedJob]) -> None:
            nonlocal changes
            for job in batch:
                job.prepare()
            async with self._transaction(batch) as tx:
                recorded = await self.writer.record(tx, batch)
            changes += self._count(recorded)

        skipped = await self._batches.each([job async for job in self._with_updates(observed_jobs(result))], work)
        return changes, set(skipped)

    async def _with_updates(self, jobs: Sequence[ObservedJob]) -> AsyncIterator[ObservedJob]:
        """Yield the jobs that may need a write: most need none."""
        for start in range(0, len(jobs), _DIGEST_BATCH):
            some = jobs[start : start + _DIGEST_BATCH]
            ids = [job.id for job in some]
            try:
                async with self._store.db.transaction() as tx:
                    now = await self._store.jobs.states.now(tx)
                    kept = await self._store.jobs.snapshots.body_hashes(tx, some[0].account, ids)
            except Exception as error:
                if not is_data_error(error):
                    raise
                now, kept = 0.0, dict.fromkeys(ids)  # one of these ids breaks the query
            for job in some:
                if _has_updates(job, kept, self.thresholds, now):
                    yield job

    def _count(self, recorded: Sequence[RecordedChange]) -> int:
        count_changes(recorded)
        return len(recorded)

    @asynccontextmanager
    async def _transaction(self, batch: Sequence[ObservedJob] = ()) -> AsyncIterator[Transaction]:
        async with self._batches.transaction(batch) as tx:
            yield tx
            failpoint("before_record")
        failpoint("after_record")

    async def add_track(self, track: Track, fetched: FetchedJob, known: KnownJob | None, *, card_ts: str) -> None:
        """Store a track whose card was just posted.

        Args:
            track: the track; the card in its channel shows the state in ``fetched``.
            fetched: the job as the card shows it.
            known: its row from before the read.
            card_ts: timestamp of the card.
        """
        tracks = self._store.channels.tracks
        result = PollResult(track.account, [fetched], {known.id: known} if known else {})
        async with self._transaction() as tx:
            card, _ = await self._store.jobs.cards.get_or_create(tx, track.account, track.job_id, track.channel)
            if known is None:
                # The track comes first: otherwise the channel's subscription would post a second card of a new job.
                await tracks.add(tx, [track])
            recorded = await self.writer.record(tx, observed_jobs(result))
            await tracks.add(tx, [track])
            generation = await self._rendered_generation(tx, card, fetched)
            await self._store.jobs.cards.record_post(tx, card.id, card_ts, rendered_generation=generation)
            tx.wakes(Queue.CARDS)
            await self._store.outbox.deliveries.pause_channel(tx, track.channel, CHANNEL_INTERVAL)
            if track.person:
                await self._store.channels.direct_messages.set_owner(tx, track.channel, track.person)
            await self._reconcile(tx, [(track, fetched)])
        self._count(recorded)

    async def _rendered_generation(self, tx: Transaction, card: Card, fetched: FetchedJob) -> int:
        """Return the generation that a card rendered from ``fetched`` shows: the current one unless the job changed."""
        card, _ = await self._store.jobs.cards.get_or_create(tx, card.account, card.job_id, card.channel)
        kept = await self._store.jobs.snapshots.body_hash(tx, card.account, card.job_id)
        return card.generation if kept == body_hash_of(fetched.body) else card.generation - 1

    async def _reconcile(self, tx: Transaction, new: Sequence[tuple[Track, FetchedJob]]) -> None:
        """Enqueue the changes between the state that channels were shown and the stored one, for new tracks of an account."""
        if not new:
            return
        account = new[0][0].account
        current, now = await self._store.jobs.states.lock(tx, account, [track.job_id for track, _ in new])
        changed = [
            (track, fetched, known, change)
            for track, fetched in new
            if (known := current.get(track.job_id))
            and (change := change_between(known.state, state_of(fetched.snapshot)))
        ]
        if not changed:
            return
        alerts, updates = [], []
        last = await self._store.jobs.changes.last_of(tx, account, [track.job_id for track, *_ in changed])
        for track, fetched, known, change in changed:
            latest = last.get(track.job_id)
            if latest and latest.change.kind is not ChangeKind.NEW:
                alerts.append((latest, track))
            elif known.soft_state:
                updates.append(_correction(track, known, fetched, now))
            else:
                # Another process saw the job first. Revert to the state that was shown: the next poll finds the difference.
                updates.append(JobUpdate(with_state(known, change.after, now)))
        await self.writer.enqueue(tx, account, alerts)
        await self.writer.write(tx, account, updates)

    async def subscribe(
        self, subscription: Subscription, result: PollResult, *others: tuple[Subscription, PollResult]
    ) -> None:
        """Store a subscription: matching open jobs are tracked silently, new ones will be announced.

        ``others`` are subscriptions to other accounts, stored in the same transaction.
        """
        both = ((subscription, result), *others)
        skipped = {each.account: (await self._record(read))[1] for each, read in both}
        async with self._transaction() as tx:
            for each, read in both:
                await self._subscribe_in(tx, each, read, skipped[each.account])
            await self._store.outbox.deliveries.pause_channel(tx, subscription.channel, CHANNEL_INTERVAL)
            await self._store.channels.direct_messages.set_owner(tx, subscription.channel, subscription.person)

    async def _subscribe_in(
        self, tx: Transaction, subscription: Subscription, result: PollResult, skipped: Collection[str]
    ) -> None:
        job_filter, channel = subscription.filter, subscription.channel
        fetched = {each.snapshot.id: each for each in result.fetched if each.snapshot.id not in skipped}
        known = await self.writer.tracked_elsewhere(tx, result.account, list(fetched))
        matching = [each for each in fetched.values() if not each.snapshot.is_final and job_filter.matches(each.job)]
        owners = [known.get((channel, each.snapshot.id), result.account) for each in matching]
        tracks = [
            Track(owner, each.snapshot.id, channel, None, job_filter.statuses)
            for owner, each in zip(owners, matching, strict=True)
        ]
        new = await self._store.channels.tracks.add(tx, tracks)
        # A card from an earlier track says that the job is untracked: update it.
        for owner in sorted({track.account for track in new}):
            jobs = [track.job_id for track in new if track.account == owner]
            await self._store.jobs.cards.bump_generation(tx, owner, *jobs, channel=channel)
        await self._store.channels.subscriptions.add(tx, subscription)
        pairs = zip(tracks, matching, strict=True)
        await self._reconcile(tx, [pair for pair in pairs if pair[0].account == result.account])

    async def reassign_tracks(self, accounts: Sequence[str]) -> int:
        """Reassign tracks of accounts that are no longer polled to one of ``accounts`` that sees the job; return how many.

        Changes that a channel missed meanwhile are enqueued.
        """
        reassigned = 0
        while some := await self._reassign_batch(accounts):
            reassigned += some
        return reassigned

    async def _reassign_batch(self, accounts: Sequence[str]) -> int:
        async with self._store.db.transaction() as tx:
            await self._store.db.advisory_lock(tx)
            tracks = [
                (track, _fetched_from(known))
                for track, known in await self._store.accounts.orphaned_tracks.adopt(tx, accounts)
            ]
            for account in accounts:
                await self._reconcile(tx, [each for each in tracks if each[0].account == account])
        return len(tracks)

    async def record_event(self, running: RunningJob, event_at: float) -> None:
        """Record the time of a running job's newest event: the job may have stalled, or progress again.

        A stall is judged as of the last poll, which saw the job running: it may have finished since.
        """
        account, job_id = running.account, running.job_id
        polled_at = await self._store.accounts.leases.polled_at(account)
        async with self._transaction() as tx:
            known = (await self._store.jobs.states.lock(tx, account, [job_id]))[0].get(job_id)
            tracks = await self._store.channels.tracks.of_job(tx, account, job_id)
            updates = []
            if known and polled_at and tracks and not known.missing:
                made = stall_transition(known, self.thresholds, polled_at, event_at)
                if made and made.change:
                    body = serialize({**running.body, **vars(known.state)})
                    updates = [JobUpdate(made.row, NewChange(job_id, made.row.version, made.change, body), tracks)]
            recorded = await self.writer.write(tx, account, updates)
            await self.writer.refresh_cards(tx, account, recorded)
        self._count(recorded)


def _has_updates(job: ObservedJob, kept: Mapping[str, str | None], thresholds: Thresholds, now: float) -> bool:
    """Whether a job may need a write; ``kept`` has the body hashes of jobs with a card."""
    if job.known is None or transition(job.known, job.document, thresholds, now):
        return True
    return job.document is not None and job.id in kept and kept[job.id] != job.document.body_hash


def _fetched_from(known: KnownJob) -> FetchedJob:
    """Return a job as a read that shows its stored state."""
    body = minimal_body(known)
    return FetchedJob(Snapshot.model_validate(body), body)


def _correction(track: Track, known: KnownJob, fetched: FetchedJob, now: float) -> JobUpdate:
    """Return the update that corrects one channel, whose card shows an unconfirmed state."""
    row = with_state(known, known.state, now)
    change = Change(ChangeKind.STATUS, state_of(fetched.snapshot), known.state)
    body = serialize({**fetched.body, **vars(known.state)})
    return JobUpdate(row, NewChange(known.id, row.version, change, body), [track])
