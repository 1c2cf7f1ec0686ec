import pytest

from bot.jobs.stalled import NO_STALL_TIMEOUTS, StallTimeouts, stalled_since

HOUR = 3600.0
AFTER = StallTimeouts()


@pytest.mark.parametrize(
    ("status", "hours", "event_hours", "found"),
    [
        ("validating_files", 0.9, None, None),
        ("validating_files", 1.1, None, 1.1),
        ("queued", 5.9, None, None),
        ("queued", 6.1, None, 6.1),
        ("pending", 6.1, None, 6.1),
        ("running", 30, None, None),
        ("running", 30, 1.9, None),
        ("running", 30, 2.1, 2.1),
        ("running", 1, 9, None),
        ("paused", 900, None, None),
        ("succeeded", 900, None, None),
        ("word_of_tomorrow", 900, None, None),
    ],
)
def test_a_job_is_stalled_after_its_time(
    status: str, hours: float, event_hours: float | None, found: float | None
) -> None:
    now = 1_000 * HOUR
    event_at = None if event_hours is None else now - event_hours * HOUR
    since = stalled_since(status, now - hours * HOUR, now=now, timeouts=AFTER, event_at=event_at)
    assert since == (None if found is None else pytest.approx(now - found * HOUR))


def test_what_was_alerted_stays_until_a_new_event() -> None:
    assert stalled_since("running", 0, 100.0, now=9e9, timeouts=AFTER) == 100.0
    assert stalled_since("running", 0, 100.0, now=9e9, timeouts=AFTER, event_at=100.0) == 100.0
    assert stalled_since("running", 0, 100.0, now=9e9, timeouts=AFTER, event_at=101.0) is None


def test_off_never_tells() -> None:
    assert stalled_since("queued", 0, now=9e9, timeouts=NO_STALL_TIMEOUTS) is None
