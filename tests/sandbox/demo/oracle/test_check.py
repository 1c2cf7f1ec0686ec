"""The check over time, on a clock of the test's own."""

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
RECOVERS = 60.0


class Looking:
    """A check that is looked at every second."""

    def __init__(self) -> None:
        self.now = 0.0
        self.check = DeliveryCheck()

    def wait(
        self,
        seconds: float,
        *,
        pending: frozenset[tuple[str, str]] = frozenset({JOB}),
        posts: int = 0,
        broken: str | None = None,
    ) -> set[tuple[str, str]]:
        """Look every second for so long; return what is late at the end."""
        late: set[tuple[str, str]] = set()
        for _ in range(round(seconds)):
            self.now += 1.0
            names = {} if broken is None else {broken: RECOVERS}
            late = self.check.update(self.now, pending, {"C1": posts}, outages=names)
        return late


def test_what_is_pending_for_too_long_is_late_until_it_is_told() -> None:
    looking = Looking()
    assert looking.wait(LATE_AFTER_SECONDS) == set()
    assert looking.wait(2) == {JOB}
    assert looking.wait(1, pending=frozenset()) == set()
    assert looking.wait(LATE_AFTER_SECONDS) == set(), "a later one waits afresh"


@pytest.mark.parametrize("broken", [ALL_CHANNELS, "C1"])
def test_an_outage_and_the_time_to_recover_from_it_do_not_count(broken: str) -> None:
    looking = Looking()
    assert looking.wait(3600, broken=broken) == set()
    assert looking.wait(RECOVERS + LATE_AFTER_SECONDS - 2) == set()
    assert looking.wait(4) == {JOB}


def test_the_outage_of_another_channel_is_no_excuse() -> None:
    assert Looking().wait(LATE_AFTER_SECONDS + 2, broken="C2") == {JOB}


def test_what_was_late_before_an_outage_stays_so() -> None:
    looking = Looking()
    looking.wait(LATE_AFTER_SECONDS + 2)
    assert looking.wait(10, broken=ALL_CHANNELS) == {JOB}


def test_what_waits_behind_many_messages_of_its_channel_may_wait_longer() -> None:
    looking = Looking()
    looking.wait(1)
    assert looking.wait(LATE_AFTER_SECONDS + 10 * SECONDS_PER_MESSAGE - 2, posts=10) == set()
    assert looking.wait(4, posts=10) == {JOB}


def test_time_in_which_nobody_looked_does_not_count() -> None:
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
def test_the_color(numbers: dict[str, int], expected: Color) -> None:
    nothing = {"pending": 0, "late": 0, "duplicates": 0, "violations": 0, "is_broken": False}
    assert color(**{**nothing, **numbers}) is expected  # type: ignore[arg-type]
