"""Jobs of one's own trainers, over HTTP through the running bot: told like any other, and only by those who may."""

import time
from contextlib import suppress
from typing import Any

import aiohttp
import pytest

from bot.blocks.action_confirmation import CONFIRM
from tests.push.calls import call
from tests.stories.push.trainers import configured, push, push_url, with_trainers
from tests.world import FAST_TUNING, World

JOB = "ranker-20261130-1"


def now(**more: Any) -> dict[str, Any]:
    """Return a call of a trainer that began a minute ago."""
    return call(**more) | {"started": time.time() - 60, "at": time.time()}


async def test_a_pushed_job_is_told_like_any_other(any_world: World) -> None:
    world = any_world
    async with with_trainers(world) as (bot, url):
        await world.say("subscribe account:gpu")
        status, answer = await push(url, JOB, now(seq=1, name="ranker v7", model="Qwen3-8B", owner=world.milo.id))
        assert (status, answer) == (200, {"seq": 1, "requested": None})
        metrics = [[10, {"train_loss": 1.5}], [20, {"train_loss": 1.0}]]
        await push(url, JOB, now(seq=2, name="ranker v7", step=20, total_steps=100, metrics=metrics))
        result = {"model": "s3://bucket/final"}
        ended = now(seq=3, status="succeeded", name="ranker v7", owner=world.milo.id, result=result)
        assert (await push(url, JOB, ended))[0] == 200
        world.skip(2)  # one call a second
        assert (await push(url, JOB, ended))[0] == 200, "once more: the answer was lost"
        await world.slack.request_log.wait_until(lambda: len(world.messages_about("ranker v7")) > 1, why="the result")
        await world.until_quiet(bot)
        shown, listed = await world.say(f"status {JOB}"), await world.say("list account:gpu")
        curves = await world.say(f"curves {JOB}")

    told = [message for message in world.messages_about("ranker v7") if "succeeded" in message.text]
    results = [
        message
        for message in told
        if message.thread_ts and not message.files and "s3://bucket/final" in message.plain_text
    ]
    assert len(results) == 1
    assert f"<@{world.milo.id}>" in results[0].plain_text
    assert "s3://bucket/final" in shown.plain_text
    assert "*ranker v7* · succeeded" in listed.plain_text
    assert "Posted the training chart for *ranker v7*" in curves.plain_text


@pytest.mark.parametrize(
    ("path", "token", "expected"),
    [
        ("", "wrong", 401),
        ("/../nobody", "", 401),
    ],
)
async def test_an_unknown_account_and_a_wrong_token_are_the_same(
    world: World, path: str, token: str, expected: int
) -> None:
    async with with_trainers(world) as (_, url):
        there = url.rsplit("/", 1)[0] + path.removeprefix("/..") if path else url
        status, answer = await (push(there, JOB, now(), token=token) if token else push(there, JOB, now()))
    assert (status, answer) == (expected, {"error": "unauthorized"})


async def test_what_is_wrong_is_named_and_nothing_is_stored(world: World) -> None:
    async with with_trainers(world) as (_, url):
        assert await push(url, JOB, now(step=-1)) == (
            422,
            {"field": "step", "message": "must be greater than or equal to 0"},
        )
        status, answer = await push(url, "list", now())
        assert (status, answer["field"]) == (422, "id")
        assert "I couldn't find job" in (await world.say(f"status {JOB} account:gpu")).plain_text


async def test_more_than_a_call_a_second_is_asked_to_wait(world: World) -> None:
    async with with_trainers(world) as (_, url):
        statuses = [(await push(url, JOB, now(seq=seq)))[0] for seq in range(1, 8)]
    assert statuses[:3] == [200, 200, 200]
    assert 429 in statuses


