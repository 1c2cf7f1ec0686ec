"""The timer in real time: how often it looks, and that nothing stops it."""

import asyncio
import os
import sys
import time
from asyncio.subprocess import DEVNULL, PIPE
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest
import time_machine
from sqlalchemy import text
from structlog.testing import capture_logs

from bot.poll.poll_lease import LEASE
from bot.poll.scheduler import DUE_FRACTION, STOP_TIMEOUT, scheduled
from bot.sandbox.faults import Fault
from bot.sandbox.openai.server import FineTuningApi
from tests.delivery.harness import metric
from tests.empty_store import lay_out
from tests.faketime import WallClock, needs_faketime
from tests.poll import scheduler_process as ticks
from tests.poll.harness import LIST, PollHarness, poll_harness, poller_on
from tests.simulation.loop import VirtualLoop
from tests.stopwatch import stopwatch, within
from tests.store.seeds import ACCOUNT

OFTEN = 0.1
SELDOM = 60.0


@pytest.fixture
def asked() -> asyncio.Event:
    """Is set when the API begins to work on a request: it reads its clock."""
    return asyncio.Event()


@pytest.fixture
async def api(asked: asyncio.Event) -> AsyncIterator[FineTuningApi]:
    def clock() -> float:
        asked.set()
        return time.time()

    async with FineTuningApi(clock=clock) as made:
        yield made


@pytest.fixture
async def harness(tmp_path: Path, api: FineTuningApi) -> AsyncIterator[PollHarness]:
    async with poll_harness(lay_out(tmp_path / "ftjob.db"), api, interval=OFTEN, clock=time.time) as opened:
        await opened.subscribe()
        yield opened


async def _until_polled(harness: PollHarness, times: int) -> list[float]:
    """Wait until so many lists were read; return when."""
    request_log = harness.api.request_log
    await request_log.wait_until(lambda: len(request_log.for_endpoint(LIST)) >= times, why=f"{times} polls")
    return [entry.at for entry in request_log.for_endpoint(LIST)]


def _block_the_loop(seconds: float) -> None:
    time.sleep(seconds)


async def test_the_first_poll_begins_at_once(harness: PollHarness) -> None:
    async with stopwatch() as watch, scheduled([harness.poller], SELDOM):
        await _until_polled(harness, 1)

    assert watch.seconds < 1


async def test_an_account_is_polled_each_interval(harness: PollHarness) -> None:
    began = time.time()
    async with scheduled([harness.poller], 0.4):
        at = await _until_polled(harness, 2)
        async with stopwatch() as watch:
            at = await _until_polled(harness, 5)

    assert [moment - began >= 0.4 * nth for nth, moment in enumerate(at)] == [True] * 5, "never too early"
    assert watch.seconds < 2, "the first look opens the connection, too"


async def test_a_slow_api_is_never_polled_twice_at_once_nor_in_a_burst_afterwards(harness: PollHarness) -> None:
    harness.api.faults.add(LIST, Fault("late", seconds=1.2))
    began = time.time()
    async with scheduled([harness.poller], 0.3):
        await _until_polled(harness, 1)
        assert len(harness.api.request_log) == 1
        at = await _until_polled(harness, 4)

    assert at[0] - began >= 1.2
    # What was missed meanwhile is one look; each of the others comes no earlier than it would have come anyway.
    assert at[3] - began >= 1.2 + 2 * 0.3


async def test_a_poll_that_is_late_is_not_dropped(harness: PollHarness) -> None:
    async with scheduled([harness.poller], SELDOM):
        _block_the_loop(1.5)
        await _until_polled(harness, 1)


async def test_a_failing_poll_is_logged_once_as_is_its_recovery_and_the_timer_continues(harness: PollHarness) -> None:
    async with harness.store.db.transaction() as tx:
        await tx.execute(text("ALTER TABLE subscription RENAME TO away"))

    ticks = metric("ftjob_polls_total", account=ACCOUNT, result="error")
    with capture_logs() as logs:
        async with scheduled([harness.poller], OFTEN):
            async with within(10):
                while metric("ftjob_polls_total", account=ACCOUNT, result="error") < ticks + 3:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            assert len(harness.api.request_log) == 0
            assert harness.poller.is_failing
            async with harness.store.db.transaction() as tx:
                await tx.execute(text("ALTER TABLE away RENAME TO subscription"))
            await _until_polled(harness, 2)
            assert not harness.poller.is_failing

    assert [(log["event"], log["account"]) for log in logs] == [("poll.failing", ACCOUNT), ("poll.recovered", ACCOUNT)]
    assert "no such table: subscription" in str(logs[0]["exc_info"])


