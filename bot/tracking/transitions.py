"""What a read makes of a job: its row as it is to be, and the change that people hear of. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot.jobs.changes import Change, ChangeKind, State, change_between, state_of
from bot.jobs.confirmation import Absence, DebounceResult, SoftState, confirm, is_given_up, is_missing
from bot.jobs.stalled import StallTimeouts, stalled_since
from bot.providers.wire import FetchedJob
from bot.store.jobs.jobs import KnownJob
from bot.store.jobs.snapshots import JobDocument


@dataclass(frozen=True)
class PollResult:
    """What was read of some jobs of an account, and what was known before the request."""

    account: str
    fetched: Sequence[FetchedJob]
    known: Mapping[str, KnownJob]
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Why jobs failed, from their logs, by id."""
    late: bool = False
    """Whether nobody was looking for a while before."""
    missing: Sequence[str] = ()
    """Ids of known jobs that the API does not know any more."""


@dataclass(frozen=True)
class ObservedJob:
    """One job of what was read."""

    account: str
    id: str
    known: KnownJob | None
    """The job as it was known before the request; None where it was not."""
    fetched: JobDocument | None
    """None where the API does not know it any more."""
    reason: str | None = None
    late: bool = False

    def prepare(self) -> None:
        """Work out what is likely to be written, so that no transaction waits for it."""
        if self.fetched:
            _ = self.fetched.serialized, self.fetched.body_hash, self.fetched.job if self.known is None else None


@dataclass(frozen=True)
class Thresholds:
    """How long what is read waits before it counts, in seconds."""

    interval: float
    """Two reads so far apart are believed."""
    stalled_after: StallTimeouts


@dataclass(frozen=True)
class Transition:
    """What a read makes of a job."""

    row: KnownJob
    change: Change | None = None

    @property
    def is_stall(self) -> bool:
        """Whether it tells that the job stands still or moves again, which matters only to who follows it."""
        return self.change is not None and self.change.kind in (ChangeKind.STALLED, ChangeKind.PROGRESSING)


def observed_jobs(result: PollResult) -> list[ObservedJob]:
    """Return the jobs of what was read, oldest first, those that were missed at the end.

    Pages hold the newest first, and times are whole seconds: jobs of one second keep their order. A job that moved
    between two pages was read twice: the later read counts.
    """
    once = {reading.snapshot.id: reading for reading in result.fetched}
    oldest_first = list(reversed(once.values()))
    oldest_first.sort(key=lambda reading: reading.snapshot.created_at or 0)
    found = [
        ObservedJob(
            result.account,
            each.snapshot.id,
            result.known.get(each.snapshot.id),
            JobDocument(each.snapshot, each.body),
            result.reasons.get(each.snapshot.id),
            result.late,
        )
        for each in oldest_first
    ]
    return found + [
        ObservedJob(result.account, id_, result.known[id_], None, late=result.late) for id_ in result.missing
    ]


def transition(known: KnownJob, fetched: JobDocument | None, thresholds: Thresholds, now: float) -> Transition | None:
    """Return what a read makes of a job that is ``known``, None where it says nothing new.

    Args:
        known: the job as it is stored.
        fetched: the read; None where it did not find the job.
        thresholds: how soon reads are believed.
        now: the present moment, by the clock of what is stored.
    """
    if fetched is None:
        return _missing(known, thresholds, now)
    new = state_of(fetched.snapshot)
    confirmation = confirm(known.state, known.soft_state, new, now=now, interval=thresholds.interval)
    change = change_between(known.state, new) if confirmation is DebounceResult.CONFIRMED else None
    if change is None and known.missing:
        change = Change(ChangeKind.REAPPEARED, known.state, known.state)
    if change:
        if known.stalled_since is not None:
            change = replace(change, stalled_for=now - known.stalled_since)
        return Transition(with_state(known, change.after, now), change)
    if confirmation is DebounceResult.SUSPECTED:
        return Transition(replace(known, soft_state=SoftState(new.status, now), absence=None, closed=False))
    if confirmation is DebounceResult.CLEARED or (known.absence and confirmation is DebounceResult.UNCHANGED):
        return Transition(replace(known, soft_state=None, absence=None))
    return stall_transition(known, thresholds, now)


def with_state(known: KnownJob, state: State, now: float) -> KnownJob:
    """Return a job in another state: it is there and in no doubt."""
    fresh = replace(known, version=known.version + 1, state=state, state_since=now, closed=False)
    return replace(fresh, soft_state=None, absence=None, missing=False, stalled_since=None)


def stall_transition(
    known: KnownJob, thresholds: Thresholds, now: float, event_at: float | None = None
) -> Transition | None:
    """Return what time, or the newest line of a job's log, makes of whether it stands still; None where nothing."""
    status, reported, after = known.state.status, known.stalled_since, thresholds.stalled_after
    since = stalled_since(status, known.state_since, reported, now=now, timeouts=after, event_at=event_at)
    if since == reported:
        return None
    kind = ChangeKind.PROGRESSING if since is None else ChangeKind.STALLED
    change = Change(kind, known.state, known.state, stalled_for=now - (since or reported or now))
    return Transition(replace(known, version=known.version + 1, stalled_since=since), change)


def _missing(known: KnownJob, thresholds: Thresholds, now: float) -> Transition:
    before = known.absence
    absence = Absence(before.reads + 1 if before else 1, min(before.since, now) if before else now, now)
    row = replace(known, absence=absence)
    if known.missing:
        return Transition(replace(row, closed=known.closed or is_given_up(absence)))
    if not is_missing(absence, thresholds.interval):
        return Transition(row)
    return Transition(
        replace(row, version=known.version + 1, missing=True), Change(ChangeKind.MISSING, known.state, known.state)
    )
