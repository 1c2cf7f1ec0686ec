"""Write down what was read of jobs: one transaction holds a job's new state, its change, and what is owed for it.

Whatever looks at a job (a sweep, ``track``, a cancel) ends here, so that there is one way to see a change. Many jobs
are recorded in batches, each its own transaction; what each holds is compared and swapped, so that two who record the
same, or one who begins again after a crash, record it once.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import asynccontextmanager

from bot.jobs.changes import Change, ChangeKind, change_between, state_of
from bot.jobs.models import Snapshot
from bot.jobs.stalled import NEVER, StuckAfter
from bot.providers.wire import Reading
from bot.runtime.failpoints import crash_point
from bot.slack.timeouts import PACE
from bot.store import Store
from bot.store.channels.tracks import Subscription, Track
from bot.store.db.engine import Transaction
from bot.store.db.refusals import is_about_data
from bot.store.jobs.cards import Card
from bot.store.jobs.changes import Fact, RecordedChange, stored
from bot.store.jobs.jobs import KnownJob
from bot.store.jobs.snapshots import Running, digest_of
from bot.telemetry import metrics
from bot.tracking.batches import Batches
from bot.tracking.damping import Damping
from bot.tracking.transitions import Observation, Patience, Seen, observations, standstill, step, swapped
from bot.tracking.writer import Entry, Ledger, described

Ending = Callable[[Transaction], Awaitable[None]]
"""Something that is stored once all that was read is."""
_AT_ONCE = 500
"""Jobs of which one question asks whether there is something to write."""


class Recorder:
    """Records what was seen, and wakes the sender when it owes something."""

    def __init__(
        self,
        store: Store,
        *,
        wake: Callable[[], None],
        interval: float = 30.0,
        stuck_after: StuckAfter = NEVER,
        most_alerts: int | None = None,
        accounts: Collection[str] | None = None,
    ) -> None:
        """Take what it needs; ``interval`` is that of sweeps, ``most_alerts`` as of ``Damping``, ``accounts`` as of ``Ledger``."""
        self._store = store
        self._wake = wake
        self._patience = Patience(interval, stuck_after)
        self._ledger = Ledger(store, self._patience, Damping(store, most_alerts), accounts)
        self._batches = Batches(store.db)

    async def record(self, seen: Seen, *, settled: Sequence[str] = (), at_end: Ending | None = None) -> int:
        """Record what was read; return how many changes that were.

        A job that cannot be stored is passed over; the others are recorded.

        Args:
            seen: what was read. A job that somebody else wrote to since it was known is left alone.
            settled: ids of jobs of which nothing more is expected.
            at_end: what else is stored once all of it is, as the end of a whole sweep is.

        Raises:
            Exception: the database is away. What was recorded until then stays; the end has not come.
        """
        changes, skipped = await self._record(seen)
        if settled or at_end:
            async with self._transaction() as tx:
                await self._store.jobs.settle(tx, seen.account, [job_id for job_id in settled if job_id not in skipped])
                if at_end:
                    await at_end(tx)
        if at_end:
            self._wake()
        return changes

    async def _record(self, seen: Seen) -> tuple[int, set[str]]:
        """Record what was read, batch by batch; return how many changes that were, and the ids of those passed over."""
        changes = 0

        async def work(batch: Sequence[Observation]) -> None:
            nonlocal changes
            for job in batch:
                job.prepare()
            async with self._transaction(batch) as tx:
                recorded = await self._ledger.enter(tx, batch)
            changes += self._count(recorded)

        skipped = await self._batches.each([job async for job in self._with_news(observations(seen))], work)
        return changes, set(skipped)

    async def _with_news(self, jobs: Sequence[Observation]) -> AsyncIterator[Observation]:
        """Yield the jobs of which there may be something to write: of most there is nothing."""
        for start in range(0, len(jobs), _AT_ONCE):
            some = jobs[start : start + _AT_ONCE]
            ids = [job.id for job in some]
            try:
                async with self._store.db.transaction() as tx:
                    now = await self._store.jobs.now(tx)
                    kept = await self._store.pictures.digests(tx, some[0].account, ids)
            except Exception as error:
                if not is_about_data(error):
                    raise
                now, kept = 0.0, dict.fromkeys(ids)  # one of these ids cannot even be asked for
            for job in some:
                if _has_news(job, kept, self._patience, now):
                    yield job

    def _count(self, recorded: Sequence[RecordedChange]) -> int:
        for each in recorded:
            metrics.CHANGES.labels(each.account, each.change.kind).inc()
        if recorded:
            self._wake()
        return len(recorded)

    @asynccontextmanager
    async def _transaction(self, batch: Sequence[Observation] = ()) -> AsyncIterator[Transaction]:
        async with self._batches.transaction(batch) as tx:
            yield tx
            crash_point("before_record")
        crash_point("after_record")

    async def follow(self, track: Track, reading: Reading, known: KnownJob | None, *, card_ts: str) -> None:
        """Store a track whose card was just posted.

        Args:
            track: who follows what; its channel has seen the state in ``reading`` on the card.
            reading: the job as the card shows it.
            known: the job as it was known before it was read.
            card_ts: where the card stands.
        """
        tracks = self._store.tracks
        seen = Seen(track.account, [reading], {known.id: known} if known else {})
        async with self._transaction() as tx:
            place, _ = await self._store.cards.of(tx, track.account, track.job_id, track.channel)
            if known is None:
                # The track comes first: a job that is new to the channel's subscription needs no second card.
                await tracks.add(tx, [track])
            recorded = await self._ledger.enter(tx, observations(seen))
            await tracks.add(tx, [track])
            shows = await self._shown_by(tx, place, reading)
            await self._store.cards.place(tx, place.id, card_ts, shows=shows)
            await self._store.outbox.rest(tx, track.channel, PACE)
            if track.person:
                await self._store.direct.belongs_to(tx, track.channel, track.person)
            await self._catch_up(tx, [(track, reading)])
        self._count(recorded)
        self._wake()

    async def _shown_by(self, tx: Transaction, place: Card, reading: Reading) -> int:
        """Return what a card shows that was drawn from ``reading``: the present, unless that is another by now."""
        place, _ = await self._store.cards.of(tx, place.account, place.job_id, place.channel)
        kept = await self._store.pictures.digest(tx, place.account, place.job_id)
        return place.wanted if kept == digest_of(reading.body) else place.wanted - 1

    async def _catch_up(self, tx: Transaction, new: Sequence[tuple[Track, Reading]]) -> None:
        """Owe channels what changed between what they were shown of jobs of an account and their tracks of them."""
        if not new:
            return
        account = new[0][0].account
        present, now = await self._store.jobs.lock(tx, account, [track.job_id for track, _ in new])
        moved = [
            (track, reading, known, back)
            for track, reading in new
            if (known := present.get(track.job_id))
            and (back := change_between(known.state, state_of(reading.snapshot)))
        ]
        if not moved:
            return
        owed, entries = [], []
        last = await self._store.changes.last_of(tx, account, [track.job_id for track, *_ in moved])
        for track, reading, known, back in moved:
            missed = last.get(track.job_id)
            if missed and missed.change.kind is not ChangeKind.NEW:
                owed.append((missed, track))
            elif known.doubt:
                entries.append(_set_right(track, known, reading, now))
            else:
                # Somebody saw the job first meanwhile. Back to what was shown: the next sweep finds the difference.
                entries.append(Entry(swapped(known, back.after, now)))
        await self._ledger.owe(tx, account, owed)
        await self._ledger.write(tx, account, entries)

    async def subscribe(self, subscription: Subscription, seen: Seen, *others: tuple[Subscription, Seen]) -> None:
        """Store a subscription: open jobs that it takes are tracked without a word, new ones will be announced.

        ``others`` are those to other accounts, stored with it or not at all.
        """
        both = ((subscription, seen), *others)
        skipped = {each.account: (await self._record(read))[1] for each, read in both}
        async with self._transaction() as tx:
            for each, read in both:
                await self._subscribe_in(tx, each, read, skipped[each.account])
            await self._store.outbox.rest(tx, subscription.channel, PACE)
            await self._store.direct.belongs_to(tx, subscription.channel, subscription.person)
        self._wake()

    async def _subscribe_in(
        self, tx: Transaction, subscription: Subscription, seen: Seen, skipped: Collection[str]
    ) -> None:
        wanted, channel = subscription.filter, subscription.channel
        readings = {each.snapshot.id: each for each in seen.readings if each.snapshot.id not in skipped}
        known = await self._ledger.followed_elsewhere(tx, seen.account, list(readings))
        taken = [each for each in readings.values() if not each.snapshot.is_final and wanted.takes(each.job)]
        owners = [known.get((channel, each.snapshot.id), seen.account) for each in taken]
        tracks = [
            Track(owner, each.snapshot.id, channel, None, wanted.statuses)
            for owner, each in zip(owners, taken, strict=True)
        ]
        new = await self._store.tracks.add(tx, tracks)
        # One that was untracked here before has a card that says so.
        for owner in sorted({track.account for track in new}):
            jobs = [track.job_id for track in new if track.account == owner]
            await self._store.cards.want(tx, owner, *jobs, channel=channel)
        await self._store.tracks.subscribe(tx, subscription)
        pairs = zip(tracks, taken, strict=True)
        await self._catch_up(tx, [pair for pair in pairs if pair[0].account == seen.account])

    async def inherit(self, accounts: Sequence[str]) -> int:
        """Let jobs of accounts that are not read any more be told by one of ``accounts`` that sees them; return how many.

        A channel that missed what became of one, because it was told by the account that is gone, hears it now.
        """
        inherited = 0
        while some := await self._inherit_some(accounts):
            inherited += some
        return inherited

    async def _inherit_some(self, accounts: Sequence[str]) -> int:
        async with self._store.db.transaction() as tx:
            await self._store.db.one_at_a_time(tx)
            left = [(track, _reading_of(shown)) for track, shown in await self._store.heirs.inherit(tx, accounts)]
            for account in accounts:
                await self._catch_up(tx, [each for each in left if each[0].account == account])
        return len(left)

    async def hear(self, running: Running, event_at: float) -> None:
        """Record when the newest line of a running job's log was written: whether it stands still, or moves again.

        That it stands still is judged as of the last sweep, which saw it running: meanwhile it may be over.
        """
        account, job_id = running.account, running.job_id
        swept_at = await self._store.accounts.swept_at(account)
        async with self._transaction() as tx:
            known = (await self._store.jobs.lock(tx, account, [job_id]))[0].get(job_id)
            tracks = await self._store.tracks.of_job(tx, account, job_id)
            entries = []
            if known and swept_at and tracks and not known.gone:
                made = standstill(known, self._patience, swept_at, event_at)
                if made and made.change:
                    body = stored({**running.body, **vars(known.state)})
                    entries = [Entry(made.row, Fact(job_id, made.row.version, made.change, body), tracks)]
            recorded = await self._ledger.write(tx, account, entries)
            await self._ledger.redraw(tx, account, recorded)
        self._count(recorded)


def _has_news(job: Observation, kept: Mapping[str, str | None], patience: Patience, now: float) -> bool:
    """Whether there may be something to write of a job; ``kept`` tells the descriptions of those that have a card."""
    if job.known is None or step(job.known, job.sight, patience, now):
        return True
    return job.sight is not None and job.id in kept and kept[job.id] != job.sight.digest


def _reading_of(known: KnownJob) -> Reading:
    """Return a read that shows a job as it is stored."""
    body = described(known)
    return Reading(Snapshot.model_validate(body), body)


def _set_right(track: Track, known: KnownJob, reading: Reading, now: float) -> Entry:
    """Tell one channel, whose card shows a state that is not believed, the one that is."""
    row = swapped(known, known.state, now)
    change = Change(ChangeKind.STATUS, state_of(reading.snapshot), known.state)
    body = stored({**reading.body, **vars(known.state)})
    return Entry(row, Fact(known.id, row.version, change, body), [track])
