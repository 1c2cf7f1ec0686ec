"""Checker of a race, pure: compares network requests, API jobs and rows of the store."""

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

from bot.jobs.actions import Decision
from bot.jobs.statuses import is_final
from bot.store.actions.confirmations import RESUBMIT_COOLDOWN

ENDS = frozenset({Decision.DONE, Decision.FINISHED, Decision.REFUSED, Decision.UNSENT, Decision.UNKNOWN})
_NOTIFIED_BY_CHANGE = {Decision.DONE: "carried out", Decision.FINISHED: "came too late"}
_OUTCOMES = _NOTIFIED_BY_CHANGE | {Decision.UNKNOWN: "not confirmed"}
_CLAIMS = ("was canceled", "Cancel request sent", "You canceled ", "> canceled ")
"""Words after which somebody believes that the job is cancelled."""
_WATCHES = "I'll keep checking"
_WORDS = {
    Decision.DONE: "was canceled",
    Decision.FINISHED: "had already finished",
    Decision.UNSENT: "nothing was sent",
}
"""What the answer to an action says that ended in this way."""


@dataclass(frozen=True)
class SentAction:
    """An action request as the bot sent it."""

    user_action: int | None
    """The press that it came from; None: it came from nobody."""
    read: str | None
    """The status of the job that the press had read last."""
    submitted: frozenset[str]
    """The keys of the actions that were committed to the audit by then."""
    fault: str
    """What happened to it; "refused": there was no connection, "calm": nothing."""


@dataclass(frozen=True)
class ButtonPress:
    """A press of a confirmation button, and its reply."""

    user_action: int
    person: str
    key: str
    said: str | None
    """None: the process died before it said anything."""
    decision: Decision | None
    """What the audit was to keep; None where the action is in it, or the process died."""
    was_cancelled: bool = False
    """Whether the API's job was cancelled when this was said."""


@dataclass(frozen=True)
class AuditRow:
    """An audit row of a press or an action."""

    at: float
    person: str
    source: str
    decision: Decision
    key: str | None = None
    """The action that it is about."""
    status_before: str | None = None
    has_job: bool = True
    """Whether it says which job it is about."""


@dataclass(frozen=True)
class ActionNotice:
    """A pending notice about an action, to a person or a thread."""

    to: str
    kind: str
    how: str | None
    """How it is said to have ended."""
    said: str


@dataclass(frozen=True)
class Evidence:
    """What can be seen after a race."""

    status: str
    """The API's job's in the end."""
    known: str | None
    """The same as the store has it; None where it knows no such job."""
    is_tracked: bool
    posts: Sequence[SentAction]
    presses: Sequence[ButtonPress]
    rows: Sequence[AuditRow]
    notices: Sequence[ActionNotice]
    first_broken: int | None = None
    """The first broken row of the audit."""
    errors: Sequence[str] = ()
    """What a living process logged as an error."""
    actions: dict[str, int] = field(init=False)
    """Where in ``rows`` each action is given, by its key."""

    def __post_init__(self) -> None:
        """Find the actions."""
        given = {row.key: at for at, row in enumerate(self.rows) if row.key and row.decision is Decision.SUBMITTED}
        object.__setattr__(self, "actions", given)

    def ends(self, key: str | None) -> list[int]:
        """Return where in ``rows`` an action ends."""
        return [at for at, row in enumerate(self.rows) if row.key == key and row.decision in ENDS]


def check(evidence: Evidence) -> list[str]:
    """Return everything that a race breaks of the promises, in words."""
    rules = (
        _is_consistent,
        _sent_once,
        _sent_after_submit,
        _finished_once,
        _finished_truthfully,
        _audited,
        _answered_truthfully,
        _notified,
    )
    return [broken for rule in rules for broken in rule(evidence)]


def lost_replies(evidence: Evidence) -> int:
    """Count actions whose end was committed just before the process died: the person hears it when they press again."""
    cut = {press.key for press in evidence.presses if press.said is None}
    ends = [evidence.rows[end] for key in evidence.actions for end in evidence.ends(key)]
    return sum(row.source == "button" and row.key in cut for row in ends)


def _is_consistent(evidence: Evidence) -> Iterator[str]:
    if evidence.first_broken is not None:
        yield f"the audit is broken at row {evidence.first_broken}"
    for error in evidence.errors:
        yield f"a living process logged {error}"


def _sent_once(evidence: Evidence) -> Iterator[str]:
    """Each action leaves once at most, and surely where its process lived; a job has one action at a time."""
    keys = {press.user_action: press.key for press in evidence.presses}
    left = Counter(keys.get(post.user_action) if post.user_action is not None else None for post in evidence.posts)
    yield from (f"{times} POSTs of the action {key}" for key, times in left.items() if times > 1)
    for press in evidence.presses:
        if press.said is not None and press.decision is None and left[press.key] != 1:
            yield f"{left[press.key]} POSTs of the action {press.key} that was answered"
    places = list(evidence.actions.items())
    for (earlier, _), (later, place) in pairwise(places):
        ends = [end for end in evidence.ends(earlier) if end < place]
        if not ends:
            yield f"the action {later} while {earlier} is under way"
        elif (
            evidence.rows[ends[0]].decision is Decision.DONE
            and evidence.rows[place].at < evidence.rows[ends[0]].at + RESUBMIT_COOLDOWN
        ):
            yield f"the action {later} just after {earlier} was done"


