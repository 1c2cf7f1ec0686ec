"""Delivery check over time, on a manual clock."""

import pytest

from bot.sandbox.demo.oracle.delivery_check import (
    ALL_CHANNELS,
    LATE_AFTER_SECONDS,
    MAX_STEP_SECONDS,
    SECONDS_PER_MESSAGE,
    Color,
    DeliveryCheck,
    color,
)

JOB = ("C1", "ftjob-1")
RECOVERY_SECONDS = 60.0


class RepeatedCheck:
    """A check that is updated every second."""

    def __init__(self) -> None:
        self.now = 0.0
        self.check = DeliveryCheck()

    def wait(
        self,
        seconds: float,
        *,
        pending: frozenset[tuple[str, str]] = frozenset({JOB}),
        posts: int = 0,
        outage: str | None = None,
    ) -> set[tuple[str, str]]:
        """Update every second for ``seconds``; return what is late at the end."""
        late: set[tuple[str, str]] = set()
        for _ in range(round(seconds)):
            self.now += 1.0
            names = {} if outage is None else {outage: RECOVERY_SECONDS}
            late = self.check.update(self.now, pending, {"C1": posts}, outages=names)
        return late


def test_a_result_pending_too_long_is_late_until_delivered() -> None:
    check = RepeatedCheck()
    assert check.wait(LATE_AFTER_SECONDS) == set()
    assert check.wait(2) == {JOB}
    assert check.wait(1, pending=frozenset()) == set()
    assert check.wait(LATE_AFTER_SECONDS) == set(), "the next one starts anew"


@pytest.mark.parametrize("outage", [ALL_CHANNELS, "C1"])
def test_an_outage_and_its_recovery_time_do_not_count(outage: str) -> None:
    check = RepeatedCheck()
    assert check.wait(3600, outage=outage) == set()
    assert check.wait(RECOVERY_SECONDS + LATE_AFTER_SECONDS - 2) == set()
    assert check.wait(4) == {JOB}


def test_another_channels_outage_does_not_count() -> None:
    assert RepeatedCheck().wait(LATE_AFTER_SECONDS + 2, outage="C2") == {JOB}


def test_a_result_late_before_an_outage_stays_late() -> None:
    check = RepeatedCheck()
    check.wait(LATE_AFTER_SECONDS + 2)
    assert check.wait(10, outage=ALL_CHANNELS) == {JOB}


def test_a_busy_channel_may_take_longer() -> None:
    check = RepeatedCheck()
    check.wait(1)
    assert check.wait(LATE_AFTER_SECONDS + 10 * SECONDS_PER_MESSAGE - 2, posts=10) == set()
    assert check.wait(4, posts=10) == {JOB}


def test_a_gap_between_updates_does_not_count() -> None:
    check = DeliveryCheck()
    check.update(0.0, [JOB], {}, outages={})
    assert check.update(3600.0, [JOB], {}, outages={}) == set()
    assert MAX_STEP_SECONDS < LATE_AFTER_SECONDS


@pytest.mark.parametrize(
    ("numbers", "expected"),
    [
        ({}, Color.GREEN),
        ({"pending": 2}, Color.AMBER),
        ({"is_broken": True}, Color.AMBER),
        ({"pending": 2, "is_broken": True}, Color.AMBER),
        ({"pending": 1, "late": 1}, Color.RED),
        ({"duplicates": 1}, Color.RED),
        ({"violations": 1}, Color.RED),
        ({"pending": 1, "duplicates": 1, "is_broken": True}, Color.RED),
    ],
)
def test_color(numbers: dict[str, int], expected: Color) -> None:
    nothing = {"pending": 0, "late": 0, "duplicates": 0, "violations": 0, "is_broken": False}
    assert color(**{**nothing, **numbers}) is expected  # type: ignore[arg-type]