async def test_a_cancel_is_passed_to_the_trainer_and_the_audit_says_both(any_world: World) -> None:
    world = any_world
    world.tuning = FAST_TUNING
    async with with_trainers(world) as (bot, url):
        await world.say("subscribe account:gpu")
        await push(url, JOB, now(seq=1, name="ranker"))
        await world.slack.request_log.wait_until(lambda: world.messages_about("ranker"), why="the card")
        refused = await world.say(f"cancel {JOB}", by="milo")
        assert "requested" not in refused.plain_text
        asked = await world.press(await world.say(f"cancel {JOB}"), CONFIRM)
        assert "*ranker* is being canceled" in asked.plain_text
        (card, *_) = world.messages_about("ranker")
        await world.slack.request_log.wait_until(
            lambda: "cancel requested" in world.messages_about("ranker")[0].plain_text, why="the card says so"
        )
        assert await push(url, JOB, now(seq=2, name="ranker")) == (200, {"seq": 2, "requested": "cancel"})
        assert await push(url, JOB, now(seq=3, name="ranker", status="cancelled")) == (
            200,
            {"seq": 3, "requested": None},
        )
        await world.until_quiet(bot)
        rows = [row.entry for row in await bot.store.actions.audit.newest(10)]

    assert [(row.verb, row.decision, row.status_after) for row in rows[:2]] == [
        ("cancel", "done", "cancel_requested"),
        ("cancel", "ordered", None),
    ]
    assert card.ts
    assert any("was canceled" in message.plain_text for message in world.messages_about("ranker"))


async def test_a_restart_reopens_a_job_and_is_told(world: World) -> None:
    async with with_trainers(world) as (bot, url):
        await world.say("subscribe account:gpu")
        await push(
            url, JOB, now(seq=1, name="ranker", status="failed", error={"code": "oom", "message": "Out of memory"})
        )
        await push(url, JOB, call("run-2", 1, name="ranker") | {"started": time.time(), "at": time.time()})
        await world.until_quiet(bot)
        told = [message.plain_text for message in world.messages_about("ranker")]

    assert any("Out of memory" in each for each in told)
    assert any("*Restarted* (run 2)" in each for each in told)


async def test_silence_is_told_once_and_ended_by_the_next_call(world: World) -> None:
    async with with_trainers(world) as (bot, url):
        await world.say("subscribe account:gpu")
        await push(url, JOB, now(seq=1, name="ranker", heartbeat=10))
        await world.until_quiet(bot)
        world.skip(25)
        await world.until_quiet(bot)
        assert not [each for each in world.messages_about("ranker") if "heartbeat" in each.plain_text]
        world.skip(10)
        await world.until_quiet(bot)
        world.skip(100)
        await world.until_quiet(bot)
        shown = await world.say(f"status {JOB}")
        await push(url, JOB, now(seq=2, name="ranker", heartbeat=10))
        await world.until_quiet(bot)

    told = [each.plain_text for each in world.messages_about("ranker")[1:]]
    assert [("No heartbeat" in each, "Heartbeat is back" in each) for each in told] == [(True, False), (False, True)]
    assert "no heartbeat since" in shown.plain_text
    assert "Failed" not in str(told)


async def test_a_restart_of_the_bot_accuses_nobody(world: World) -> None:
    async with with_trainers(world) as (bot, url):
        await world.say("subscribe account:gpu")
        await push(url, JOB, now(seq=1, name="ranker", heartbeat=10))
        await world.until_quiet(bot)
    world.skip(3600)
    async with with_trainers(world) as (bot, url):
        await world.until_quiet(bot)
        world.skip(29)
        await world.until_quiet(bot)
        assert len(world.messages_about("ranker")) == 1
        await push(url, JOB, now(seq=2, name="ranker", heartbeat=10))
        await world.until_quiet(bot)

    assert len(world.messages_about("ranker")) == 1


@pytest.mark.parametrize("point", ["before_push", "after_push"])
async def test_a_bot_that_dies_with_a_call_gets_it_again_and_tells_it_once(world: World, point: str) -> None:
    settings = configured(world)
    url = push_url(settings)
    ended = now(seq=3, status="succeeded", name="ranker", result={"model": "s3://m"})
    async with world.process(**settings):
        await world.say("subscribe account:gpu")
    async with world.process(**settings, FTJOB_CRASH_AT=point) as process:
        with suppress(aiohttp.ClientError):
            await push(url, JOB, ended)
        assert await process.wait() == -9
    async with world.bot(**settings) as bot:
        assert (await push(url, JOB, ended))[0] == 200
        await world.until_quiet(bot)
    results = [each for each in world.messages_about("ranker") if each.thread_ts and "s3://m" in each.plain_text]
    assert len(results) == 1