async def test_two_accounts_do_not_wait_for_each_other(harness: PollHarness, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    async with FineTuningApi() as slow:
        slow.faults.always(LIST, Fault("late", seconds=2))
        async with poll_harness(
            lay_out(tmp_path / "other" / "ftjob.db"), slow, account_name="slow", clock=time.time
        ) as other:
            await other.subscribe()
            async with scheduled([other.poller, harness.poller], OFTEN):
                await _until_polled(harness, 5)
                assert len(slow.request_log) == 0


async def test_two_timers_on_one_account_alternate_and_one_continues_alone(harness: PollHarness) -> None:
    _, other = poller_on(harness.store, harness.client, time.time, interval=0.4)
    _, first = poller_on(harness.store, harness.client, time.time, interval=0.4)
    began = time.time()
    async with scheduled([other], 0.4):
        await _until_polled(harness, 1)
        async with scheduled([first], 0.4):
            at = await _until_polled(harness, 7)
        assert [moment - began >= DUE_FRACTION * 0.4 * nth for nth, moment in enumerate(at)] == [True] * 7, (
            "as one alone"
        )
        async with stopwatch() as watch:
            await _until_polled(harness, 9)
    assert watch.seconds < LEASE / 2, "it does not wait for the lease of the one that stopped"


async def test_a_stop_waits_for_a_running_poll(harness: PollHarness, asked: asyncio.Event) -> None:
    job = harness.api.add_job(status="queued")
    harness.api.faults.add(LIST, Fault("late", seconds=0.5))
    asked.clear()
    async with scheduled([harness.poller], SELDOM):
        await asked.wait()
        assert len(harness.api.request_log) == 0

    assert await harness.pending() == [(job, "queued")]


async def test_a_stop_cancels_a_poll_that_takes_too_long_and_stores_nothing_of_it(
    harness: PollHarness, asked: asyncio.Event
) -> None:
    harness.api.faults.add(LIST, Fault("late", seconds=60))
    harness.api.add_job(status="queued")
    asked.clear()
    began = time.monotonic()
    async with stopwatch() as watch, scheduled([harness.poller], SELDOM):
        await asked.wait()

    assert time.monotonic() - began >= STOP_TIMEOUT - 0.1
    assert watch.seconds < STOP_TIMEOUT + 1
    assert await harness.pending() == []
    assert await harness.store.accounts.leases.polled_at(ACCOUNT) is None


async def test_after_a_stop_no_request_is_sent(harness: PollHarness) -> None:
    async with scheduled([harness.poller], OFTEN):
        await _until_polled(harness, 2)
    asked = len(harness.api.request_log)

    with pytest.raises(TimeoutError):
        await harness.api.request_log.wait_until(lambda: len(harness.api.request_log) > asked, seconds=0.5)


async def _tick(output: asyncio.StreamReader) -> None:
    """Wait until a process that ticks does so; it logs as well."""
    while await output.readline() != b"tick\n":
        assert not output.at_eof()


@needs_faketime
@pytest.mark.parametrize("steps", [[-3600], [3600], [-365 * 86400], [86400, 0], [-7200, 7200, 1]])
async def test_polls_continue_at_their_interval_when_the_wall_clock_is_set(tmp_path: Path, steps: list[float]) -> None:
    wall = WallClock(tmp_path)
    ticking = await asyncio.create_subprocess_exec(
        *(sys.executable, "-m", "tests.poll.scheduler_process"),
        env={**os.environ, **wall.environ},
        stdout=PIPE,
        stderr=DEVNULL,
    )
    assert ticking.stdout
    try:
        async with asyncio.timeout(300):
            for step in [0, *steps]:
                wall.set(step)
                for _ in range(3):
                    await _tick(ticking.stdout)
        began = asyncio.get_running_loop().time()
        for _ in range(10):
            await _tick(ticking.stdout)
        assert asyncio.get_running_loop().time() - began >= 5 * ticks.OFTEN, "what was missed is not made up for"
    finally:
        ticking.kill()
        await ticking.wait()


def test_polls_come_by_the_clock_of_the_loop_to_the_second() -> None:
    """In simulated time an hour of polls takes no time: by the wall clock, which stands still, they would never come."""
    at: list[float] = []

    class Looking:
        name = "looking"

        async def run(self) -> None:
            at.append(asyncio.get_running_loop().time())

    async def hour() -> None:
        async with scheduled([], SELDOM, [Looking()], 10.0):
            await asyncio.sleep(3600 + 5)

    with time_machine.travel(0.0, tick=False), asyncio.Runner(loop_factory=VirtualLoop) as runner:
        runner.run(hour())

    assert len(at) == 360
    assert [round(later - earlier) for earlier, later in pairwise(at)] == [10] * 359
