"""Write down what was read of jobs: one transaction holds the new state, the change, and what is owed for it.

Whatever looks at a job (a sweep, ``track``, a cancel) ends here, so that there is one way to see a change.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

from bot import metrics
from bot.alerts.retry import PACE
from bot.alerts.routes import channels_for, is_told, pictures
from bot.config import StuckAfter
from bot.crash import crash_point
from bot.jobs.changes import Change, ChangeKind, change_between, first_change, state_of
from bot.jobs.doubt import Verdict, is_given_up, is_gone, judge
from bot.jobs.stuck import NEVER, stuck_since
from bot.providers.wire import Reading
from bot.store import Store
from bot.store.cards import Card
from bot.store.changes import RecordedChange
from bot.store.engine import Transaction
from bot.store.jobs import FIRST_VERSION, KnownJob
from bot.store.outbox import Planned
from bot.store.pictures import Running, digest_of
from bot.store.tracks import Subscription, Track

Ending = Callable[[Transaction], Awaitable[None]]
"""Something that is stored in the transaction of what was read."""


@dataclass(frozen=True)
class Seen:
    """What was read of some jobs of an account, and what was known before the request."""

    account: str
    readings: Sequence[Reading]
    known: Mapping[str, KnownJob]
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Why jobs failed, from their logs, by id."""
    late: bool = False
    """Whether nobody was looking for a while before."""
    missed: Sequence[str] = ()
    """Ids of known jobs that the API does not know any more."""


