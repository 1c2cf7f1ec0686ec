"""A job that changes again and again: told a few times, then once as that, and summed up when it is quiet or over."""

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import update

from bot.blocks.notice import NoticeKind
from bot.sandbox.openai.server import FineTuningApi
from bot.store.channels.mutes import QUIET_FOR
from bot.store.db import schema
from bot.tracking.flap_suppression import MAX_ALERTS
from tests.poll.harness import INTERVAL, PollHarness, poll_harness
from tests.store.seeds import ACCOUNT, deliveries


@pytest.fixture
async def view(database_url: str) -> AsyncIterator[PollHarness]:
    async with FineTuningApi() as api, poll_harness(database_url, api, most_alerts=MAX_ALERTS) as opened:
        yield opened


async def _flip(view: PollHarness, job: str, times: int, seconds: float = 1.0) -> None:
    for _ in range(times):
        view.api.change(job, status="paused" if view.api.jobs[job]["status"] == "running" else "running")
        await view.poll_later(seconds)


async def _owed(view: PollHarness, channel: str = "C1") -> list[str]:
    """Return what a channel is owed, in order: the status of a change, or the kind of another message."""
    statuses = {row.id: row.new_status for row in await view.changes()}
    return [_said(row, statuses) for row in await deliveries(view.store, channel) if row.state == "pending"]


def _said(row: Any, statuses: dict[int, str]) -> str:
    return str(json.loads(row.notice)["kind"]) if row.notice else statuses[row.change_id]


async def _held(view: PollHarness, channel: str = "C1") -> int:
    return sum(row.state == "muted" for row in await deliveries(view.store, channel))


@pytest.mark.parametrize(("flips", "held"), [(6, 0), (7, 1), (16, 10)])
async def test_a_job_that_keeps_changing_is_told_a_few_times_and_then_once(
    view: PollHarness, flips: int, held: int
) -> None:
    job = view.api.add_job(status="running")
    await view.track(job)

    await _flip(view, job, flips)

    loud = ["paused", "running"] * 3
    assert await _owed(view) == loud + ([NoticeKind.FLAPPING] if held else [])
    assert await _held(view) == held
    assert len(await view.changes()) == flips


async def test_every_channel_hears_once_and_other_jobs_are_told_as_ever(view: PollHarness) -> None:
    job, other = view.api.add_job(status="running"), view.api.add_job(status="running")
    await view.track(job)
    await view.track(job, "C2")
    await view.track(other)
    await _flip(view, job, 12)

    await _flip(view, other, 1)

    assert [await _owed(view, channel) for channel in ("C1", "C2")] == [
        [*["paused", "running"] * 3, NoticeKind.FLAPPING, "paused"],
        [*["paused", "running"] * 3, NoticeKind.FLAPPING],
    ]


@pytest.mark.parametrize("status", ["succeeded", "failed", "cancelled"])
async def test_a_result_is_told_at_once_behind_what_was_held(view: PollHarness, status: str) -> None:
    job = view.api.add_job(status="running")
    await view.track(job)
    await _flip(view, job, 9)
    view.api.change(job, status=status)

    await view.poll_later(1)

    owed = await _owed(view)
    assert owed[-1] == status
    assert "after_flapping" in owed
    assert await _held(view) == 0


async def test_what_was_held_is_summed_up_once_when_the_job_is_quiet(view: PollHarness) -> None:
    job = view.api.add_job(status="running")
    await view.track(job)
    await _flip(view, job, 9)

    await view.time.advance(view.store, QUIET_FOR - 60)
    assert await view.store.channels.mutes.expire() == 0
    await view.time.advance(view.store, 61)
    assert await view.store.channels.mutes.expire() == 3
    assert await view.store.channels.mutes.expire() == 0
    assert "after_flapping" in await _owed(view)

    await _flip(view, job, 1)
    assert (await _owed(view))[-1] == "running"


async def test_a_job_that_goes_on_changing_is_not_summed_up_yet(view: PollHarness) -> None:
    job = view.api.add_job(status="running")
    await view.track(job)
    await _flip(view, job, 9)

    for _ in range(4):
        await _flip(view, job, 1, seconds=QUIET_FOR / 2)
        assert await view.store.channels.mutes.expire() == 0

    assert await _held(view) == 7


async def test_slow_changes_are_told_one_by_one(view: PollHarness) -> None:
    job = view.api.add_job(status="running")
    await view.track(job)

    await _flip(view, job, 12, seconds=QUIET_FOR / 5)

    assert await _owed(view) == ["paused", "running"] * 6


async def test_a_mute_that_somebody_set_stays_theirs(view: PollHarness) -> None:
    job = view.api.add_job(status="running")
    await view.track(job)
    await view.store.channels.mutes.begin([ACCOUNT], "C1", job, "U1", 3600.0)

    await _flip(view, job, 12)
    view.api.change(job, status="failed")
    await view.poll_later(INTERVAL)

    assert await _owed(view) == []
    assert [mute.person for mute in await view.store.channels.mutes.in_channel("C1")] == ["U1"]


async def test_what_nobody_muted_is_shown_as_nobodys_mute(view: PollHarness) -> None:
    job = view.api.add_job(status="running")
    await view.track(job)
    await _flip(view, job, 9)

    assert await view.store.channels.mutes.in_channel("C1") == []


async def test_a_wait_that_a_clock_which_was_set_back_made_endless_is_over(view: PollHarness) -> None:
    job = view.api.add_job(status="running")
    await view.track(job)
    await _flip(view, job, 9)
    async with view.store.db.transaction() as tx:
        await tx.execute(update(schema.mute).values(until=schema.mute.c.until + 86400))

    assert await view.store.channels.mutes.expire() == 3
