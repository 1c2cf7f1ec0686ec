from structlog.testing import capture_logs

from bot.telemetry.logs import RateLimitedLog


def test_a_sampled_event_is_logged_once_a_second_and_says_what_was_left_out() -> None:
    now = 100.0

    with capture_logs() as lines:
        refused = RateLimitedLog("refused", clock=lambda: now)
        for at in (100.0, 100.1, 100.9, 101.0, 101.5, 150.0):
            now = at
            refused(at=at)

    said = [(line["event"], line["at"], line["suppressed"]) for line in lines]
    assert said == [("refused", 100.0, 0), ("refused", 101.0, 2), ("refused", 150.0, 1)]