class Recorder:
    """Records what was seen, and wakes the sender when it owes something."""

    def __init__(
        self, store: Store, *, wake: Callable[[], None], interval: float = 30.0, stuck_after: StuckAfter = NEVER
    ) -> None:
        """Take what it needs; ``interval`` is that of sweeps: two reads so far apart are believed."""
        self._store = store
        self._wake = wake
        self._interval = interval
        self._stuck_after = stuck_after

    async def record(self, seen: Seen, *, settled: Sequence[str] = (), at_end: Ending | None = None) -> int:
        """Record what was read; return how many changes that were.

        Args:
            seen: what was read. A job that somebody else wrote to since it was known is left alone.
            settled: ids of jobs of which nothing more is expected.
            at_end: what else belongs in the same transaction, as the end of a whole sweep does.
        """
        async with self._transaction() as tx:
            changes = await self._record_in(tx, seen)
            if settled:
                await self._store.jobs.settle(tx, seen.account, settled)
            if at_end:
                await at_end(tx)
        if changes or at_end:
            self._wake()
        return changes

    @asynccontextmanager
    async def _transaction(self) -> AsyncIterator[Transaction]:
        async with self._store.db.transaction() as tx:
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
        async with self._transaction() as tx:
            place, _ = await self._store.cards.of(tx, track.account, track.job_id, track.channel)
            if known is None:
                # The track comes first: a job that is new to the channel's subscription needs no second card.
                await tracks.add(tx, [track])
            await self._record_in(tx, Seen(track.account, [reading], {known.id: known} if known else {}))
            await tracks.add(tx, [track])
            shows = await self._shown_by(tx, place, reading)
            await self._store.cards.place(tx, place.id, card_ts, shows=shows)
            await self._store.outbox.rest(tx, track.channel, PACE)
            await self._catch_up(tx, track, reading)
        self._wake()

    async def _shown_by(self, tx: Transaction, place: Card, reading: Reading) -> int:
        """Return what a card shows that was drawn from ``reading``: the present, unless that is another by now."""
        place, _ = await self._store.cards.of(tx, place.account, place.job_id, place.channel)
        kept = await self._store.pictures.digest(tx, place.account, place.job_id)
        return place.wanted if kept == digest_of(reading.body) else place.wanted - 1

    async def _catch_up(self, tx: Transaction, track: Track, reading: Reading) -> None:
        """Owe the channel what changed between its card's reading and its track."""
        now_known = await self._store.jobs.known_in(tx, track.account, track.job_id)
        if now_known is None:
            return
        back = change_between(now_known.state, state_of(reading.snapshot))
        if back is None:
            return
        missed = await self._store.changes.last(tx, track.account, track.job_id)
        if missed and missed.change.kind is not ChangeKind.NEW:
            await self._owe(tx, missed, track)
        elif now_known.doubt:
            await self._set_right(tx, track, now_known, reading)
        else:
            # Somebody saw the job first meanwhile. Back to what the card shows: the next sweep finds the difference.
            await self._store.jobs.swap(tx, now_known, back.after)

    async def _set_right(self, tx: Transaction, track: Track, known: KnownJob, reading: Reading) -> None:
        """Tell one channel, whose card shows a state that is not believed, the one that is."""
        version = await self._store.jobs.swap(tx, known, known.state)
        if version is None:
            return
        change = Change(ChangeKind.STATUS, state_of(reading.snapshot), known.state)
        body = {**reading.body, **vars(known.state)}
        recorded = await self._store.changes.write(tx, track.account, version, change, body)
        await self._owe(tx, recorded, track)

    async def subscribe(self, subscription: Subscription, seen: Seen, *others: tuple[Subscription, Seen]) -> None:
        """Store a subscription: open jobs that it takes are tracked without a word, new ones will be announced.

        ``others`` are those to other accounts, stored with it or not at all.
        """
        async with self._transaction() as tx:
            for each, read in ((subscription, seen), *others):
                await self._subscribe_in(tx, each, read)
            await self._store.outbox.rest(tx, subscription.channel, PACE)
        self._wake()

    async def _subscribe_in(self, tx: Transaction, subscription: Subscription, seen: Seen) -> None:
        await self._record_in(tx, seen)
        wanted, channel = subscription.filter, subscription.channel
        open_readings = [each for each in seen.readings if not each.snapshot.is_final and wanted.takes(each.job)]
        tracks = [Track(seen.account, each.snapshot.id, channel, None, wanted.statuses) for each in open_readings]
        await self._store.tracks.add(tx, tracks)
        await self._store.tracks.subscribe(tx, subscription)
        for track, reading in zip(tracks, open_readings, strict=True):
            await self._catch_up(tx, track, reading)

    async def hear(self, running: Running, event_at: float) -> None:
        """Record when the newest line of a running job's log was written: whether it stands still, or moves again.

        That it stands still is judged as of the last sweep, which saw it running: meanwhile it may be over.
        """
        changes, seen = 0, Seen(running.account, (), {})
        swept_at = await self._store.accounts.swept_at(running.account)
        async with self._transaction() as tx:
            known = await self._store.jobs.known_in(tx, running.account, running.job_id)
            if known and swept_at and not known.gone:
                body = {**running.body, **vars(known.state)}
                changes = await self._record_standstill(tx, seen, known, body, swept_at, event_at=event_at)
        if changes:
            self._wake()

    async def _record_in(self, tx: Transaction, seen: Seen) -> int:
        # Pages hold the newest first, and times are whole seconds: jobs of one second keep their order.
        # A job that moved between two pages was read twice: the later read counts.
        once = {reading.snapshot.id: reading for reading in seen.readings}
        oldest_first = list(reversed(once.values()))
        oldest_first.sort(key=lambda reading: reading.snapshot.created_at or 0)
        unknown = [reading for reading in oldest_first if reading.snapshot.id not in seen.known]
        changes = await self._record_first_sight(tx, seen.account, unknown)
        now = await self._store.jobs.now(tx) if seen.known else 0.0
        for reading in oldest_first:
            if known := seen.known.get(reading.snapshot.id):
                changes += await self._record_sight(tx, seen, known, reading, now)
        for job_id in seen.missed:
            changes += await self._record_miss(tx, seen, seen.known[job_id])
        await self._store.pictures.see(tx, seen.account, [(each.snapshot, each.body) for each in oldest_first])
        return changes

    async def _record_sight(self, tx: Transaction, seen: Seen, known: KnownJob, reading: Reading, now: float) -> int:
        """Record what a read shows of a job that is known; return how many changes that were."""
        new = state_of(reading.snapshot)
        verdict = judge(known.state, known.doubt, new, now=now, interval=self._interval)
        change = change_between(known.state, new) if verdict is Verdict.CHANGED else None
        if change is None and known.gone:
            change = Change(ChangeKind.BACK, known.state, known.state)
        if change:
            if known.stuck_since is not None:
                change = replace(change, stuck_for=now - known.stuck_since)
            version = await self._store.jobs.swap(tx, known, change.after)
            return await self._tell(tx, seen, version, change, reading.body)
        if verdict is Verdict.NOTED:
            await self._store.doubts.note(tx, known, new.status)
        elif verdict is Verdict.CLEARED or (known.absence and verdict is Verdict.SAME):
            await self._store.doubts.clear(tx, known)
        else:
            return await self._record_standstill(tx, seen, known, reading.body, now)
        return 0

    async def _record_standstill(
        self,
        tx: Transaction,
        seen: Seen,
        known: KnownJob,
        body: dict[str, Any],
        now: float,
        *,
        event_at: float | None = None,
    ) -> int:
        """Record that a job stands still, or moves again; return how many changes that were."""
        status, noted, after = known.state.status, known.stuck_since, self._stuck_after
        since = stuck_since(status, known.same_since, noted, now=now, after=after, event_at=event_at)
        if since == noted or not await self._store.tracks.of_job(tx, known.account, known.id):
            return 0
        version = await self._store.standstills.note(tx, known, since)
        kind = ChangeKind.MOVED if since is None else ChangeKind.STUCK
        change = Change(kind, known.state, known.state, stuck_for=now - (since or noted or now))
        return await self._tell(tx, replace(seen, late=False), version, change, body)

    async def _record_miss(self, tx: Transaction, seen: Seen, known: KnownJob) -> int:
        """Count a read that did not find a job; return how many changes that were."""
        absence = await self._store.doubts.miss(tx, known)
        if absence and known.gone and is_given_up(absence):
            await self._store.jobs.settle(tx, seen.account, [known.id])
        if absence is None or known.gone or not is_gone(absence, self._interval):
            return 0
        version = await self._store.doubts.gone(tx, known)
        last = await self._store.changes.last(tx, seen.account, known.id)
        body = last.body if last else _described(known)
        return await self._tell(tx, seen, version, Change(ChangeKind.GONE, known.state, known.state), body)

    async def _record_first_sight(self, tx: Transaction, account: str, readings: Sequence[Reading]) -> int:
        """Take jobs as they are, and announce them where a subscription waits for new ones."""
        added = await self._store.jobs.add(tx, account, [reading.snapshot for reading in readings])
        subscriptions = await self._store.tracks.subscriptions_in(tx, account) if added else []
        announced = 0
        for reading in readings:
            if subscriptions and reading.snapshot.id in added and (waiting := channels_for(reading.job, subscriptions)):
                await self._announce(tx, account, reading, waiting)
                announced += 1
        return announced

    async def _announce(
        self, tx: Transaction, account: str, reading: Reading, waiting: Mapping[str, tuple[str, ...]]
    ) -> None:
        job_id = reading.snapshot.id
        change = first_change(reading.snapshot)
        recorded = await self._store.changes.write(tx, account, FIRST_VERSION, change, reading.body)
        for channel, statuses in waiting.items():
            track = Track(account, job_id, channel, None, statuses)
            if await self._store.tracks.add(tx, [track]):
                await self._owe(tx, recorded, track)
        metrics.CHANGES.labels(account, change.kind).inc()

    async def _tell(
        self, tx: Transaction, seen: Seen, version: int | None, change: Change, body: dict[str, Any]
    ) -> int:
        """Store a change that made a job's ``version``, and owe it to whoever follows the job; None is a lost race."""
        if version is None:
            return 0
        reason = seen.reasons.get(body["id"])
        recorded = await self._store.changes.write(
            tx, seen.account, version, change, body, reason=reason, late=seen.late
        )
        for track in await self._store.tracks.of_job(tx, seen.account, recorded.job_id):
            await self._owe(tx, recorded, track)
        await self._store.cards.want(tx, seen.account, recorded.job_id, at_once=True)
        metrics.CHANGES.labels(seen.account, change.kind).inc()
        return 1

    async def _owe(self, tx: Transaction, recorded: RecordedChange, track: Track) -> None:
        """Owe a channel what it gets of a change."""
        channel = track.channel
        settings = await self._store.channels.find_in(tx, channel)
        told = is_told(recorded.change, track.tells, failures_only=settings.failures_only)
        card, is_new = await self._store.cards.of(tx, recorded.account, recorded.job_id, channel)
        muted = await self._store.mutes.covers(tx, recorded.account, recorded.job_id, channel)
        for picture in pictures(recorded.change.kind, card_is_new=is_new, told=told):
            await self._store.outbox.add(tx, recorded, Planned(channel, picture, card.id), muted=muted)


def _described(known: KnownJob) -> dict[str, Any]:
    """Return a job as an API would describe it, from what is stored: of one that never changed there is no more."""
    state = known.state
    body = {"id": known.id, "status": state.status, "fine_tuned_model": state.fine_tuned_model}
    return {**body, "created_at": known.created_at}
