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
from bot.store.jobs.changes import NewChange, RecordedChange, serialize
from bot.store.jobs.jobs import FIRST_VERSION, KnownJob, is_unchanged
from bot.store.jobs.snapshots import JobDocument
from bot.store.outbox.delivery import Alert, NewDelivery
from bot.tracking.flap_suppression import FlapSuppression
from bot.tracking.routing import channels_for, messages_for, wants_alert
from bot.tracking.transitions import ObservedJob, Thresholds, Transition, transition


@dataclass(frozen=True)
class JobUpdate:
    """What is to be written of one job."""

    row: KnownJob | None = None
    """The job, which the transaction has locked, as it is to be."""
    fact: NewChange | None = None
    tracks: Sequence[Track] = ()
    """Who is told of the fact."""


class ChangeWriter:
    """Writes what jobs come to."""

    def __init__(
        self, store: Store, thresholds: Thresholds, flaps: FlapSuppression, accounts: Collection[str] | None = None
    ) -> None:
        """Take what it needs; ``accounts`` are those that are read, None for whichever there are."""
        self._store = store
        self._flaps = flaps
        self._thresholds = thresholds
        self._accounts = accounts

    async def record(self, tx: Transaction, batch: Sequence[ObservedJob]) -> list[RecordedChange]:
        """Record what was read of some jobs of an account, and owe it; return the changes that it came to.

        A job that somebody wrote to since it was known is left alone.
        """
        account = batch[0].account
        new = await self._add_new(tx, account, [job for job in batch if job.known is None])
        known = await self._transitions(tx, account, [job for job in batch if job.known is not None])
        updates = new | known
        recorded = await self.write(tx, account, [updates[job.id] for job in batch if job.id in updates])
        await self.refresh_cards(tx, account, recorded)
        await self._store.jobs.snapshots.save(tx, account, [job.fetched for job in batch if job.fetched])
        return recorded

    async def write(self, tx: Transaction, account: str, updates: Sequence[JobUpdate]) -> list[RecordedChange]:
        """Write entries, each of another job, and owe what they tell, in this order; return their changes."""
        await self._store.jobs.states.write(tx, [each.row for each in updates if each.row])
        told = {each.fact.job_id: each for each in updates if each.fact}
        recorded = await self._store.jobs.changes.write_all(
            tx, account, [each.fact for each in told.values() if each.fact]
        )
        await self.enqueue(tx, account, [(each, track) for each in recorded for track in told[each.job_id].tracks])
        return recorded

    async def refresh_cards(self, tx: Transaction, account: str, recorded: Sequence[RecordedChange]) -> None:
        """Let the cards of changed jobs show it at once; those of new jobs are yet to be posted."""
        if changed := [each.job_id for each in recorded if each.change.kind is not ChangeKind.NEW]:
            await self._store.jobs.cards.bump_generation(tx, account, *changed, at_once=True)

    async def enqueue(self, tx: Transaction, account: str, alerts_due: Sequence[tuple[RecordedChange, Track]]) -> None:
        """Owe channels what they get of changes, in this order."""
        if not alerts_due:
            return
        store, places = self._store, [(change.job_id, track.channel) for change, track in alerts_due]
        channels = sorted({channel for _, channel in places})
        settings = await store.channels.preferences.all_in(tx, channels)
        cards = await store.jobs.cards.get_or_create_all(tx, account, places)
        flapping = await self._flaps.refresh(tx, account, [change for change, _ in alerts_due])
        mutes = await store.channels.mutes.covering(tx, account, channels)
        told_of = [
            wants_alert(change.change, track.tells, failures_only=settings[track.channel].failures_only)
            for change, track in alerts_due
        ]
        if flapping:
            noisy = [
                (change, cards[place][0])
                for (change, _), place, told in zip(alerts_due, places, told_of, strict=True)
                if told and change.job_id in flapping
            ]
            mutes = await self._flaps.suppress(tx, account, noisy, mutes)
        alerts = []
        for (change, track), place, told in zip(alerts_due, places, told_of, strict=True):
            card, is_new = cards[place]
            muted = not mutes.isdisjoint({(track.channel, change.job_id), (track.channel, EVERY_JOB)})
            what = messages_for(change.change.kind, card_is_new=is_new, wanted=told)
            alerts += [Alert(change, NewDelivery(track.channel, picture, card.id), muted) for picture in what]
        await store.outbox.deliveries.enqueue_all(tx, account, alerts)

    async def followed_elsewhere(
        self, tx: Transaction, account: str, job_ids: Sequence[str]
    ) -> dict[tuple[str, str], str]:
        """Return which other account that is read follows jobs already, by channel and job id.

        Two accounts that see a job at the same moment come here one after the other, until the transaction ends.
        """
        if self._accounts is not None and len(self._accounts) < 2:  # noqa: PLR2004 - there is no other
            return {}
        await self._store.db.advisory_lock(tx)
        return await self._store.channels.tracks.tracked_elsewhere(tx, account, job_ids, accounts=self._accounts)

    async def _add_new(self, tx: Transaction, account: str, jobs: Sequence[ObservedJob]) -> dict[str, JobUpdate]:
        """Take jobs as they are; return what is told of those that a subscription waits for, by id."""
        fetched = {job.id: job.fetched for job in jobs if job.fetched}
        added = await self._store.jobs.states.add(tx, account, [sight.snapshot for sight in fetched.values()])
        subscriptions = await self._store.channels.tracks.subscriptions_in(tx, account) if added else []
        tracks = {
            job_id: [
                Track(account, job_id, channel, None, statuses)
                for channel, statuses in channels_for(sight.job, subscriptions).items()
            ]
            for job_id, sight in fetched.items()
            if job_id in added and subscriptions
        }
        known = await self.followed_elsewhere(tx, account, list(tracks)) if any(tracks.values()) else {}
        # The account that follows a job already tells what this one would.
        wanted = [
            replace(track, account=known.get((track.channel, track.job_id), account))
            for each in tracks.values()
            for track in each
        ]
        new = set(await self._store.channels.tracks.add(tx, wanted))
        return {
            job_id: JobUpdate(fact=_first_fact(fetched[job_id]), tracks=[track for track in each if track in new])
            for job_id, each in tracks.items()
            if any((track.channel, job_id) not in known for track in each)
        }

    async def _transitions(self, tx: Transaction, account: str, jobs: Sequence[ObservedJob]) -> dict[str, JobUpdate]:
        """Return what is to be written of jobs that are known, by id."""
        present, now = await self._store.jobs.states.lock(tx, account, [job.id for job in jobs])
        transitions = {
            job.id: (job, made)
            for job in jobs
            if job.known and job.id in present and is_unchanged(job.known, present[job.id])
            if (made := transition(present[job.id], job.fetched, self._thresholds, now))
        }
        told = [job_id for job_id, (_, made) in transitions.items() if made.change]
        tracks = await self._store.channels.tracks.of_jobs(tx, account, told)
        unread = [job_id for job_id in told if transitions[job_id][0].fetched is None]
        last = await self._store.jobs.changes.last_of(tx, account, unread)
        repeated = await self._repeated_results(tx, account, [transitions[job_id] for job_id in told])
        return {
            job_id: JobUpdate(made.row, _fact(job, made, last.get(job_id)), _tracks_to_notify(tracks, job_id, repeated))
            for job_id, (job, made) in transitions.items()
            if not made.is_stall or job_id in tracks
        }

    async def _repeated_results(
        self, tx: Transaction, account: str, transitions: Sequence[tuple[ObservedJob, Transition]]
    ) -> frozenset[str]:
        """Return the jobs that are over as they were over before: people know that already."""
        ended = {
            job.id: job.fetched.job for job, made in transitions if job.fetched and made.change and made.change.ends_job
        }
        before = await self._store.jobs.changes.last_of(tx, account, list(ended), results=True)
        return frozenset(job_id for job_id, each in before.items() if is_same_result(each.job, ended[job_id]))


def _tracks_to_notify(tracks: Mapping[str, Sequence[Track]], job_id: str, repeated: Collection[str]) -> Sequence[Track]:
    return () if job_id in repeated else tracks.get(job_id, ())


def _first_fact(fetched: JobDocument) -> NewChange:
    return NewChange(fetched.snapshot.id, FIRST_VERSION, first_change(fetched.snapshot), fetched.serialized)


def _fact(job: ObservedJob, transition_made: Transition, last: RecordedChange | None) -> NewChange | None:
    if transition_made.change is None:
        return None
    body = (
        job.fetched.serialized if job.fetched else serialize(last.body if last else minimal_body(transition_made.row))
    )
    late = job.late and not transition_made.is_stall
    return NewChange(job.id, transition_made.row.version, transition_made.change, body, job.reason, late)


def minimal_body(known: KnownJob) -> dict[str, object]:
    """Return a job as an API would describe it, from what is stored: of one that never changed there is no more."""
    state = known.state
    body = {"id": known.id, "status": state.status, "fine_tuned_model": state.fine_tuned_model}
    return {**body, "created_at": known.created_at}
