"""Change writer: writes a batch of jobs, their changes and deliveries, with a constant number of statements.

Every method joins the caller's transaction, which covers one account.
"""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, replace

from bot.jobs.changes import ChangeKind, first_change
from bot.jobs.debounce import is_same_result
from bot.store import Store
from bot.store.channels.mutes import EVERY_JOB
from bot.store.channels.tracks import Track
from bot.store.db.engine import Transaction
from bot.store.jobs.changes import NewChange, RecordedChange, serialize
from bot.store.jobs.documents import JobDocument
from bot.store.jobs.jobs import FIRST_VERSION, KnownJob, is_unchanged
from bot.store.outbox.delivery import Alert, NewDelivery
from bot.telemetry import metrics
from bot.tracking.flap_suppression import FlapSuppression
from bot.tracking.routing import channels_for, messages_for, wants_alert
from bot.tracking.transitions import ObservedJob, Thresholds, Transition, transition


def count_changes(recorded: Sequence[RecordedChange]) -> None:
    """Count changes in the metrics, once their transaction is committed."""
    for each in recorded:
        metrics.CHANGES.labels(each.account, each.change.kind).inc()


@dataclass(frozen=True)
class JobUpdate:
    """Row and change to write for one job."""

    row: KnownJob | None = None
    """New row of the job, which the transaction has locked."""
    change: NewChange | None = None
    tracks: Sequence[Track] = ()
    """Tracks to notify of the change."""