def _sent_after_submit(evidence: Evidence) -> Iterator[str]:
    """An action leaves after its press, its row in the audit, and a read that shows the job as the confirmation did."""
    keys = {press.user_action: press.key for press in evidence.presses}
    for post in evidence.posts:
        key = keys.get(post.user_action) if post.user_action is not None else None
        if key is None:
            yield "a POST without a press"
        elif key not in post.submitted or key not in evidence.actions:
            yield f"a POST of {key} before its row was committed"
        elif (
            post.read is None or is_final(post.read) or post.read != evidence.rows[evidence.actions[key]].status_before
        ):
            yield f"a POST of {key} although the job was read as {post.read}"


def _finished_once(evidence: Evidence) -> Iterator[str]:
    for key, place in evidence.actions.items():
        ends = evidence.ends(key)
        if len(ends) != 1:
            yield f"{len(ends)} ends of the action {key}"
        elif ends[0] < place:
            yield f"the action {key} ended before it was submitted"
    for row in evidence.rows:
        if row.decision in ENDS and row.key not in evidence.actions:
            yield f"an end of {row.key}, which was never submitted"


def _finished_truthfully(evidence: Evidence) -> Iterator[str]:
    """What the audit says became of an action agrees with the API, and with what passed."""
    acts = {press.user_action: press.key for press in evidence.presses}
    met = {acts.get(post.user_action) if post.user_action is not None else None: post.fault for post in evidence.posts}
    for key in evidence.actions:
        for end in (evidence.rows[place] for place in evidence.ends(key)):
            trouble, is_cancelled = met.get(key), evidence.status == "cancelled"
            truths = {
                Decision.DONE: is_cancelled,
                Decision.FINISHED: is_final(evidence.status) and not is_cancelled,
                Decision.UNSENT: trouble == "refused",
                Decision.REFUSED: trouble in ("limited", "access", "calm", "late"),
                Decision.UNKNOWN: trouble not in ("refused", "limited", "access") or end.source == "start",
            }
            if not truths[end.decision]:
                yield f"{key} is {end.decision}, but the job is {evidence.status} and the POST met {trouble}"


def _audited(evidence: Evidence) -> Iterator[str]:
    """Each press that was answered has its row, and no row has no press."""
    answered = Counter((press.person, press.decision) for press in evidence.presses if press.decision)
    written = Counter((row.person, row.decision) for row in evidence.rows if row.key is None)
    yield from (f"{times} presses without a row: {what}" for what, times in (answered - written).items())
    yield from (f"a row of {row.person} ({row.decision}) without a job" for row in evidence.rows if not row.has_job)
    cut = Counter(press.person for press in evidence.presses if press.said is None)
    spare = Counter(person for person, _ in (written - answered).elements())
    yield from (f"{times} rows of {person} without a press" for person, times in (spare - cut).items())
    for press in evidence.presses:
        if press.said is not None and press.decision is None and press.key not in evidence.actions:
            yield f"{press.key} was answered as an action, and is none"


def _answered_truthfully(evidence: Evidence) -> Iterator[str]:
    """Nobody is told that the job is cancelled where it is not, nor something else than what the audit has."""
    is_cancelled = evidence.status == "cancelled"
    for line in evidence.notices:
        if not is_cancelled and (line.how == "carried out" or any(claim in line.said for claim in _CLAIMS)):
            yield f"{line.to} was told {line.said!r}, and it is {evidence.status}"
    for press in evidence.presses:
        said = press.said or ""
        if not press.was_cancelled and any(claim in said for claim in _CLAIMS):
            yield f"{press.person} was told {said!r} too early"
        if press.said is None or press.decision is not None or _WATCHES in said:
            continue
        for end in (evidence.rows[place] for place in evidence.ends(press.key)):
            if end.source != "button" or _WORDS.get(end.decision, "") not in said:
                yield f"{press.person} was told {said!r}, and the audit has {end.decision} by {end.source}"


def _notified(evidence: Evidence) -> Iterator[str]:
    """Who submitted an action hears its end, in the answer or later; so do the threads of the job, in theirs."""
    ends = [evidence.rows[place] for key in evidence.actions for place in evidence.ends(key)]
    later = Counter(
        (end.person, _OUTCOMES.get(end.decision, "not carried out")) for end in ends if end.source == "start"
    )
    people = {end.person for end in ends}
    told = Counter((line.to, line.how) for line in evidence.notices if line.to in people)
    if told != later:
        yield f"pending for people {dict(later)}, told {dict(told)}"
    heard = {press.key for press in evidence.presses if press.said is not None and press.decision is None}
    cut = {press.key for press in evidence.presses if press.said is None}
    yield from (
        f"nobody heard the end of {end.key}" for end in ends if end.source != "start" and end.key not in heard | cut
    )
    kinds = Counter(line.kind for line in evidence.notices if line.to not in people)
    by_line = sum(end.decision not in _NOTIFIED_BY_CHANGE for end in ends)
    expected = {"order_given": len(evidence.actions), "order_ended": by_line} if evidence.is_tracked else {}
    if kinds != Counter(expected):
        yield f"pending for the thread {expected}, told {dict(kinds)}"
    if len(ends) > by_line and evidence.known != evidence.status:
        yield f"the store has the job {evidence.known}, and it is {evidence.status}"
