import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.jobs.changes import State
from bot.jobs.debounce import (
    MISSING_GIVE_UP_AFTER,
    Absence,
    DebounceResult,
    SoftState,
    debounce,
    is_given_up,
    is_missing,
)
from bot.jobs.statuses import is_final

NOW = 1_790_000_000.0
INTERVAL = 30.0
DONE = State("succeeded", "ft:m")
SAME, CHANGED, NOTED, WAITING, CLEARED = DebounceResult


def soft_state(status: str, ago: float) -> SoftState:
    return SoftState(status, NOW - ago)


@pytest.mark.parametrize(
    ("stored", "noted", "new", "result"),
    [
        # A job that goes on is believed at once, one that seems to go backward is not.
        (State("queued"), None, State("queued"), SAME),
        (State("queued"), None, State("running"), CHANGED),
        (State("validating_files"), None, State("queued"), CHANGED),
        (State("running"), None, State("paused"), CHANGED),
        (State("paused"), None, State("queued"), CHANGED),
        (State("paused"), None, State("running"), CHANGED),
        (State("resuming"), None, State("queued"), CHANGED),
        (State("running"), None, State("queued"), NOTED),
        (State("running"), soft_state("queued", 30), State("queued"), WAITING),
        (State("running"), soft_state("queued", 240), State("queued"), CHANGED),
        (State("running"), soft_state("queued", 30), State("running"), CLEARED),
        (State("running"), soft_state("queued", 30), DONE, CHANGED),
        (State("queued"), None, State("validating_files"), NOTED),
        (State("uploading"), None, State("created"), NOTED),
        (State("running"), None, DONE, CHANGED),
        (State("word_of_tomorrow"), None, State("running"), CHANGED),
        # One that is over, only if a later read says the same.
        (DONE, None, DONE, SAME),
        (DONE, None, State("running"), NOTED),
        (DONE, None, State("failed"), NOTED),
        (State("failed"), None, DONE, NOTED),
        (State("cancelled"), None, State("word_of_tomorrow"), NOTED),
        (DONE, soft_state("running", 0), State("running"), WAITING),
        (DONE, soft_state("running", 30), State("running"), WAITING),
        (DONE, soft_state("running", 215.9), State("running"), WAITING),
        (DONE, soft_state("running", 216), State("running"), CHANGED),
        (DONE, soft_state("running", 9999), State("running", "ft:m"), CHANGED),
        (State("failed"), soft_state("succeeded", 240), DONE, CHANGED),
        # Another contradiction is a first one again.
        (DONE, soft_state("running", 30), State("queued"), NOTED),
        (DONE, soft_state("running", 30), State("failed"), NOTED),
        # What was noted before the clock was set back says nothing about how long ago that was.
        (DONE, soft_state("running", -3600), State("running"), NOTED),
        # A read of what is stored clears the soft state, one without a status does not.
        (DONE, soft_state("running", 30), DONE, CLEARED),
        (DONE, soft_state("running", 30), State("unknown"), SAME),
        (DONE, None, State("unknown"), SAME),
        # The model is no state: it comes and goes at once.
        (State("succeeded"), None, DONE, CHANGED),
        (DONE, None, State("succeeded"), CHANGED),
        (DONE, soft_state("running", 5), State("succeeded", "ft:other"), CHANGED),
    ],
)
def test_what_a_read_amounts_to(stored: State, noted: SoftState | None, new: State, result: DebounceResult) -> None:
    assert debounce(stored, noted, new, now=NOW, interval=INTERVAL) is result


words = st.sampled_from("queued running paused succeeded failed cancelled unknown word_of_tomorrow".split())
states = st.builds(State, words, st.none() | st.just("ft:m"))


@pytest.mark.parametrize("stale", [State("running"), State("queued"), State("failed")])
@pytest.mark.parametrize("every", [2, 3, 5])
def test_replicas_that_flap_take_no_job_out_of_its_end(stale: State, every: int) -> None:
    noted: SoftState | None = None
    for nth in range(500):
        now, new = NOW + nth * INTERVAL, stale if nth % every == 0 else DONE
        result = debounce(DONE, noted, new, now=now, interval=INTERVAL)
        assert result is not CHANGED
        noted = SoftState(new.status, now) if result is NOTED else None if result is CLEARED else noted


@given(states, st.lists(states, max_size=30))
def test_no_single_read_takes_a_job_out_of_a_final_state(stored: State, reads: list[State]) -> None:
    noted: SoftState | None = None
    before = None
    for nth, new in enumerate(reads):
        now = NOW + nth * INTERVAL
        result = debounce(stored, noted, new, now=now, interval=INTERVAL)
        says = stored.status if new.status == "unknown" else new.status
        if result is CHANGED and is_final(stored.status) and says != stored.status:
            assert before == says
        if result is CHANGED:
            stored, noted = State(says, new.fine_tuned_model), None
        noted = SoftState(says, now) if result is NOTED else None if result is CLEARED else noted
        before = before if new.status == "unknown" else says


@pytest.mark.parametrize(
    ("reads", "span", "gone"),
    [(1, 0, False), (2, 9999, False), (3, 53.9, False), (3, 54, True), (3, 60, True), (4, 30, False), (9, 60, True)],
)
def test_a_job_is_missing_after_three_reads_that_span_two_intervals(reads: int, span: float, *, gone: bool) -> None:
    assert is_missing(Absence(reads, NOW, NOW + span), INTERVAL) is gone


@pytest.mark.parametrize(
    ("span", "given_up"), [(0, False), (MISSING_GIVE_UP_AFTER - 1, False), (MISSING_GIVE_UP_AFTER, True)]
)
def test_a_missing_job_is_polled_for_a_week(span: float, *, given_up: bool) -> None:
    assert is_given_up(Absence(99, NOW, NOW + span)) is given_up
