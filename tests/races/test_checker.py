"""The checker accepts a sound race and rejects each kind of doctored evidence."""

from dataclasses import replace

import pytest

from bot.jobs.actions import Decision
from bot.store.actions.confirmations import RESUBMIT_COOLDOWN
from tests.races.checker import ActionNotice, AuditRow, ButtonPress, Evidence, SentAction, check, lost_replies

CANCELLED = "`ftjob-race` was canceled."
WATCHED = "The API didn't confirm the cancel. It may have arrived. I'll keep checking and let you know."

FIRST = SentAction(2, "running", frozenset({"a"}), "calm")
SUBMITTED = ButtonPress(2, "U1", "a", CANCELLED, None, was_cancelled=True)
CLICK = ButtonPress(3, "U1", "a", "You're already canceling `ftjob-race`.", Decision.DUPLICATE)
ORDERED = AuditRow(10.0, "U1", "button", Decision.SUBMITTED, "a", "running")
CLICKED = AuditRow(10.5, "U1", "button", Decision.DUPLICATE)
DONE = AuditRow(11.0, "U1", "button", Decision.DONE, "a", "running")
GIVEN = ActionNotice("C1", "order_given", None, "")
GOOD = Evidence(
    status="cancelled",
    known="cancelled",
    is_tracked=True,
    posts=[FIRST],
    presses=[SUBMITTED, CLICK],
    rows=[ORDERED, CLICKED, DONE],
    notices=[GIVEN],
)

UNKNOWN = AuditRow(80.0, "U1", "start", Decision.UNKNOWN, "a", "running")
ENDED = ActionNotice("C1", "order_ended", "not confirmed", "I couldn't confirm that the cancel request went through.")
LOST = replace(
    GOOD,
    status="running",
    known="running",
    posts=[replace(FIRST, fault="dropped")],
    presses=[replace(SUBMITTED, said=WATCHED, was_cancelled=False), CLICK],
    rows=[ORDERED, CLICKED, UNKNOWN],
    notices=[GIVEN, ENDED, replace(ENDED, to="U1")],
)
"""The same, where neither the action nor its answer arrived."""

DIED = replace(GOOD, presses=[replace(SUBMITTED, said=None), CLICK])
"""The same, where the process died after the end was stored."""


@pytest.mark.parametrize("sound", [GOOD, LOST, DIED], ids=["done", "unknown", "died"])
def test_a_sound_race_breaks_nothing(sound: Evidence) -> None:
    assert check(sound) == []


def test_a_press_without_an_order_needs_its_row_alone() -> None:
    failed = ButtonPress(2, "U1", "a", "The API isn't responding properly.", Decision.FAILED)
    row = AuditRow(10.0, "U1", "button", Decision.FAILED)

    assert check(Evidence("running", None, is_tracked=False, posts=[], presses=[failed], rows=[row], notices=[])) == []


def test_an_action_that_was_refused_or_never_sent_notifies_the_thread() -> None:
    for end, trouble, said in (
        (
            Decision.REFUSED,
            "limited",
            "The API is rate-limiting ftjob. Your jobs aren't affected. Try again in 7 seconds.",
        ),
        (Decision.UNSENT, "refused", "I couldn't reach the API, so nothing was sent."),
    ):
        told = replace(
            GOOD,
            status="running",
            posts=[replace(FIRST, fault=trouble)],
            presses=[replace(SUBMITTED, said=said)],
            rows=[ORDERED, replace(DONE, decision=end)],
            notices=[GIVEN, ENDED],
        )
        assert check(told) == []
        assert check(replace(told, notices=[GIVEN])) != []


