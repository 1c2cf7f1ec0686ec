"""What counts as a change between two polls."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.jobs.changes import Change, ChangeKind, State, change_between, state_of
from bot.jobs.models import Job, Snapshot
from bot.jobs.statuses import UNKNOWN
from tests.builders import job_body

MODEL = "ft:gpt-4o-mini:acme::abc"
WORDS = "queued running paused succeeded failed cancelled Running defragmenting".split()
STATES = st.builds(State, st.sampled_from([*WORDS, UNKNOWN]), st.sampled_from([None, MODEL, "ft:other"]))


@pytest.mark.parametrize(
    ("old", "new", "kind"),
    [
        (State("queued"), State("running"), ChangeKind.STATUS),
        (State("running"), State("succeeded", MODEL), ChangeKind.STATUS),
        (State("succeeded"), State("succeeded", MODEL), ChangeKind.MODEL),
        (State("succeeded", MODEL), State("succeeded"), ChangeKind.MODEL),
        (State("succeeded", MODEL), State("succeeded", "ft:other"), ChangeKind.MODEL),
        (State("running"), State("running", "ft:snapshot"), ChangeKind.MODEL),
        (State("running"), State("Defragmenting"), ChangeKind.STATUS),
        (State(UNKNOWN), State("running"), ChangeKind.STATUS),
    ],
)
def test_a_difference_is_one_change(old: State, new: State, kind: ChangeKind) -> None:
    assert change_between(old, new) == Change(kind, old, new)


@pytest.mark.parametrize(
    ("before", "after"),
    [("paused", "queued"), ("running", "queued"), ("cancelled", "succeeded"), ("succeeded", "running")],
)
def test_a_step_back_is_a_change_like_any_other(before: str, after: str) -> None:
    change = change_between(State(before), State(after))
    assert change == Change(ChangeKind.STATUS, State(before), State(after))


def test_a_status_and_a_model_that_arrive_together_are_one_change() -> None:
    change = change_between(State("running"), State("succeeded", MODEL))
    assert change is not None
    assert (change.kind, change.after.fine_tuned_model) == (ChangeKind.STATUS, MODEL)
    assert change_between(change.after, State("succeeded", MODEL)) is None


@pytest.mark.parametrize("old", [State("running"), State("succeeded", MODEL)])
def test_a_read_without_a_status_changes_nothing(old: State) -> None:
    assert change_between(old, State(UNKNOWN)) is None


def test_a_read_without_a_status_may_still_bring_the_name_of_the_model() -> None:
    change = change_between(State("succeeded"), State(UNKNOWN, MODEL))
    assert change == Change(ChangeKind.MODEL, State("succeeded"), State("succeeded", MODEL))


@pytest.mark.parametrize(
    ("before", "after", "ends"),
    [
        ("running", "succeeded", True),
        ("queued", "failed", True),
        ("paused", "cancelled", True),
        ("running", "paused", False),
        ("running", "defragmenting", False),
        ("cancelled", "succeeded", False),
        ("succeeded", "running", False),
    ],
)
def test_a_job_ends_once(before: str, after: str, *, ends: bool) -> None:
    change = change_between(State(before), State(after))
    assert change is not None
    assert change.ends_job is ends


def test_a_name_that_comes_after_the_end_does_not_end_the_job_again() -> None:
    change = change_between(State("succeeded"), State("succeeded", MODEL))
    assert change is not None
    assert not change.ends_job


def test_a_state_is_what_a_snapshot_and_the_full_job_say_alike() -> None:
    body = job_body(status="succeeded", fine_tuned_model=MODEL)
    assert state_of(Snapshot.model_validate(body)) == state_of(Job.model_validate(body)) == State("succeeded", MODEL)


def test_an_error_or_a_count_alone_is_no_change() -> None:
    before = state_of(Job.model_validate(job_body()))
    after = state_of(Job.model_validate(job_body(error={"message": "x"}, trained_tokens=5, finished_at=1_790_000_000)))
    assert change_between(before, after) is None


@given(STATES)
def test_nothing_changes_between_a_state_and_itself(state: State) -> None:
    assert change_between(state, state) is None


@given(STATES, STATES)
def test_a_known_state_that_differs_is_always_a_change_from_the_old_to_the_new(old: State, new: State) -> None:
    change = change_between(old, new)
    if new.status != UNKNOWN:
        assert (change is None) == (old == new)
        assert change is None or (change.before, change.after) == (old, new)
    elif change:
        assert (change.kind, change.after.status) == (ChangeKind.MODEL, old.status)


@given(STATES, STATES)
def test_a_change_that_was_taken_in_is_not_found_again(old: State, new: State) -> None:
    change = change_between(old, new)
    assert change_between(change.after if change else old, new) is None


@given(STATES, STATES)
def test_no_change_forgets_a_status(old: State, new: State) -> None:
    change = change_between(old, new)
    assert change is None or change.after.status != UNKNOWN or old.status == UNKNOWN
