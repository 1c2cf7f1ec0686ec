"""Transitions: the new row of a job after a read, and the change to alert on. Pure."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from bot.jobs.changes import Change, ChangeKind, State, change_between, state_of
from bot.jobs.debounce import Absence, DebounceResult, SoftState, debounce, is_given_up, is_missing
from bot.jobs.stalled import StallTimeouts, stalled_since
from bot.providers.http.wire import FetchedJob
from bot.store.jobs.documents import JobDocument, Pushed, RunStart
from bot.store.jobs.jobs import KnownJob


@dataclass(frozen=True)
class PollResult:
    """Jobs of an account that were read, with their known rows from before the request."""

    account: str
    fetched: Sequence[FetchedJob]
    known: Mapping[str, KnownJob]
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Reasons of failed jobs, from their events, by id."""
    late: bool = False
    """Whether the account was not polled for a while before."""
    missing: Sequence[str] = ()
    """Ids of known jobs that the API no longer returns."""


@dataclass(frozen=True)
class ObservedJob:
    """One job of a poll result."""

    account: str
    id: str
    known: KnownJob | None
    """Its row from before the request; None for a new job."""
    document: JobDocument | None
    """None if the API no longer returns it."""
    reason: str | None = None
    late: bool = False

    def prepare(self) -> None:
        """Compute cached properties before the transaction begins."""
        if self.document:
            _ = self.document.serialized, self.document.body_hash, self.document.job if self.known is None else None


@dataclass(frozen=True)
class Thresholds:
    """Durations after which a read or a stall counts, in seconds."""

    interval: float
    """Time between two reads of which the second confirms the first."""
    stalled_after: StallTimeouts


@dataclass(frozen=True)
class Transition:
    """New row of a job, with its change."""

    row: KnownJob
    change: Change | None = None

    @property
    def is_stall(self) -> bool:
        """Whether the change is that the job stalled or progresses again, which matters only to tracked jobs."""
        return self.change is not None and self.change.kind in (ChangeKind.STALLED, ChangeKind.PROGRESSING)


def observed_jobs(result: PollResult) -> list[ObservedJob]:
    """Return the jobs of a poll result, oldest first, missing ones last.

    Pages list the newest job first, and times are whole seconds: jobs of the same second keep their order. A job that
    moved between two pages was read twice: the later read counts.
    """
    unique = {job.snapshot.id: job for job in result.fetched}
    oldest_first = list(reversed(unique.values()))
    oldest_first.sort(key=lambda job: job.snapshot.created_at or 0)
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


def transition(known: KnownJob, document: JobDocument | None, thresholds: Thresholds, now: float) -> Transition | None:
    """Return the transition of a known job after a read, or None if nothing changed.

    Args:
        known: the job's row.
        document: the job as read; None if it was missing.
        thresholds: durations after which a read or a stall counts.
        now: current time by the store's clock.
    """
    if document is None:
        return _missing(known, thresholds, now)
    new = state_of(document.snapshot)
    if document.pushed:
        return _pushed(known, new, document.pushed, now)
    debounced = debounce(known.state, known.soft_state, new, now=now, interval=thresholds.interval)
    change = change_between(known.state, new) if debounced is DebounceResult.CONFIRMED else None
    if change is None and known.missing:
        change = Change(ChangeKind.REAPPEARED, known.state, known.state)
    if change:
        if known.stalled_since is not None:
            change = replace(change, stalled_for=now - known.stalled_since)
        return Transition(with_state(known, change.after, now), change)
    if debounced is DebounceResult.SUSPECTED:
        return Transition(replace(known, soft_state=SoftState(new.status, now), absence=None, closed=False))
    if debounced is DebounceResult.CLEARED or (known.absence and debounced is DebounceResult.UNCHANGED):
        return Transition(replace(known, soft_state=None, absence=None))
    return stall_transition(known, thresholds, now)


def _pushed(known: KnownJob, new: State, pushed: Pushed, now: float) -> Transition | None:
    """Return the transition of a job after a call of its trainer."""
    if pushed.start is RunStart.AGAIN:
        is_same = new == known.state and known.stalled_since is None
        return None if is_same else Transition(with_state(known, new, now))
    change = change_between(known.state, new)
    if pushed.start is RunStart.NEW:
        change = Change(ChangeKind.RESTARTED, known.state, new)
    elif change is None and pushed.recovery and known.stalled_since is not None:
        change = Change(pushed.recovery, known.state, new)
    if change is None:
        return None
    if known.stalled_since is not None:
        change = replace(change, stalled_for=now - known.stalled_since)
    is_same = change.kind in (ChangeKind.HEARD, ChangeKind.PROGRESSING)
    row = (
        replace(with_state(known, new, now), state_since=known.state_since) if is_same else with_state(known, new, now)
    )
    return Transition(row, change)


def with_state(known: KnownJob, state: State, now: float) -> KnownJob:
    """Return the row of a job in a confirmed state."""
    fresh = replace(known, version=known.version + 1, state=state, state_since=now, closed=False)
    return replace(fresh, soft_state=None, absence=None, missing=False, stalled_since=None)


def stall_transition(
    known: KnownJob, thresholds: Thresholds, now: float, event_at: float | None = None
) -> Transition | None:
    """Return the transition of a job that stalled or progresses again, judged by time and its newest event, or None."""
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
