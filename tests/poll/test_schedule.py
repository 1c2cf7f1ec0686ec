"""The timer in real time: how often it looks, and that nothing stops it."""

import asyncio
import time
from collections.abc import AsyncIterator
from itertools import pairwise
from pathlib import Path

import pytest
from sqlalchemy import text
from structlog.testing import capture_logs

from bot.poll.schedule import LAST_SECONDS, sweeping
from bot.sandbox.faults import Fault
from bot.sandbox.finetuning import FineTuningApi
from tests.alerts.post_office import counted
from tests.empty_store import lay_out
from tests.poll.lookout import LIST, Lookout, lookout, sweeper_on
from tests.store.seeds import ACCOUNT

OFTEN = 0.1
SELDOM = 60.0


@pytest.fixture
def asked() -> asyncio.Event:
    """Is set when the API begins to work on a request: it looks at its clock."""
    return asyncio.Event()


@pytest.fixture
async def api(asked: asyncio.Event) -> AsyncIterator[FineTuningApi]:
    def clock() -> float:
        asked.set()
        return time.time()

    async with FineTuningApi(clock=clock) as made:
        yield made


@pytest.fixture
async def view(tmp_path: Path, api: FineTuningApi) -> AsyncIterator[Lookout]:
    async with lookout(lay_out(tmp_path / "ftjob.db"), api, interval=OFTEN, clock=time.time) as opened:
        await opened.subscribe()
        yield opened


async def _until_swept(view: Lookout, times: int) -> list[float]:
    """Wait until so many lists were read; return when."""
    ledger = view.api.ledger
    await ledger.until(lambda: len(ledger.of(LIST)) >= times, seconds=10, why=f"{times} sweeps")
    return [entry.at for entry in ledger.of(LIST)]


def _block_the_loop(seconds: float) -> None:
    time.sleep(seconds)


async def test_the_first_look_is_taken_at_once(view: Lookout) -> None:
    began = time.time()
    async with sweeping([view.sweeper], SELDOM):
        (at,) = await _until_swept(view, 1)

    assert at - began < 1


async def test_an_account_is_looked_at_each_interval(view: Lookout) -> None:
    async with sweeping([view.sweeper], 0.4):
        at = await _until_swept(view, 5)

    assert 1.1 <= at[4] - at[1] < 2, "the first look opens the connection, too"


async def test_a_slow_api_is_never_asked_twice_at_once_nor_flooded_afterwards(view: Lookout) -> None:
    view.api.faults.add(LIST, Fault("late", seconds=1.2))
    began = time.time()
    async with sweeping([view.sweeper], 0.3):
        await _until_swept(view, 1)
        assert len(view.api.ledger) == 1
        at = await _until_swept(view, 4)

    assert at[0] - began >= 1.2
    gaps = [later - earlier for earlier, later in pairwise(at[1:])]
    assert all(gap > 0.15 for gap in gaps), gaps


async def test_a_look_that_is_late_is_not_dropped(view: Lookout) -> None:
    async with sweeping([view.sweeper], SELDOM):
        _block_the_loop(1.5)
        await _until_swept(view, 1)


async def test_what_breaks_in_a_sweep_is_logged_once_each_way_and_the_timer_goes_on(view: Lookout) -> None:
    async with view.store.db.transaction() as tx:
        await tx.execute(text("ALTER TABLE subscription RENAME TO away"))

    ticks = counted("ftjob_sweeps_total", account=ACCOUNT, result="broke")
    with capture_logs() as logs:
        async with sweeping([view.sweeper], OFTEN):
            async with asyncio.timeout(10):
                while counted("ftjob_sweeps_total", account=ACCOUNT, result="broke") < ticks + 3:  # noqa: ASYNC110
                    await asyncio.sleep(0.01)
            assert len(view.api.ledger) == 0
            assert view.sweeper.is_failing
            async with view.store.db.transaction() as tx:
                await tx.execute(text("ALTER TABLE away RENAME TO subscription"))
            await _until_swept(view, 2)
            assert not view.sweeper.is_failing

    assert [(log["event"], log["account"]) for log in logs] == [("sweep.broke", ACCOUNT), ("sweep.mended", ACCOUNT)]
    assert "no such table: subscription" in str(logs[0]["exc_info"])


async def test_two_accounts_do_not_wait_for_each_other(view: Lookout, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    async with FineTuningApi() as slow:
        slow.faults.always(LIST, Fault("late", seconds=2))
        async with lookout(
            lay_out(tmp_path / "other" / "ftjob.db"), slow, account_name="slow", clock=time.time
        ) as other:
            await other.subscribe()
            async with sweeping([other.sweeper, view.sweeper], OFTEN):
                await _until_swept(view, 5)
                assert len(slow.ledger) == 0


async def test_two_timers_on_one_account_look_in_turns_and_one_alone_goes_on(view: Lookout) -> None:
    _, other = sweeper_on(view.store, view.client, time.time, interval=0.4)
    _, first = sweeper_on(view.store, view.client, time.time, interval=0.4)
    async with sweeping([other], 0.4):
        await _until_swept(view, 1)
        async with sweeping([first], 0.4):
            at = await _until_swept(view, 7)
        gaps = [later - earlier for earlier, later in pairwise(at[1:])]
        assert all(gap > 0.2 for gap in gaps), gaps
        later = await _until_swept(view, 9)
    assert later[8] - later[6] < 2


async def test_the_end_waits_for_a_look_under_way(view: Lookout, asked: asyncio.Event) -> None:
    job = view.api.add_job(status="queued")
    view.api.faults.add(LIST, Fault("late", seconds=0.5))
    asked.clear()
    async with sweeping([view.sweeper], SELDOM):
        await asked.wait()
        assert len(view.api.ledger) == 0

    assert await view.told() == [(job, "queued")]


async def test_the_end_cuts_a_look_that_takes_too_long_and_stores_nothing_of_it(
    view: Lookout, asked: asyncio.Event
) -> None:
    view.api.faults.add(LIST, Fault("late", seconds=60))
    view.api.add_job(status="queued")
    asked.clear()
    began = time.monotonic()
    async with sweeping([view.sweeper], SELDOM):
        await asked.wait()

    assert LAST_SECONDS - 0.1 <= time.monotonic() - began < LAST_SECONDS + 1
    assert await view.told() == []
    assert await view.store.accounts.swept_at(ACCOUNT) is None


async def test_after_the_end_nothing_is_asked(view: Lookout) -> None:
    async with sweeping([view.sweeper], OFTEN):
        await _until_swept(view, 2)
    asked = len(view.api.ledger)

    with pytest.raises(TimeoutError):
        await view.api.ledger.until(lambda: len(view.api.ledger) > asked, seconds=0.5)