class ChangeWriter:
    """Writer of jobs and their changes."""

    def __init__(
        self, store: Store, thresholds: Thresholds, flaps: FlapSuppression, accounts: Collection[str] | None = None
    ) -> None:
        """Write for the polled ``accounts``; None for any."""
        self._store = store
        self._flaps = flaps
        self._thresholds = thresholds
        self._accounts = accounts

    async def record(self, tx: Transaction, batch: Sequence[ObservedJob]) -> list[RecordedChange]:
        """Record observed jobs of an account, enqueue the alerts, and return the changes.

        A job that was written since its row was read is skipped.
        """
        account = batch[0].account
        new = await self._add_new(tx, account, [job for job in batch if job.known is None])
        known = await self._transitions(tx, account, [job for job in batch if job.known is not None])
        updates = new | known
        recorded = await self.write(tx, account, [updates[job.id] for job in batch if job.id in updates])
        await self.refresh_cards(tx, account, recorded)
        await self._store.jobs.snapshots.save(tx, account, [job.document for job in batch if job.document])
        return recorded

    async def write(self, tx: Transaction, account: str, updates: Sequence[JobUpdate]) -> list[RecordedChange]:
        """Write updates, each of another job, enqueue their alerts in this order, and return the changes."""
        await self._store.jobs.states.write(tx, [each.row for each in updates if each.row])
        changed = {each.change.job_id: each for each in updates if each.change}
        recorded = await self._store.jobs.changes.write_all(
            tx, account, [each.change for each in changed.values() if each.change]
        )
        await self.enqueue(tx, account, [(each, track) for each in recorded for track in changed[each.job_id].tracks])
        return recorded

    async def refresh_cards(self, tx: Transaction, account: str, recorded: Sequence[RecordedChange]) -> None:
        """Bump the card generations of changed jobs; cards of new jobs are not posted yet."""
        if changed := [each.job_id for each in recorded if each.change.kind is not ChangeKind.NEW]:
            await self._store.jobs.cards.bump_generation(tx, account, *changed, immediate=True)

    async def enqueue(self, tx: Transaction, account: str, alerts_due: Sequence[tuple[RecordedChange, Track]]) -> None:
        """Enqueue the messages that channels get for changes, in this order."""
        if not alerts_due:
            return
        store, positions = self._store, [(change.job_id, track.channel) for change, track in alerts_due]
        channels = sorted({channel for _, channel in positions})
        settings = await store.channels.preferences.all_in(tx, channels)
        cards = await store.jobs.cards.get_or_create_all(tx, account, positions)
        flapping = await self._flaps.refresh(tx, account, [change for change, _ in alerts_due])
        mutes = await store.channels.mutes.covering(tx, account, channels)
        wants = [
            wants_alert(change.change, track.statuses, failures_only=settings[track.channel].failures_only)
            for change, track in alerts_due
        ]
        if flapping:
            noisy = [
                (change, cards[position][0])
                for (change, _), position, with_alert in zip(alerts_due, positions, wants, strict=True)
                if with_alert and change.job_id in flapping
            ]
            mutes = await self._flaps.suppress(tx, account, noisy, mutes)
        alerts = []
        for (change, track), position, with_alert in zip(alerts_due, positions, wants, strict=True):
            card, is_new = cards[position]
            muted = not mutes.isdisjoint({(track.channel, change.job_id), (track.channel, EVERY_JOB)})
            kinds = messages_for(change.change, card_is_new=is_new, with_alert=with_alert)
            alerts += [Alert(change, NewDelivery(track.channel, kind, card.id), muted) for kind in kinds]
        await store.outbox.deliveries.enqueue_all(tx, account, alerts)

    async def tracked_elsewhere(
        self, tx: Transaction, account: str, job_ids: Sequence[str]
    ) -> dict[tuple[str, str], str]:
        """Return the other polled account that already tracks each job, by channel and job id.

        An advisory lock, held until the transaction ends, serializes accounts that see a job at the same time.
        """
        if self._accounts is not None and len(self._accounts) < 2:  # noqa: PLR2004 - there is no other
            return {}
        await self._store.db.advisory_lock(tx)
        return await self._store.channels.tracks.tracked_elsewhere(tx, account, job_ids, accounts=self._accounts)

    async def _add_new(self, tx: Transaction, account: str, jobs: Sequence[ObservedJob]) -> dict[str, JobUpdate]:
        """Insert new jobs; return the updates of those that match a subscription, by id."""
        documents = {job.id: job.document for job in jobs if job.document}
        added = await self._store.jobs.states.add(tx, account, [document.snapshot for document in documents.values()])
        subscriptions = await self._store.channels.subscriptions.of_account(tx, account) if added else []
        tracks = {
            job_id: [
                Track(account, job_id, channel, None, statuses)
                for channel, statuses in channels_for(
                    document.job, subscriptions, is_pushed=document.pushed is not None
                ).items()
            ]
            for job_id, document in documents.items()
            if job_id in added and subscriptions
        }
        known = await self.tracked_elsewhere(tx, account, list(tracks)) if any(tracks.values()) else {}
        # An account that already tracks a job sends the alerts that this one would.
        requested = [
            replace(track, account=known.get((track.channel, track.job_id), account))
            for each in tracks.values()
            for track in each
        ]
        new = set(await self._store.channels.tracks.add(tx, requested))
        return {
            job_id: JobUpdate(change=_first_change(documents[job_id]), tracks=[track for track in each if track in new])
            for job_id, each in tracks.items()
            if any((track.channel, job_id) not in known for track in each)
        }

    async def _transitions(self, tx: Transaction, account: str, jobs: Sequence[ObservedJob]) -> dict[str, JobUpdate]:
        """Return the updates of known jobs, by id."""
        current, now = await self._store.jobs.states.lock(tx, account, [job.id for job in jobs])
        transitions = {
            job.id: (job, made)
            for job in jobs
            if job.known and job.id in current and is_unchanged(job.known, current[job.id])
            if (made := transition(current[job.id], job.document, self._thresholds, now))
        }
        changed = [job_id for job_id, (_, made) in transitions.items() if made.change]
        tracks = await self._store.channels.tracks.of_jobs(tx, account, changed)
        unread = [job_id for job_id in changed if transitions[job_id][0].document is None]
        last = await self._store.jobs.changes.last_of(tx, account, unread)
        repeated = await self._repeated_results(tx, account, [transitions[job_id] for job_id in changed])
        return {
            job_id: JobUpdate(
                made.row, _new_change(job, made, last.get(job_id)), _tracks_to_notify(tracks, job_id, repeated)
            )
            for job_id, (job, made) in transitions.items()
            if not made.is_stall or job_id in tracks
        }

    async def _repeated_results(
        self, tx: Transaction, account: str, transitions: Sequence[tuple[ObservedJob, Transition]]
    ) -> frozenset[str]:
        """Return the jobs that finished with the same result as before, which was announced already."""
        ended = {
            job.id: job.document.job
            for job, made in transitions
            if job.document and made.change and made.change.ends_job
        }
        before = await self._store.jobs.changes.last_of(tx, account, list(ended), results=True)
        return frozenset(job_id for job_id, each in before.items() if is_same_result(each.job, ended[job_id]))


def _tracks_to_notify(tracks: Mapping[str, Sequence[Track]], job_id: str, repeated: Collection[str]) -> Sequence[Track]:
    return () if job_id in repeated else tracks.get(job_id, ())


def _first_change(document: JobDocument) -> NewChange:
    return NewChange(document.snapshot.id, FIRST_VERSION, first_change(document.snapshot), document.serialized)


def _new_change(job: ObservedJob, made: Transition, last: RecordedChange | None) -> NewChange | None:
    if made.change is None:
        return None
    body = job.document.serialized if job.document else serialize(last.body if last else minimal_body(made.row))
    late = job.late and not made.is_stall
    return NewChange(job.id, made.row.version, made.change, body, job.reason, late)


def minimal_body(known: KnownJob) -> dict[str, object]:
    """Return the body of a job as far as its row knows it; a job that never changed has no other."""
    state = known.state
    body = {"id": known.id, "status": state.status, "fine_tuned_model": state.fine_tuned_model}
    return {**body, "created_at": known.created_at}
