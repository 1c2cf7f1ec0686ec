"""Moments of a provider that are still to come, or make no sense, keep no job from being announced or watched."""

from collections.abc import AsyncIterator
from typing import Any

import pytest
from sqlalchemy import select

from bot.jobs.models import Event
from bot.jobs.progress import MOST_AHEAD, Progress, estimated_finish, newest_of
from bot.sandbox.openai.server import FineTuningApi
from bot.store.db import schema
from tests.blocks.drawn import job
from tests.builders import NOW
from tests.poll.lookout import LIST, Lookout, lookout, page_of

YEAR_5000 = 95_617_584_000
ABSURD = {
    "far ahead": 4e9,
    "the year 5000": YEAR_5000,
    "milliseconds": NOW * 1000,
    "negative": -1.0,
    "nothing": None,
}


@pytest.fixture
async def api() -> AsyncIterator[FineTuningApi]:
    async with FineTuningApi() as made:
        yield made


@pytest.fixture
async def view(database_url: str, api: FineTuningApi) -> AsyncIterator[Lookout]:
    async with lookout(database_url, api) as opened:
        yield opened


async def _bound(view: Lookout) -> float:
    async with view.store.db.transaction() as tx:
        return float(await tx.scalar(select(schema.subscription.c.newer_than)) or 0.0)


@pytest.mark.parametrize("ahead", [3600.0, YEAR_5000])
async def test_a_bound_that_an_older_version_stored_ahead_is_put_back_to_now(view: Lookout, ahead: float) -> None:
    now = view.time.clock()
    await view.subscribe(newer_than=now + ahead)
    view.api.add_job(status="queued", created_at=int(now) - 10)
    await view.sweep()
    assert await _bound(view) == view.time.exactly(now)
    later = view.api.add_job(status="queued", created_at=int(now) + 20)

    await view.sweep_later()

    assert (later, "queued") in await view.told()


async def test_a_bound_in_the_past_stays(view: Lookout) -> None:
    await view.subscribe(newer_than=1000.5)

    await view.sweep()

    assert await _bound(view) == 1000.5


@pytest.mark.parametrize("created_at", ABSURD.values(), ids=ABSURD.keys())
async def test_a_new_job_is_announced_whenever_it_says_that_it_was_created(view: Lookout, created_at: Any) -> None:
    await view.subscribe(newer_than=view.time.clock() - 10)
    body = view.api.jobs[view.api.add_job(status="queued")]
    view.api.faults.always(LIST, page_of({**body, "created_at": created_at}))

    await view.sweep()

    assert await view.told() == [(body["id"], "queued")]


@pytest.mark.parametrize(
    ("moments", "newest"),
    [
        ([], None),
        ([NOW - 5, NOW - 9], NOW - 5),
        ([NOW - 5, NOW + MOST_AHEAD - 1], NOW),
        ([NOW - 5, NOW + 3600], NOW - 5),
        ([YEAR_5000], None),
        ([NOW * 1000, NOW - 5], NOW - 5),
        ([None, -1], None),
    ],
)
def test_the_newest_line_of_a_log_is_not_one_that_is_still_to_come(moments: list[Any], newest: float | None) -> None:
    events = [Event(created_at=moment) for moment in moments]

    assert newest_of(events, now=NOW) == newest


@pytest.mark.parametrize(
    ("at", "pace", "finish"),
    [(NOW, 60.0, NOW + 3000), (YEAR_5000, 60.0, None), (NOW, 1e9, None), (NOW + 10, 60.0, NOW + 3010)],
)
def test_no_finish_is_estimated_from_moments_that_make_no_sense(at: float, pace: float, finish: float | None) -> None:
    assert estimated_finish(job(), Progress(50, 100, at, pace), now=NOW) == finish
