"""Write down what was read of jobs: one transaction holds the new state, the change, and what is owed for it.

Whatever looks at a job (a sweep, ``track``, a cancel) ends here, so that there is one way to see a change.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from bot import metrics
from bot.alerts.retry import PACE
from bot.alerts.routes import pictures, subscriptions_for
from bot.jobs.changes import Change, ChangeKind, change_between, state_of
from bot.providers.wire import Reading
from bot.store import Store
from bot.store.engine import Transaction
from bot.store.jobs import FIRST_VERSION, KnownJob, RecordedChange, first_change
from bot.store.outbox import Planned
from bot.store.tracks import Subscription, Track


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


class Recorder:
    """Records what was seen, and wakes the sender when it owes something."""

    def __init__(self, store: Store, *, wake: Callable[[], None]) -> None:
        self._store = store
        self._wake = wake

    async def record(self, seen: Seen, *, settled: Sequence[str] = (), swept: bool = False) -> int:
        """Record what was read; return how many changes that were.

        Args:
            seen: what was read. A job that somebody else changed since it was known is left alone.
            settled: ids of jobs of which nothing more is expected.
            swept: whether this was a whole sweep of the account.
        """
        async with self._store.db.transaction() as tx:
            changes = await self._record_in(tx, seen)
            await self._store.jobs.settle(tx, seen.account, settled)
            if swept:
                await self._store.jobs.swept(tx, seen.account)
        if changes or swept:
            self._wake()
        return changes

    async def follow(self, track: Track, reading: Reading, known: KnownJob | None, *, card_ts: str) -> None:
        """Store a track whose card was just posted.

        Args:
            track: who follows what; its channel has seen the state in ``reading`` on the card.
            reading: the job as the card shows it.
            known: the job as it was known before it was read.
            card_ts: where the card stands.
        """
        tracks = self._store.tracks
        async with self._store.db.transaction() as tx:
            if known is None:
                # The track comes first: a job that is new to the channel's subscription needs no second card.
                await tracks.add(tx, [track])
            await self._record_in(tx, Seen(track.account, [reading], {known.id: known} if known else {}))
            await tracks.add(tx, [track])
            card, _ = await tracks.card_of(tx, track.account, track.job_id, track.channel)
            await tracks.place_card(tx, card.id, card_ts)
            await self._store.outbox.rest(tx, track.channel, PACE)
            await self._catch_up(tx, track, reading)
        self._wake()

    async def _catch_up(self, tx: Transaction, track: Track, reading: Reading) -> None:
        """Owe the channel what changed between its card's reading and its track."""
        now_known = await self._store.jobs.known_in(tx, track.account, track.job_id)
        if now_known is None:
            return
        back = change_between(now_known.state, state_of(reading.snapshot))
        if back is None:
            return
        missed = await self._store.jobs.last_change(tx, track.account, track.job_id)
        if missed and missed.change.kind is not ChangeKind.NEW:
            await self._owe(tx, missed, track.channel)
        else:
            # Somebody saw the job first meanwhile. Back to what the card shows: the next sweep finds the difference.
            await self._store.jobs.swap(tx, now_known, back.after)

    async def subscribe(self, subscription: Subscription, seen: Seen) -> None:
        """Store a subscription: open jobs are tracked without a word, new ones will be announced."""
        async with self._store.db.transaction() as tx:
            await self._record_in(tx, seen)
            open_readings = [reading for reading in seen.readings if not reading.snapshot.is_final]
            tracks = [Track(seen.account, each.snapshot.id, subscription.channel, None) for each in open_readings]
            await self._store.tracks.add(tx, tracks)
            await self._store.tracks.subscribe(tx, subscription)
            await self._store.outbox.rest(tx, subscription.channel, PACE)
            for track, reading in zip(tracks, open_readings, strict=True):
                await self._catch_up(tx, track, reading)
        self._wake()

    async def _record_in(self, tx: Transaction, seen: Seen) -> int:
        # Pages hold the newest first, and times are whole seconds: jobs of one second keep their order.
        # A job that moved between two pages was read twice: the later read counts.
        once = {reading.snapshot.id: reading for reading in seen.readings}
        oldest_first = list(reversed(once.values()))
        oldest_first.sort(key=lambda reading: reading.snapshot.created_at or 0)
        unknown = [reading for reading in oldest_first if reading.snapshot.id not in seen.known]
        changes = await self._record_first_sight(tx, seen.account, unknown)
        for reading in oldest_first:
            known = seen.known.get(reading.snapshot.id)
            change = known and change_between(known.state, state_of(reading.snapshot))
            if known and change:
                changes += await self._record_change(tx, seen, known, change, reading)
        return changes

    async def _record_first_sight(self, tx: Transaction, account: str, readings: Sequence[Reading]) -> int:
        """Take jobs as they are, and announce them where a subscription waits for new ones."""
        added = await self._store.jobs.add(tx, account, [reading.snapshot for reading in readings])
        subscriptions = await self._store.tracks.subscriptions_in(tx, account) if added else []
        announced = 0
        for reading in readings:
            if reading.snapshot.id in added and (waiting := subscriptions_for(reading.snapshot, subscriptions)):
                await self._announce(tx, reading, waiting)
                announced += 1
        return announced

    async def _announce(self, tx: Transaction, reading: Reading, waiting: Sequence[Subscription]) -> None:
        account, job_id = waiting[0].account, reading.snapshot.id
        change = first_change(reading.snapshot)
        recorded = await self._store.jobs.write_change(tx, account, FIRST_VERSION, change, reading.body)
        for each in waiting:
            if await self._store.tracks.add(tx, [Track(account, job_id, each.channel, None)]):
                await self._owe(tx, recorded, each.channel)
        metrics.CHANGES.labels(account, change.kind).inc()

    async def _record_change(
        self, tx: Transaction, seen: Seen, known: KnownJob, change: Change, reading: Reading
    ) -> int:
        version = await self._store.jobs.swap(tx, known, change.after)
        if version is None:
            return 0
        reason = seen.reasons.get(known.id)
        recorded = await self._store.jobs.write_change(
            tx, seen.account, version, change, reading.body, reason=reason, late=seen.late
        )
        for track in await self._store.tracks.of_job(tx, seen.account, known.id):
            await self._owe(tx, recorded, track.channel)
        metrics.CHANGES.labels(seen.account, change.kind).inc()
        return 1

    async def _owe(self, tx: Transaction, recorded: RecordedChange, channel: str) -> None:
        """Owe a channel what it gets of a change."""
        card, is_new = await self._store.tracks.card_of(tx, recorded.account, recorded.job_id, channel)
        for picture in pictures(recorded.change.kind, card_is_new=is_new):
            await self._store.outbox.add(tx, recorded, Planned(channel, picture, card.id))
