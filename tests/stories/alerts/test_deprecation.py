"""The end of a model is told in time, once for each mark, to those who followed its making."""

from datetime import UTC, date, datetime, timedelta
from itertools import pairwise

import pytest

from bot.blocks.parts import format_day
from bot.sandbox.faults import Fault
from bot.sandbox.openai.api.keys import JOBS_READ, JOBS_WRITE, ApiKey
from bot.sandbox.slack.messages import ChannelMessage
from tests.canaries import KEY
from tests.world import FAST_TUNING, World

BASE = "gpt-4o-mini-2024-07-18"
MODEL = f"ft:{BASE}:acme::abc"
DAY = 86400.0
MODELS = "GET /models"


def announce(world: World, model: str, days: int) -> str:
    """Let the API say that a model stops in so many days."""
    day = (datetime.fromtimestamp(world.clock(), UTC) + timedelta(days)).date().isoformat()
    world.api.models[model] = world.api.models[model] | {"shutdown_date": day}
    return day


def ends(world: World) -> list[ChannelMessage]:
    return [message for message in world.ml.messages if "retire on" in message.plain_text]


async def until_read(world: World, times: int) -> None:
    await world.api.request_log.wait_until(
        lambda: len(world.api.request_log.for_endpoint(MODELS)) >= times, why="models are read"
    )


async def test_sixty_thirty_seven_and_one_day_before_it_is_posted_once_each_over_restarts(world: World) -> None:
    world.tuning = FAST_TUNING
    job = world.api.add_job(status="succeeded", fine_tuned_model=MODEL)
    day = announce(world, BASE, 61)
    announce(world, MODEL, 61)
    async with world.bot():
        await world.say(f"track {job}")
    told = {}
    for left, passed in pairwise((61, 61, 60, 59, 31, 30, 29, 8, 7, 6, 2, 1, 0, -1)):
        world.skip((left - passed) * DAY)
        reads = len(world.api.request_log.for_endpoint(MODELS))
        async with world.bot() as bot:
            await until_read(world, reads + 1)
            await world.until_quiet(bot)
        told[passed] = len(ends(world))

    assert told == {61: 0, 60: 1, 59: 1, 31: 1, 30: 2, 29: 2, 8: 2, 7: 3, 6: 3, 2: 3, 1: 4, 0: 4, -1: 4}
    shown = format_day(date.fromisoformat(day))
    assert [message.text.split(" retire on ")[1].split(".")[0] for message in ends(world)] == [
        f"{shown} ({f'in {days} days' if days > 1 else 'tomorrow'})" for days in (60, 30, 7, 1)
    ]
    for message in ends(world):
        assert MODEL in message.plain_text
        assert job in message.plain_text
    assert world.ops.messages == []


async def test_it_is_posted_where_the_job_is_tracked_and_again_when_the_day_is_put_off(any_world: World) -> None:
    world = any_world
    world.tuning = FAST_TUNING
    job = world.api.add_job(status="succeeded", fine_tuned_model=MODEL, metadata={"name": "ranker v7"})
    announce(world, BASE, 20)
    announce(world, MODEL, 90)
    async with world.bot():
        await world.say(f"track {job}")
    for _ in range(2):
        async with world.bot() as bot:
            await world.slack.request_log.wait_until(lambda: ends(world), seconds=300, why="the end is told")
            await world.until_quiet(bot)
    (end,) = ends(world)
    assert f"`{MODEL}` from *ranker v7*" in end.plain_text
    announce(world, BASE, 25)
    async with world.bot():
        await world.slack.request_log.wait_until(lambda: len(ends(world)) == 2, seconds=300, why="the new day is told")

    assert world.ops.messages == []


async def test_a_key_that_may_not_read_models_watches_jobs_all_the_same(world: World) -> None:
    world.tuning = FAST_TUNING
    world.api.keys[KEY] = ApiKey("narrow", frozenset({JOBS_READ, JOBS_WRITE}))
    job = world.api.add_job(status="succeeded", fine_tuned_model=MODEL)
    other = world.api.add_job(status="running")
    async with world.bot():
        await world.say(f"track {job} {other}")
    async with world.bot():
        await until_read(world, 1)
        world.api.change(other, status="cancelled")
        await world.until_delivered(other, "Canceled")
        assert "api.model.read" in (await world.say("models")).plain_text

    assert ends(world) == []
    assert len(world.api.request_log.for_endpoint(MODELS)) <= 3, "it is asked once an hour"


async def test_models_lists_what_was_made_with_the_days_left(any_world: World) -> None:
    world = any_world
    async with world.bot():
        assert "No fine-tuned model" in (await world.say("models")).plain_text
        world.skip(3)
        job = world.api.add_job(status="succeeded", fine_tuned_model=MODEL)
        world.api.add_checkpoint(job, 10, train_loss=1.0)
        announce(world, BASE, 0)
        day = date.fromisoformat(announce(world, MODEL, 12))
        world.api.models[BASE] = world.api.models[BASE] | {"shutdown_date": None}
        world.api.faults.add(MODELS, Fault("answer", status=500, body="<html>"))
        broken = await world.say("models")
        assert "<html>" not in broken.plain_text
        listed = await world.say("models", by="milo")
        assert listed.ephemeral
        assert f"{MODEL}` · retires {day:%b} {day.day}, {day.year} (in 12 days)" in listed.plain_text
        assert "1 fine-tuned models" not in listed.plain_text
        assert "1 models of checkpoints" not in listed.plain_text
        assert BASE not in [line.strip("`") for line in listed.plain_text.split()]
        assert "Guests" in (await world.say("models", by="gia")).plain_text

    assert world.ml.messages == world.ops.messages == []


@pytest.mark.parametrize("status", ["running", "failed"])
async def test_a_job_without_a_model_costs_no_read_of_models(world: World, status: str) -> None:
    world.tuning = FAST_TUNING
    job = world.api.add_job(status=status)
    async with world.bot() as bot:
        await world.say(f"track {job}")
        await world.until_quiet(bot)
    async with world.bot() as bot:
        await world.until_quiet(bot)

    assert world.api.request_log.for_endpoint(MODELS) == []