@pytest.mark.parametrize(
    ("doctored", "word"),
    [
        (replace(GOOD, first_broken=2), "audit is broken"),
        (replace(GOOD, errors=["actions.failing"]), "actions.failing"),
        (replace(GOOD, posts=[FIRST, FIRST]), "2 POSTs of the action a"),
        (replace(GOOD, posts=[]), "0 POSTs of the action a"),
        (replace(GOOD, posts=[replace(FIRST, user_action=None)]), "without a press"),
        (replace(GOOD, posts=[replace(FIRST, submitted=frozenset())]), "before its row"),
        (replace(GOOD, posts=[replace(FIRST, read="succeeded")]), "read as succeeded"),
        (replace(GOOD, posts=[replace(FIRST, read="paused")]), "read as paused"),
        (replace(GOOD, posts=[replace(FIRST, read=None)]), "read as None"),
        (replace(GOOD, rows=[ORDERED, CLICKED]), "0 ends"),
        (replace(GOOD, rows=[ORDERED, CLICKED, DONE, DONE]), "2 ends"),
        (replace(GOOD, rows=[DONE, CLICKED, ORDERED]), "before it was submitted"),
        (replace(GOOD, rows=[ORDERED, CLICKED, DONE, replace(DONE, key="b")]), "never submitted"),
        (replace(GOOD, status="succeeded"), "a is done, but"),
        (replace(GOOD, rows=[ORDERED, CLICKED, replace(DONE, decision=Decision.FINISHED)]), "a is over, but"),
        (replace(GOOD, rows=[ORDERED, CLICKED, replace(DONE, decision=Decision.UNSENT)]), "a is unsent, but"),
        (replace(LOST, rows=[ORDERED, CLICKED, replace(UNKNOWN, decision=Decision.REFUSED)]), "a is refused, but"),
        (
            replace(LOST, posts=[replace(FIRST, fault="limited")], rows=[ORDERED, replace(UNKNOWN, source="button")]),
            "a is unknown, but",
        ),
        (replace(GOOD, rows=[ORDERED, DONE]), "presses without a row"),
        (replace(GOOD, rows=[ORDERED, replace(CLICKED, has_job=False), DONE]), "without a job"),
        (replace(GOOD, rows=[ORDERED, CLICKED, CLICKED, DONE]), "rows of U1 without a press"),
        (replace(GOOD, presses=[SUBMITTED]), "rows of U1 without a press"),
        (replace(GOOD, rows=[CLICKED]), "is none"),
        (replace(GOOD, presses=[replace(SUBMITTED, was_cancelled=False), CLICK]), "too early"),
        (replace(GOOD, presses=[replace(SUBMITTED, said="Well."), CLICK]), "the audit has done"),
        (replace(LOST, presses=[replace(SUBMITTED, said="Well."), CLICK]), "the audit has unknown"),
        (replace(LOST, notices=[GIVEN, ENDED, replace(ENDED, to="U1", said=CANCELLED)]), "and it is running"),
        (replace(LOST, notices=[GIVEN, ENDED, replace(ENDED, to="U1", how="carried out")]), "and it is running"),
        (replace(LOST, notices=[GIVEN, ENDED]), "pending for people"),
        (replace(LOST, notices=[GIVEN, ENDED, *[replace(ENDED, to="U1")] * 2]), "pending for people"),
        (replace(LOST, notices=[GIVEN, replace(ENDED, to="U1")]), "pending for the thread"),
        (replace(GOOD, notices=[]), "pending for the thread"),
        (replace(GOOD, is_tracked=False), "pending for the thread"),
        (replace(GOOD, presses=[CLICK]), "nobody heard the end of a"),
        (replace(GOOD, known="running"), "the store has the job running"),
    ],
)
def test_doctored_evidence_is_rejected(doctored: Evidence, word: str) -> None:
    assert any(word in broken for broken in check(doctored)), check(doctored)


@pytest.mark.parametrize(
    ("end", "later", "word"),
    [
        (None, 20.0, "while a is under way"),
        (DONE, DONE.at + RESUBMIT_COOLDOWN - 1, "just after a was done"),
    ],
)
def test_a_second_order_has_to_wait_for_the_first(end: AuditRow | None, later: float, word: str) -> None:
    second = [replace(ORDERED, at=later, key="b"), replace(DONE, at=later + 1, key="b")]
    rows = [ORDERED, CLICKED, *([end] if end else []), *second, *([] if end else [replace(DONE, at=later + 2)])]
    presses = [SUBMITTED, CLICK, replace(SUBMITTED, user_action=4, key="b")]
    posts = [FIRST, SentAction(4, "running", frozenset({"a", "b"}), "calm")]

    assert any(word in broken for broken in check(replace(GOOD, rows=rows, presses=presses, posts=posts)))


def test_an_answer_is_lost_where_the_process_died_after_the_end() -> None:
    assert (lost_replies(GOOD), lost_replies(DIED), lost_replies(LOST)) == (0, 1, 0)
