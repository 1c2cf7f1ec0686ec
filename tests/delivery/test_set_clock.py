"""Deliveries under a clock that is off, or that somebody sets: none is late by more than its wait, none goes out twice."""

import asyncio
from pathlib import Path

import pytest
from typing_extensions import override

from bot.sandbox.faults import Fault
from bot.sandbox.slack.server import Slack
from bot.slack.timeouts import DELIVERY_TIMEOUTS
from tests.delivery.harness import POST, Clock, DeliveryHarness, delivered_jobs, delivery_harness, metric
from tests.store.seeds import deliveries

HOUR, YEAR = 3600.0, 365 * 86400.0
LOST = Fault("drop", accepted=True)
"""Slack took it, and the answer never came."""


class SkewedClock(Clock):
    """The clock that nobody sets: it goes on with the other, but for what that is set by."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self.set_by = 0.0

    @override
    def __call__(self) -> float:
        return self._clock.now - self.set_by

    def set(self, harness: DeliveryHarness, seconds: float) -> None:
        """Set the bot's clock and wake the worker."""
        self.set_by += seconds
        harness.advance(seconds)


@pytest.mark.parametrize("ahead", [HOUR, -HOUR, YEAR, 400.0])
async def test_an_unconfirmed_message_is_found_although_the_clock_is_off(tmp_path: Path, ahead: float) -> None:
    clock = Clock()
    doubled = metric("ftjob_possible_duplicates_total")
    async with Slack(clock=lambda: clock.now - ahead) as slack, delivery_harness(tmp_path, slack, clock) as harness:
        ml = slack.add_channel("ml")
        slack.faults.add(POST, LOST)

        jobs = await harness.enqueue(ml)
        async with harness.fast_clock():
            await harness.until_states(ml, "sent")

        assert delivered_jobs(ml) == jobs
    assert metric("ftjob_possible_duplicates_total") == doubled


@pytest.mark.parametrize("seconds", [HOUR, -HOUR, YEAR, -YEAR, 20.0, -20.0])
async def test_what_is_being_posted_while_the_clock_is_set_goes_out_once(tmp_path: Path, seconds: float) -> None:
    clock = Clock()
    ages = SkewedClock(clock)
    async with Slack(clock=ages) as slack, delivery_harness(tmp_path, slack, clock, ages=ages) as harness:
        ml, ops = slack.add_channel("ml"), slack.add_channel("ops")
        slack.faults.add(POST, Fault("slow", seconds=1.0))
        jobs = await harness.enqueue(ml)
        await _until_under_way(harness)

        ages.set(harness, seconds)
        # Whoever sends meanwhile has no patience with a row that seems abandoned.
        others = await harness.enqueue(ops)
        await harness.until_delivered(ops, *others)
        await harness.until_delivered(ml, *jobs)
        async with harness.fast_clock():
            await harness.until_states(ml, "sent")

        assert (delivered_jobs(ml), delivered_jobs(ops)) == (jobs, others)


@pytest.mark.parametrize("seconds", [HOUR, -HOUR, YEAR, -YEAR, 5 * HOUR, -600.0])
async def test_what_is_unconfirmed_is_sent_in_time_and_once_when_the_clock_is_set(
    tmp_path: Path, seconds: float
) -> None:
    clock = Clock()
    ages = SkewedClock(clock)
    async with Slack(clock=ages) as slack, delivery_harness(tmp_path, slack, clock, ages=ages) as harness:
        ml, ops = slack.add_channel("ml"), slack.add_channel("ops")
        slack.faults.add(POST, LOST, Fault("drop"))
        took, lost = await harness.enqueue(ml), []
        await harness.until_states(ml, "unconfirmed")
        lost = await harness.enqueue(ops)
        await harness.until_states(ops, "unconfirmed")

        ages.set(harness, seconds)
        assert await _due_in(harness) <= DELIVERY_TIMEOUTS.lease
        async with harness.fast_clock():
            await harness.until_states(ml, "sent")
            await harness.until_states(ops, "sent")

        assert (delivered_jobs(ml), delivered_jobs(ops)) == (took, lost)


@pytest.mark.parametrize("seconds", [-HOUR, -YEAR, -90_000.0])
async def test_what_was_unconfirmed_at_a_crash_is_sent_once_if_the_clock_is_set_back_before_the_start(
    tmp_path: Path, seconds: float
) -> None:
    clock = Clock()
    set_by = 0.0
    async with Slack(clock=lambda: clock.now - set_by) as slack:
        ml = slack.add_channel("ml")
        async with delivery_harness(tmp_path, slack, clock) as harness:
            slack.faults.add(POST, LOST)
            jobs = await harness.enqueue(ml)
            await harness.until_states(ml, "unconfirmed")
        clock.now += 5 + seconds
        set_by = seconds

        async with delivery_harness(f"sqlite:///{tmp_path / 'ftjob.db'}", slack, clock) as harness:
            more = await harness.enqueue(ml)
            assert await _due_in(harness) <= DELIVERY_TIMEOUTS.lease
            async with harness.fast_clock():
                await harness.until_states(ml, "sent", "sent")
            assert delivered_jobs(ml) == [*jobs, *more]
            assert [row.unconfirmed for row in await deliveries(harness.store)] == [False, False]


async def _until_under_way(harness: DeliveryHarness) -> None:
    async with asyncio.timeout(300):
        faults = harness.slack.faults
        while not any(row.unconfirmed for row in await deliveries(harness.store)) or faults.is_queued(POST):  # noqa: ASYNC110 - a database tells nobody
            await asyncio.sleep(0.005)


async def _due_in(harness: DeliveryHarness) -> float:
    """Return in how many seconds something can be claimed, once the sender has seen what cannot be claimed yet."""
    async with asyncio.timeout(300):
        while not (seconds := await harness.store.outbox.deliveries.seconds_to_next()):  # noqa: ASYNC110 - a database tells nobody
            await asyncio.sleep(0.005)
    return seconds
