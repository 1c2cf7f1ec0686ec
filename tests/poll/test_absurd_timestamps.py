"""Moments of a provider that are still to come, or make no sense, keep no job from being announced or watched."""

from typing import Any

import pytest
from sqlalchemy import select

from bot.jobs.models import Event
from bot.jobs.progress import MAX_CLOCK_SKEW, Progress, estimated_finish, newest_event_at
from bot.store.db import schema
from tests.blocks.rendered import sample_job
from tests.builders import NOW
from tests.poll.harness import LIST, PollHarness, page_of

YEAR_5000 = 95_617_584_000
ABSURD = {
    "far ahead": 4e9,
    "the year 5000": YEAR_5000,
    "milliseconds": NOW * 1000,
    "negative": -1.0,
    "nothing": None,
}


async def _bound(harness: PollHarness) -> float:
    async with harness.store.db.transaction() as tx:
        return float(await tx.scalar(select(schema.subscription.c.newer_than)) or 0.0)


@pytest.mark.parametrize("ahead", [3600.0, YEAR_5000])
async def test_a_future_discovery_bound_of_an_older_version_is_reset_to_now(harness: PollHarness, ahead: float) -> None:
    now = harness.time.now()
    await harness.subscribe(newer_than=now + ahead)
    harness.api.add_job(status="queued", created_at=int(now) - 10)
    await harness.poll()
    assert await _bound(harness) == harness.time.approx(now)
    later = harness.api.add_job(status="queued", created_at=int(now) + 20)

    await harness.poll_later()

    assert (later, "queued") in await harness.pending()


async def test_a_bound_in_the_past_stays(harness: PollHarness) -> None:
    await harness.subscribe(newer_than=1000.5)

    await harness.poll()

    assert await _bound(harness) == 1000.5


@pytest.mark.parametrize("created_at", ABSURD.values(), ids=ABSURD.keys())
async def test_a_new_job_is_announced_whenever_it_says_that_it_was_created(
    harness: PollHarness, created_at: Any
) -> None:
    await harness.subscribe(newer_than=harness.time.now() - 10)
    body = harness.api.jobs[harness.api.add_job(status="queued")]
    harness.api.faults.always(LIST, page_of({**body, "created_at": created_at}))

    await harness.poll()

    assert await harness.pending() == [(body["id"], "queued")]


@pytest.mark.parametrize(
    ("moments", "newest"),
    [
        ([], None),
        ([NOW - 5, NOW - 9], NOW - 5),
        ([NOW - 5, NOW + MAX_CLOCK_SKEW - 1], NOW),
        ([NOW - 5, NOW + 3600], NOW - 5),
        ([YEAR_5000], None),
        ([NOW * 1000, NOW - 5], NOW - 5),
        ([None, -1], None),
    ],
)
def test_a_log_line_with_a_future_timestamp_is_not_the_newest(moments: list[Any], newest: float | None) -> None:
    events = [Event(created_at=moment) for moment in moments]

    assert newest_event_at(events, now=NOW) == newest


@pytest.mark.parametrize(
    ("at", "seconds_per_step", "finish"),
    [(NOW, 60.0, NOW + 3000), (YEAR_5000, 60.0, None), (NOW, 1e9, None), (NOW + 10, 60.0, NOW + 3010)],
)
def test_no_finish_is_estimated_from_absurd_timestamps(
    at: float, seconds_per_step: float, finish: float | None
) -> None:
    assert estimated_finish(sample_job(), Progress(50, 100, at, seconds_per_step), now=NOW) == finish
