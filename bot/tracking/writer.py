"""The ledger: what a batch of jobs comes to, written by a number of statements that depends on neither jobs nor channels.

Every method joins the caller's transaction, which is about one account.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.jobs.changes import ChangeKind, first_change
from bot.jobs.confirmation import is_same_result
from bot.store import Store
from bot.store.channels.mutes import EVERY_JOB
from bot.store.channels.tracks import Track
from bot.store.db.engine import Transaction
from bot.store.jobs.changes import Fact, RecordedChange, stored
from bot.store.jobs.jobs import FIRST_VERSION, KnownJob, is_untouched
from bot.store.jobs.snapshots import Sight
from bot.store.outbox.delivery import Alert, Planned
from bot.tracking.damping import Damping
from bot.tracking.routing import channels_for, is_told, pictures
from bot.tracking.transitions import Observation, Patience, Step, step


@dataclass(frozen=True)
class Entry:
    """What is to be written of one job."""

    row: KnownJob | None = None
    """The job, which the transaction has locked, as it is to be."""
    fact: Fact | None = None
    tracks: Sequence[Track] = ()
    """Who is told of the fact."""


class Ledger:
    """Writes what jobs come to."""

    def __init__(
        self, store: Store, patience: Patience, damping: Damping, accounts: Collection[str] | None = None
    ) -> None:
        """Take what it needs; ``accounts`` are those that are read, None for whichever there are."""
        self._store = store
        self._damping = damping
        self._patience = patience
        self._accounts = accounts

    async def enter(self, tx: Transaction, batch: Sequence[Observation]) -> list[RecordedChange]:
        """Record what was read of some jobs of an account, and owe it; return the changes that it came to.

        A job that somebody wrote to since it was known is left alone.
        """
        account = batch[0].account
        new = await self._first_sights(tx, account, [job for job in batch if job.known is None])
        known = await self._steps(tx, account, [job for job in batch if job.known is not None])
        entries = new | known
        recorded = await self.write(tx, account, [entries[job.id] for job in batch if job.id in entries])
        await self.redraw(tx, account, recorded)
        await self._store.pictures.see(tx, account, [job.sight for job in batch if job.sight])
        return recorded

    async def write(self, tx: Transaction, account: str, entries: Sequence[Entry]) -> list[RecordedChange]:
        """Write entries, each of another job, and owe what they tell, in this order; return their changes."""
        await self._store.jobs.write(tx, [each.row for each in entries if each.row])
        told = {each.fact.job_id: each for each in entries if each.fact}
        recorded = await self._store.changes.write_all(tx, account, [each.fact for each in told.values() if each.fact])
        await self.owe(tx, account, [(each, track) for each in recorded for track in told[each.job_id].tracks])
        return recorded

    async def redraw(self, tx: Transaction, account: str, recorded: Sequence[RecordedChange]) -> None:
        """Let the cards of changed jobs show it at once; those of new jobs are yet to be posted."""
        if changed := [each.job_id for each in recorded if each.change.kind is not ChangeKind.NEW]:
            await self._store.cards.want(tx, account, *changed, at_once=True)

    async def owe(self, tx: Transaction, account: str, owed: Sequence[tuple[RecordedChange, Track]]) -> None:
        """Owe channels what they get of changes, in this order."""
        if not owed:
            return
        store, places = self._store, [(change.job_id, track.channel) for change, track in owed]
        channels = sorted({channel for _, channel in places})
        settings = await store.channels.all_in(tx, channels)
        cards = await store.cards.of_all(tx, account, places)
        restless = await self._damping.before(tx, account, [change for change, _ in owed])
        mutes = await store.mutes.covering(tx, account, channels)
        told_of = [
            is_told(change.change, track.tells, failures_only=settings[track.channel].failures_only)
            for change, track in owed
        ]
        if restless:
            noisy = [
                (change, cards[place][0])
                for (change, _), place, told in zip(owed, places, told_of, strict=True)
                if told and change.job_id in restless
            ]
            mutes = await self._damping.begin(tx, account, noisy, mutes)
        alerts = []
        for (change, track), place, told in zip(owed, places, told_of, strict=True):
            card, is_new = cards[place]
            muted = not mutes.isdisjoint({(track.channel, change.job_id), (track.channel, EVERY_JOB)})
            what = pictures(change.change.kind, card_is_new=is_new, told=told)
            alerts += [Alert(change, Planned(track.channel, picture, card.id), muted) for picture in what]
        await store.outbox.add_all(tx, account, alerts)

    async def followed_elsewhere(
        self, tx: Transaction, account: str, job_ids: Sequence[str]
    ) -> dict[tuple[str, str], str]:
        """Return which other account that is read follows jobs already, by channel and job id.

        Two accounts that see a job at the same moment come here one after the other, until the transaction ends.
        """
        if self._accounts is not None and len(self._accounts) < 2:  # noqa: PLR2004 - there is no other
            return {}
        await self._store.db.one_at_a_time(tx)
        return await self._store.tracks.followed_elsewhere(tx, account, job_ids, accounts=self._accounts)

    async def _first_sights(self, tx: Transaction, account: str, jobs: Sequence[Observation]) -> dict[str, Entry]:
        """Take jobs as they are; return what is told of those that a subscription waits for, by id."""
        sights = {job.id: job.sight for job in jobs if job.sight}
        added = await self._store.jobs.add(tx, account, [sight.snapshot for sight in sights.values()])
        subscriptions = await self._store.tracks.subscriptions_in(tx, account) if added else []
        tracks = {
            job_id: [
                Track(account, job_id, channel, None, statuses)
                for channel, statuses in channels_for(sight.job, subscriptions).items()
            ]
            for job_id, sight in sights.items()
            if job_id in added and subscriptions
        }
        known = await self.followed_elsewhere(tx, account, list(tracks)) if any(tracks.values()) else {}
        # The account that follows a job already tells what this one would.
        wanted = [
            replace(track, account=known.get((track.channel, track.job_id), account))
            for each in tracks.values()
            for track in each
        ]
        new = set(await self._store.tracks.add(tx, wanted))
        return {
            job_id: Entry(fact=_first(sights[job_id]), tracks=[track for track in each if track in new])
            for job_id, each in tracks.items()
            if any((track.channel, job_id) not in known for track in each)
        }

    async def _steps(self, tx: Transaction, account: str, jobs: Sequence[Observation]) -> dict[str, Entry]:
        """Return what is to be written of jobs that are known, by id."""
        present, now = await self._store.jobs.lock(tx, account, [job.id for job in jobs])
        steps = {
            job.id: (job, made)
            for job in jobs
            if job.known and job.id in present and is_untouched(job.known, present[job.id])
            if (made := step(present[job.id], job.sight, self._patience, now))
        }
        told = [job_id for job_id, (_, made) in steps.items() if made.change]
        tracks = await self._store.tracks.of_jobs(tx, account, told)
        unread = [job_id for job_id in told if steps[job_id][0].sight is None]
        last = await self._store.changes.last_of(tx, account, unread)
        repeated = await self._repeated(tx, account, [steps[job_id] for job_id in told])
        return {
            job_id: Entry(made.row, _fact(job, made, last.get(job_id)), _whose(tracks, job_id, repeated))
            for job_id, (job, made) in steps.items()
            if not made.is_standstill or job_id in tracks
        }

    async def _repeated(
        self, tx: Transaction, account: str, steps: Sequence[tuple[Observation, Step]]
    ) -> frozenset[str]:
        """Return the jobs that are over as they were over before: people know that already."""
        ended = {job.id: job.sight.job for job, made in steps if job.sight and made.change and made.change.ends_job}
        before = await self._store.changes.last_of(tx, account, list(ended), results=True)
        return frozenset(job_id for job_id, each in before.items() if is_same_result(each.job, ended[job_id]))


def _whose(tracks: Mapping[str, Sequence[Track]], job_id: str, repeated: Collection[str]) -> Sequence[Track]:
    return () if job_id in repeated else tracks.get(job_id, ())


def _first(sight: Sight) -> Fact:
    return Fact(sight.snapshot.id, FIRST_VERSION, first_change(sight.snapshot), sight.stored)


def _fact(job: Observation, made: Step, last: RecordedChange | None) -> Fact | None:
    if made.change is None:
        return None
    body = job.sight.stored if job.sight else stored(last.body if last else described(made.row))
    late = job.late and not made.is_standstill
    return Fact(job.id, made.row.version, made.change, body, job.reason, late)


def described(known: KnownJob) -> dict[str, object]:
    """Return a job as an API would describe it, from what is stored: of one that never changed there is no more."""
    state = known.state
    body = {"id": known.id, "status": state.status, "fine_tuned_model": state.fine_tuned_model}
    return {**body, "created_at": known.created_at}
