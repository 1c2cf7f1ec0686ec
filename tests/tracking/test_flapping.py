"""A job that changes again and again: alerted a few times, then once as flapping, and summed up when it is quiet or over."""

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
async def harness(database_url: str) -> AsyncIterator[PollHarness]:
    async with FineTuningApi() as api, poll_harness(database_url, api, most_alerts=MAX_ALERTS) as opened:
        yield opened


async def _flip(harness: PollHarness, job: str, times: int, seconds: float = 1.0) -> None:
    for _ in range(times):
        harness.api.change(job, status="paused" if harness.api.jobs[job]["status"] == "running" else "running")
        await harness.poll_later(seconds)


async def _enqueued(harness: PollHarness, channel: str = "C1") -> list[str]:
    """Return what is enqueued for a channel, in order: the status of a change, or the kind of another message."""
    statuses = {row.id: row.new_status for row in await harness.changes()}
    return [_said(row, statuses) for row in await deliveries(harness.store, channel) if row.state == "pending"]


def _said(row: Any, statuses: dict[int, str]) -> str:
    return str(json.loads(row.notice)["kind"]) if row.notice else statuses[row.change_id]


async def _held(harness: PollHarness, channel: str = "C1") -> int:
    return sum(row.state == "muted" for row in await deliveries(harness.store, channel))


@pytest.mark.parametrize(("flips", "held"), [(6, 0), (7, 1), (16, 10)])
async def test_a_job_that_keeps_changing_is_alerted_a_few_times_and_then_once(
    harness: PollHarness, flips: int, held: int
) -> None:
    job = harness.api.add_job(status="running")
    await harness.track(job)

    await _flip(harness, job, flips)

    loud = ["paused", "running"] * 3
    assert await _enqueued(harness) == loud + ([NoticeKind.FLAPPING] if held else [])
    assert await _held(harness) == held
    assert len(await harness.changes()) == flips


@pytest.mark.parametrize("metadata", [{}, {"name": "ranker v7"}])
async def test_the_notice_of_a_flapping_job_stores_its_name(harness: PollHarness, metadata: dict[str, str]) -> None:
    job = harness.api.add_job(status="running", metadata=metadata)
    await harness.track(job)

    await _flip(harness, job, MAX_ALERTS + 1)

    (notice,) = [json.loads(row.notice) for row in await deliveries(harness.store, "C1") if row.notice]
    assert (notice["about"], notice["name"]) == (job, metadata.get("name"))


async def test_every_channel_is_notified_once_and_other_jobs_are_alerted_as_ever(harness: PollHarness) -> None:
    job, other = harness.api.add_job(status="running"), harness.api.add_job(status="running")
    await harness.track(job)
    await harness.track(job, "C2")
    await harness.track(other)
    await _flip(harness, job, 12)

    await _flip(harness, other, 1)

    assert [await _enqueued(harness, channel) for channel in ("C1", "C2")] == [
        [*["paused", "running"] * 3, NoticeKind.FLAPPING, "paused"],
        [*["paused", "running"] * 3, NoticeKind.FLAPPING],
    ]


@pytest.mark.parametrize("status", ["succeeded", "failed", "cancelled"])
async def test_a_result_is_enqueued_at_once_behind_what_was_held(harness: PollHarness, status: str) -> None:
    job = harness.api.add_job(status="running")
    await harness.track(job)
    await _flip(harness, job, 9)
    harness.api.change(job, status=status)

    await harness.poll_later(1)

    enqueued = await _enqueued(harness)
    assert enqueued[-1] == status
    assert "after_flapping" in enqueued
    assert await _held(harness) == 0


async def test_what_was_held_is_summed_up_once_when_the_job_is_quiet(harness: PollHarness) -> None:
    job = harness.api.add_job(status="running")
    await harness.track(job)
    await _flip(harness, job, 9)

    await harness.time.advance(harness.store, QUIET_FOR - 60)
    assert await harness.store.channels.mutes.expire() == 0
    await harness.time.advance(harness.store, 61)
    assert await harness.store.channels.mutes.expire() == 3
    assert await harness.store.channels.mutes.expire() == 0
    assert "after_flapping" in await _enqueued(harness)

    await _flip(harness, job, 1)
    assert (await _enqueued(harness))[-1] == "running"


async def test_a_job_that_goes_on_changing_is_not_summed_up_yet(harness: PollHarness) -> None:
    job = harness.api.add_job(status="running")
    await harness.track(job)
    await _flip(harness, job, 9)

    for _ in range(4):
        await _flip(harness, job, 1, seconds=QUIET_FOR / 2)
        assert await harness.store.channels.mutes.expire() == 0

    assert await _held(harness) == 7


async def test_slow_changes_are_alerted_one_by_one(harness: PollHarness) -> None:
    job = harness.api.add_job(status="running")
    await harness.track(job)

    await _flip(harness, job, 12, seconds=QUIET_FOR / 5)

    assert await _enqueued(harness) == ["paused", "running"] * 6


async def test_a_mute_that_somebody_set_stays_theirs(harness: PollHarness) -> None:
    job = harness.api.add_job(status="running")
    await harness.track(job)
    await harness.store.channels.mutes.begin([ACCOUNT], "C1", job, "U1", 3600.0)

    await _flip(harness, job, 12)
    harness.api.change(job, status="failed")
    await harness.poll_later(INTERVAL)

    assert await _enqueued(harness) == []
    assert [mute.person for mute in await harness.store.channels.mutes.in_channel("C1")] == ["U1"]


async def test_what_nobody_muted_is_shown_as_nobodys_mute(harness: PollHarness) -> None:
    job = harness.api.add_job(status="running")
    await harness.track(job)
    await _flip(harness, job, 9)

    assert await harness.store.channels.mutes.in_channel("C1") == []


async def test_a_wait_that_a_clock_which_was_set_back_made_endless_is_over(harness: PollHarness) -> None:
    job = harness.api.add_job(status="running")
    await harness.track(job)
    await _flip(harness, job, 9)
    async with harness.store.db.transaction() as tx:
        await tx.execute(update(schema.mute).values(until=schema.mute.c.until + 86400))

    assert await harness.store.channels.mutes.expire() == 3
