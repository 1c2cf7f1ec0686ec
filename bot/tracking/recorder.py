"""Write down what was read of jobs: one transaction holds a job's new state, its change, and what is owed for it.

Whatever looks at a job (a sweep, ``track``, a cancel) ends here, so that there is one way to see a change. Many jobs
are recorded in batches, each its own transaction; what each holds is compared and swapped, so that two who record the
same, or one who begins again after a crash, record it once.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager

from bot.jobs.changes import Change, ChangeKind, change_between, state_of
from bot.jobs.models import Snapshot
from bot.jobs.stalled import NO_STALL_TIMEOUTS, StallTimeouts
from bot.providers.wire import FetchedJob
from bot.runtime.failpoints import failpoint
from bot.slack.timeouts import CHANNEL_INTERVAL
from bot.store import Store
from bot.store.channels.tracks import Subscription, Track
from bot.store.db.engine import Transaction
from bot.store.db.refusals import is_data_error
from bot.store.db.wakeups import Queue
from bot.store.jobs.cards import Card
from bot.store.jobs.changes import NewChange, RecordedChange, serialize
from bot.store.jobs.jobs import KnownJob
from bot.store.jobs.snapshots import RunningJob, body_hash_of
from bot.telemetry import metrics
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
from bot.tracking.writer import ChangeWriter, JobUpdate, minimal_body

FinalWrite = Callable[[Transaction], Awaitable[None]]
"""Something that is stored once all that was read is."""
_DIGEST_BATCH = 500
"""Jobs of which one question asks whether there is something to write."""


class Recorder:
    """Records what was read of jobs."""

    def __init__(
        self,
        store: Store,
        *,
        interval: float = 30.0,
        stalled_after: StallTimeouts = NO_STALL_TIMEOUTS,
        max_alerts: int | None = None,
        accounts: Collection[str] | None = None,
    ) -> None:
        """Take what it needs; ``interval`` is that of sweeps, ``max_alerts`` as of ``FlapSuppression``, ``accounts`` as of ``ChangeWriter``."""
        self._store = store
        self._thresholds = Thresholds(interval, stalled_after)
        self._writer = ChangeWriter(store, self._thresholds, FlapSuppression(store, max_alerts), accounts)
        self._batches = Batches(store.db)

    async def record(self, result: PollResult, *, closed: Sequence[str] = (), at_end: FinalWrite | None = None) -> int:
        """Record what was read; return how many changes that were.

        A job that cannot be stored is passed over; the others are recorded.

        Args:
            result: what was read. A job that somebody else wrote to since it was known is left alone.
            closed: ids of jobs of which nothing more is expected.
            at_end: what else is stored once all of it is, as the end of a whole sweep is.

        Raises:
            Exception: the database is away. What was recorded until then stays; the end has not come.
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
        """Record what was read, batch by batch; return how many changes that were, and the ids of those passed over."""
        changes = 0

        async def work(batch: Sequence[ObservedJob]) -> None:
            nonlocal changes
            for job in batch:
                job.prepare()
            async with self._transaction(batch) as tx:
                recorded = await self._writer.record(tx, batch)
            changes += self._count(recorded)

        skipped = await self._batches.each([job async for job in self._with_updates(observed_jobs(result))], work)
        return changes, set(skipped)

    async def _with_updates(self, jobs: Sequence[ObservedJob]) -> AsyncIterator[ObservedJob]:
        """Yield the jobs of which there may be something to write: of most there is nothing."""
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
                now, kept = 0.0, dict.fromkeys(ids)  # one of these ids cannot even be asked for
            for job in some:
                if _has_updates(job, kept, self._thresholds, now):
                    yield job

    def _count(self, recorded: Sequence[RecordedChange]) -> int:
        for each in recorded:
            metrics.CHANGES.labels(each.account, each.change.kind).inc()
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
            track: who follows what; its channel has seen the state in ``fetched`` on the card.
            fetched: the job as the card shows it.
            known: the job as it was known before it was read.
            card_ts: where the card stands.
        """
        tracks = self._store.channels.tracks
        result = PollResult(track.account, [fetched], {known.id: known} if known else {})
        async with self._transaction() as tx:
            place, _ = await self._store.jobs.cards.get_or_create(tx, track.account, track.job_id, track.channel)
            if known is None:
                # The track comes first: a job that is new to the channel's subscription needs no second card.
                await tracks.add(tx, [track])
            recorded = await self._writer.record(tx, observed_jobs(result))
            await tracks.add(tx, [track])
            generation = await self._generation_shown(tx, place, fetched)
            await self._store.jobs.cards.record_post(tx, place.id, card_ts, rendered_generation=generation)
            tx.wakes(Queue.CARDS)
            await self._store.outbox.deliveries.pause_channel(tx, track.channel, CHANNEL_INTERVAL)
            if track.person:
                await self._store.channels.direct_messages.set_owner(tx, track.channel, track.person)
            await self._reconcile(tx, [(track, fetched)])
        self._count(recorded)

    async def _generation_shown(self, tx: Transaction, place: Card, fetched: FetchedJob) -> int:
        """Return what a card shows that was drawn from ``fetched``: the present, unless that is another by now."""
        place, _ = await self._store.jobs.cards.get_or_create(tx, place.account, place.job_id, place.channel)
        kept = await self._store.jobs.snapshots.body_hash(tx, place.account, place.job_id)
        return place.generation if kept == body_hash_of(fetched.body) else place.generation - 1

    async def _reconcile(self, tx: Transaction, new: Sequence[tuple[Track, FetchedJob]]) -> None:
        """Owe channels what changed between what they were shown of jobs of an account and their tracks of them."""
        if not new:
            return
        account = new[0][0].account
        present, now = await self._store.jobs.states.lock(tx, account, [track.job_id for track, _ in new])
        moved = [
            (track, reading, known, back)
            for track, reading in new
            if (known := present.get(track.job_id))
            and (back := change_between(known.state, state_of(reading.snapshot)))
        ]
        if not moved:
            return
        owed, entries = [], []
        last = await self._store.jobs.changes.last_of(tx, account, [track.job_id for track, *_ in moved])
        for track, reading, known, back in moved:
            missed = last.get(track.job_id)
            if missed and missed.change.kind is not ChangeKind.NEW:
                owed.append((missed, track))
            elif known.soft_state:
                entries.append(_correction(track, known, reading, now))
            else:
                # Somebody saw the job first meanwhile. Back to what was shown: the next sweep finds the difference.
                entries.append(JobUpdate(with_state(known, back.after, now)))
        await self._writer.enqueue(tx, account, owed)
        await self._writer.write(tx, account, entries)

    async def subscribe(
        self, subscription: Subscription, result: PollResult, *others: tuple[Subscription, PollResult]
    ) -> None:
        """Store a subscription: open jobs that it takes are tracked without a word, new ones will be announced.

        ``others`` are those to other accounts, stored with it or not at all.
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
        wanted, channel = subscription.filter, subscription.channel
        fetched = {each.snapshot.id: each for each in result.fetched if each.snapshot.id not in skipped}
        known = await self._writer.followed_elsewhere(tx, result.account, list(fetched))
        taken = [each for each in fetched.values() if not each.snapshot.is_final and wanted.matches(each.job)]
        owners = [known.get((channel, each.snapshot.id), result.account) for each in taken]
        tracks = [
            Track(owner, each.snapshot.id, channel, None, wanted.statuses)
            for owner, each in zip(owners, taken, strict=True)
        ]
        new = await self._store.channels.tracks.add(tx, tracks)
        # One that was untracked here before has a card that says so.
        for owner in sorted({track.account for track in new}):
            jobs = [track.job_id for track in new if track.account == owner]
            await self._store.jobs.cards.bump_generation(tx, owner, *jobs, channel=channel)
        await self._store.channels.tracks.subscribe(tx, subscription)
        pairs = zip(tracks, taken, strict=True)
        await self._reconcile(tx, [pair for pair in pairs if pair[0].account == result.account])

    async def reassign_tracks(self, accounts: Sequence[str]) -> int:
        """Let jobs of accounts that are not read any more be told by one of ``accounts`` that sees them; return how many.

        A channel that missed what became of one, because it was told by the account that is gone, hears it now.
        """
        reassigned = 0
        while some := await self._reassign_batch(accounts):
            reassigned += some
        return reassigned

    async def _reassign_batch(self, accounts: Sequence[str]) -> int:
        async with self._store.db.transaction() as tx:
            await self._store.db.advisory_lock(tx)
            left = [
                (track, _fetched_from(shown))
                for track, shown in await self._store.accounts.orphaned_tracks.adopt(tx, accounts)
            ]
            for account in accounts:
                await self._reconcile(tx, [each for each in left if each[0].account == account])
        return len(left)

    async def record_event(self, running: RunningJob, event_at: float) -> None:
        """Record when the newest line of a running job's log was written: whether it stands still, or moves again.

        That it stands still is judged as of the last sweep, which saw it running: meanwhile it may be over.
        """
        account, job_id = running.account, running.job_id
        polled_at = await self._store.accounts.leases.polled_at(account)
        async with self._transaction() as tx:
            known = (await self._store.jobs.states.lock(tx, account, [job_id]))[0].get(job_id)
            tracks = await self._store.channels.tracks.of_job(tx, account, job_id)
            entries = []
            if known and polled_at and tracks and not known.missing:
                made = stall_transition(known, self._thresholds, polled_at, event_at)
                if made and made.change:
                    body = serialize({**running.body, **vars(known.state)})
                    entries = [JobUpdate(made.row, NewChange(job_id, made.row.version, made.change, body), tracks)]
            recorded = await self._writer.write(tx, account, entries)
            await self._writer.refresh_cards(tx, account, recorded)
        self._count(recorded)


def _has_updates(job: ObservedJob, kept: Mapping[str, str | None], thresholds: Thresholds, now: float) -> bool:
    """Whether there may be something to write of a job; ``kept`` tells the descriptions of those that have a card."""
    if job.known is None or transition(job.known, job.fetched, thresholds, now):
        return True
    return job.fetched is not None and job.id in kept and kept[job.id] != job.fetched.body_hash


def _fetched_from(known: KnownJob) -> FetchedJob:
    """Return a read that shows a job as it is stored."""
    body = minimal_body(known)
    return FetchedJob(Snapshot.model_validate(body), body)


def _correction(track: Track, known: KnownJob, fetched: FetchedJob, now: float) -> JobUpdate:
    """Tell one channel, whose card shows a state that is not believed, the one that is."""
    row = with_state(known, known.state, now)
    change = Change(ChangeKind.STATUS, state_of(fetched.snapshot), known.state)
    body = serialize({**fetched.body, **vars(known.state)})
    return JobUpdate(row, NewChange(known.id, row.version, change, body), [track])
