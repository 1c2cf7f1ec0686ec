"""What a read makes of a job: its row as it is to be, and the change that people hear of. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot.jobs.changes import Change, ChangeKind, State, change_between, state_of
from bot.jobs.confirmation import Absence, Doubt, Verdict, is_given_up, is_gone, judge
from bot.jobs.stalled import StuckAfter, stuck_since
from bot.providers.wire import Reading
from bot.store.jobs.jobs import KnownJob
from bot.store.jobs.snapshots import Sight


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


@dataclass(frozen=True)
class Observation:
    """One job of what was read."""

    account: str
    id: str
    known: KnownJob | None
    """The job as it was known before the request; None where it was not."""
    sight: Sight | None
    """None where the API does not know it any more."""
    reason: str | None = None
    late: bool = False

    def prepare(self) -> None:
        """Work out what is likely to be written, so that no transaction waits for it."""
        if self.sight:
            _ = self.sight.stored, self.sight.digest, self.sight.job if self.known is None else None


@dataclass(frozen=True)
class Patience:
    """How long what is read waits before it counts, in seconds."""

    interval: float
    """Two reads so far apart are believed."""
    stuck_after: StuckAfter


@dataclass(frozen=True)
class Step:
    """What a read makes of a job."""

    row: KnownJob
    change: Change | None = None

    @property
    def is_standstill(self) -> bool:
        """Whether it tells that the job stands still or moves again, which matters only to who follows it."""
        return self.change is not None and self.change.kind in (ChangeKind.STUCK, ChangeKind.MOVED)


def observations(seen: Seen) -> list[Observation]:
    """Return the jobs of what was read, oldest first, those that were missed at the end.

    Pages hold the newest first, and times are whole seconds: jobs of one second keep their order. A job that moved
    between two pages was read twice: the later read counts.
    """
    once = {reading.snapshot.id: reading for reading in seen.readings}
    oldest_first = list(reversed(once.values()))
    oldest_first.sort(key=lambda reading: reading.snapshot.created_at or 0)
    found = [
        Observation(
            seen.account,
            each.snapshot.id,
            seen.known.get(each.snapshot.id),
            Sight(each.snapshot, each.body),
            seen.reasons.get(each.snapshot.id),
            seen.late,
        )
        for each in oldest_first
    ]
    return found + [Observation(seen.account, id_, seen.known[id_], None, late=seen.late) for id_ in seen.missed]


def step(known: KnownJob, sight: Sight | None, patience: Patience, now: float) -> Step | None:
    """Return what a read makes of a job that is ``known``, None where it says nothing new.

    Args:
        known: the job as it is stored.
        sight: the read; None where it did not find the job.
        patience: how soon reads are believed.
        now: the present moment, by the clock of what is stored.
    """
    if sight is None:
        return _missed(known, patience, now)
    new = state_of(sight.snapshot)
    verdict = judge(known.state, known.doubt, new, now=now, interval=patience.interval)
    change = change_between(known.state, new) if verdict is Verdict.CHANGED else None
    if change is None and known.gone:
        change = Change(ChangeKind.BACK, known.state, known.state)
    if change:
        if known.stuck_since is not None:
            change = replace(change, stuck_for=now - known.stuck_since)
        return Step(swapped(known, change.after, now), change)
    if verdict is Verdict.NOTED:
        return Step(replace(known, doubt=Doubt(new.status, now), absence=None, settled=False))
    if verdict is Verdict.CLEARED or (known.absence and verdict is Verdict.SAME):
        return Step(replace(known, doubt=None, absence=None))
    return standstill(known, patience, now)


def swapped(known: KnownJob, state: State, now: float) -> KnownJob:
    """Return a job in another state: it is there and in no doubt."""
    fresh = replace(known, version=known.version + 1, state=state, same_since=now, settled=False)
    return replace(fresh, doubt=None, absence=None, gone=False, stuck_since=None)


def standstill(known: KnownJob, patience: Patience, now: float, event_at: float | None = None) -> Step | None:
    """Return what time, or the newest line of a job's log, makes of whether it stands still; None where nothing."""
    status, noted, after = known.state.status, known.stuck_since, patience.stuck_after
    since = stuck_since(status, known.same_since, noted, now=now, after=after, event_at=event_at)
    if since == noted:
        return None
    kind = ChangeKind.MOVED if since is None else ChangeKind.STUCK
    change = Change(kind, known.state, known.state, stuck_for=now - (since or noted or now))
    return Step(replace(known, version=known.version + 1, stuck_since=since), change)


def _missed(known: KnownJob, patience: Patience, now: float) -> Step:
    before = known.absence
    absence = Absence(before.reads + 1 if before else 1, min(before.since, now) if before else now, now)
    row = replace(known, absence=absence)
    if known.gone:
        return Step(replace(row, settled=known.settled or is_given_up(absence)))
    if not is_gone(absence, patience.interval):
        return Step(row)
    return Step(replace(row, version=known.version + 1, gone=True), Change(ChangeKind.GONE, known.state, known.state))
