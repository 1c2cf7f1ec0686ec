import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import AccessDenied, InvalidResponse, ProviderError, RateLimited, Unreachable
from bot.jobs.changes import State
from bot.poll.backoff import LATE_AFTER, MAX_BACKOFF, MODEL_NAME_TIMEOUT, account_backoff, is_closed, is_late
from bot.store.jobs.jobs import KnownJob

NOW = 1_790_000_000.0
INTERVAL = 30.0
OUTAGE = Unreachable("No answer.", may_have_executed=False)


def known(status: str, same_for: float, model: str | None = None) -> KnownJob:
    return KnownJob(
        account="default",
        id="ftjob-a",
        version=3,
        state=State(status, model),
        created_at=None,
        state_since=NOW - same_for,
        closed=False,
    )


@pytest.mark.parametrize("status", ["failed", "cancelled", "expired", "canceled"])
@pytest.mark.parametrize(("same_for", "settled"), [(0, False), (29.9, False), (30, True), (31, True)])
def test_a_finished_job_is_closed_once_two_polls_agree(status: str, same_for: float, *, settled: bool) -> None:
    assert is_closed(known(status, same_for), NOW, INTERVAL) is settled


@pytest.mark.parametrize("status", ["queued", "running", "paused", "validating_files", "unknown", "word_of_tomorrow"])
def test_an_unfinished_job_is_never_closed(status: str) -> None:
    assert not is_closed(known(status, 1e9, "ft:x"), NOW, INTERVAL)


@pytest.mark.parametrize(
    ("same_for", "model", "settled"),
    [
        (29.9, "ft:x", False),
        (30, "ft:x", True),
        (30, None, False),
        (MODEL_NAME_TIMEOUT - 1, None, False),
        (MODEL_NAME_TIMEOUT, None, True),
    ],
)
def test_a_succeeded_job_is_given_time_for_its_model(same_for: float, model: str | None, *, settled: bool) -> None:
    assert is_closed(known("succeeded", same_for, model), NOW, INTERVAL) is settled


def test_a_long_interval_counts_for_a_job_without_a_model_too() -> None:
    assert not is_closed(known("succeeded", MODEL_NAME_TIMEOUT), NOW, 2 * MODEL_NAME_TIMEOUT)


@pytest.mark.parametrize(
    ("ago", "interval", "late"),
    [
        (None, 30, False),
        (0, 30, False),
        (LATE_AFTER, 30, False),
        (LATE_AFTER + 1, 30, True),
        (LATE_AFTER + 1, 0.1, True),
        (LATE_AFTER + 1, 60, False),
        (180, 60, False),
        (181, 60, True),
        (-5, 30, False),
    ],
)
def test_a_change_is_late_after_several_intervals_without_a_poll(
    ago: float | None, interval: float, *, late: bool
) -> None:
    assert is_late(None if ago is None else NOW - ago, NOW, interval) is late


@pytest.mark.parametrize(
    ("failures", "jitter", "pause"),
    [(1, 0, 22.5), (1, 1, 30), (2, 1, 60), (3, 1, 60), (3, 0, 45), (10_000, 1, 60)],
)
def test_the_backoff_of_a_failing_account_grows(failures: int, jitter: float, pause: float) -> None:
    assert account_backoff(OUTAGE, failures, INTERVAL, jitter) == pause


def test_an_interval_longer_than_the_longest_backoff_is_kept() -> None:
    assert account_backoff(OUTAGE, 5, 3600, 1) == 3600


@pytest.mark.parametrize(("jitter", "pause"), [(0, 20), (1, 22)])
def test_retry_after_is_kept_whatever_the_number_of_failures(jitter: float, pause: float) -> None:
    assert account_backoff(RateLimited("Slow down.", retry_after=20), 9, INTERVAL, jitter) == pytest.approx(pause)


@pytest.mark.parametrize(
    ("failures", "jitter", "pause"),
    [(1, 0, 60), (1, 1, 66), (2, 0, 120), (3, 0, 240), (4, 0, 300), (4, 1, 300), (10_000, 0, 300)],
)
def test_a_rejected_key_is_tried_at_most_once_a_minute(failures: int, jitter: float, pause: float) -> None:
    assert account_backoff(AccessDenied("Incorrect API key."), failures, INTERVAL, jitter) == pytest.approx(pause)


def test_a_rejected_key_does_not_shorten_a_long_interval() -> None:
    assert account_backoff(AccessDenied("no"), 1, 3600, 0) == 3600


errors = st.sampled_from([OUTAGE, InvalidResponse("?"), ProviderError("odd")])


@given(errors, st.integers(1, 10**9), st.floats(0.05, 86400), st.floats(0, 1))
def test_a_pause_stays_between_bounds(error: ProviderError, failures: int, interval: float, jitter: float) -> None:
    pause = account_backoff(error, failures, interval, jitter)

    assert 0.75 * interval <= pause * (1 + 1e-9)
    assert pause <= max(MAX_BACKOFF, interval)


@given(st.integers(1, 60), st.floats(0.05, 3600))
def test_a_backoff_never_shrinks_while_an_account_keeps_failing(failures: int, interval: float) -> None:
    assert account_backoff(OUTAGE, failures, interval, 0.5) <= account_backoff(OUTAGE, failures + 1, interval, 0.5)
