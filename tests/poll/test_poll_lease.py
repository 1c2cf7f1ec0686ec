"""A lease that a failed database left held: it delays no later poll."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from sqlalchemy.exc import OperationalError

from bot.sandbox.faults import Fault
from bot.sandbox.openai.server import FineTuningApi
from tests.empty_store import lay_out
from tests.poll.harness import INTERVAL, LIST, UNAVAILABLE, PollHarness, poll_harness, poller_on
from tests.stopwatch import within
from tests.store.seeds import ACCOUNT, rename_table


@pytest.fixture
async def harness(tmp_path: Path, api: FineTuningApi) -> AsyncIterator[PollHarness]:
    """On SQLite, because how long an account is left alone goes by the process's own clock."""
    async with poll_harness(lay_out(tmp_path / "ftjob.db"), api) as opened:
        yield opened


async def test_a_lost_database_during_a_poll_delays_no_later_poll(harness: PollHarness) -> None:
    await harness.subscribe()
    harness.api.faults.add(LIST, Fault("late", seconds=0.5))
    poll = asyncio.create_task(harness.poll())
    async with within(10):
        while not (await harness.store.accounts.leases.status(ACCOUNT, interval=INTERVAL)).next_poll_in:  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    await rename_table(harness.store, "account", "away")
    with pytest.raises(OperationalError):
        await poll
    await rename_table(harness.store, "away", "account")

    assert await harness.poll() == [LIST]


async def test_a_failure_that_cannot_be_stored_delays_no_later_poll(harness: PollHarness) -> None:
    await harness.subscribe()
    await rename_table(harness.store, "outage", "away")
    harness.api.faults.always(LIST, UNAVAILABLE)
    with pytest.raises(OperationalError):
        await harness.poll()
    assert harness.poller.is_broken
    harness.api.faults.clear()
    await rename_table(harness.store, "away", "outage")

    assert await harness.poll() == [LIST]
    assert not harness.poller.is_broken


async def test_a_poll_that_is_canceled_at_any_moment_delays_no_other_process(harness: PollHarness) -> None:
    await harness.subscribe()
    for moment in range(60):
        _, stopped = poller_on(harness.store, harness.client, harness.time.now)
        poll = asyncio.create_task(stopped.poll())
        await asyncio.sleep(moment * 0.0002)
        poll.cancel()
        await asyncio.wait({poll})
        assert not (await harness.store.accounts.leases.status(ACCOUNT, interval=0.0)).next_poll_in, f"moment {moment}"
