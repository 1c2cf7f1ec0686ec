import signal

import asyncpg
import pytest

from bot.errors import StoreInUse
from bot.sandbox.faults import Fault
from tests.stopwatch import within
from tests.world import World

POST = "chat.postMessage"
LIST = "GET /fine_tuning/jobs"
MODEL = "ft:gpt-4o-mini-2024-07-18:acme::abc"
LIMITED = Fault("answer", status=429, headers={"Retry-After": "2"}, body={"ok": False, "error": "ratelimited"})


async def test_a_change_while_the_bot_was_stopped_is_posted_once_after_its_start(any_world: World) -> None:
    world = any_world
    job, same = world.api.add_job(status="running"), world.api.add_job(status="running")

    async with world.bot():
        for each in (job, same):
            await world.say(f"track {each}")
    world.api.change(job, status="succeeded", fine_tuned_model=MODEL)
    assert world.delivered(job) == []

    async with world.bot() as bot:
        await world.until_delivered(job, "Succeeded")
        await world.until_quiet(bot)
    async with world.bot() as bot:
        await world.until_quiet(bot)

    assert world.delivered(job) == ["Succeeded"]
    assert world.delivered(same) == []
    assert world.messages_about(job)[-1].thread_ts == world.messages_about(job)[0].ts


async def test_a_bot_that_is_killed_between_the_commit_and_the_post_posts_once(any_world: World) -> None:
    """Slack refuses the post, so that what is committed is certainly not posted when the bot dies."""
    world = any_world
    job = world.api.add_job(status="running")

    async with world.process() as process:
        await world.say(f"track {job}")
        before = len(world.slack.request_log.for_endpoint(POST))
        world.slack.faults.add(POST, LIMITED)
        world.api.change(job, status="succeeded", fine_tuned_model=MODEL)
        await world.slack.request_log.wait_until(
            lambda: len(world.slack.request_log.for_endpoint(POST)) > before, why="the refused post"
        )
        process.kill()
        await process.wait()
    assert world.delivered(job) == []
    await _half_a_minute_later(world)

    async with world.bot() as bot:
        await world.until_delivered(job, "Succeeded")
        await world.until_quiet(bot)
        await world.say("about")

    assert world.delivered(job) == ["Succeeded"]
    assert len(world.ml.messages) == 2


async def test_a_bot_that_is_killed_in_the_middle_of_a_post_that_never_arrived_posts_once(any_world: World) -> None:
    world = any_world
    job = world.api.add_job(status="running")

    async with world.process() as process:
        await world.say(f"track {job}")
        before = len(world.slack.request_log.for_endpoint(POST))
        world.slack.faults.add(POST, Fault("hang"))
        world.api.change(job, status="succeeded", fine_tuned_model=MODEL)
        await world.slack.request_log.wait_until(
            lambda: len(world.slack.request_log.for_endpoint(POST)) > before, why="the post that hangs"
        )
        process.kill()
        await process.wait()
    await _half_a_minute_later(world)

    async with world.bot() as bot:
        await world.until_delivered(job, "Succeeded")
        await world.until_quiet(bot)

    assert world.delivered(job) == ["Succeeded"]


async def test_a_change_while_the_bot_was_killed_is_posted_once_after_its_start(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.process() as process:
        await world.say(f"track {job}")
        process.kill()
        await process.wait()
    world.api.change(job, status="succeeded", fine_tuned_model=MODEL)

    async with world.bot() as bot:
        await world.until_delivered(job, "Succeeded")
        await world.until_quiet(bot)

    assert world.delivered(job) == ["Succeeded"]


async def test_what_happened_long_before_the_next_poll_is_posted_as_delayed(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        await world.say(f"track {job}")
        await bot.pollers["default"].poll()
    world.api.change(job, status="succeeded", fine_tuned_model=MODEL)
    world.skip(7300)

    async with world.bot() as bot:
        await world.until_delivered(job, "Succeeded")
        await world.until_quiet(bot)

    said = world.ml.messages[-1].plain_text
    assert "Delayed: finished" in said
    assert "Delayed: finished <!date^" in said


async def test_a_stop_waits_for_the_poll_under_way_and_the_next_bot_posts_what_it_saw(world: World) -> None:
    job = world.api.add_job(status="running")
    seldom = {"FTJOB_POLL_SECONDS": "3600"}

    async with world.bot(**seldom):
        await world.say(f"track {job}")
    world.api.change(job, status="paused")
    world.api.faults.always(LIST, Fault("late", seconds=2))
    async with world.bot(**seldom):
        assert len(world.api.request_log.for_endpoint(LIST)) <= 1, "the answer is still on its way"
    world.api.faults.always(LIST, Fault("drop"))
    async with world.bot(**seldom):
        await world.until_delivered(job, "Paused")

    assert [entry.status for entry in world.api.request_log.for_endpoint(LIST)].count(200) == 1


@pytest.mark.parametrize("sign", [signal.SIGTERM, signal.SIGINT])
async def test_a_bot_that_is_told_to_stop_ends_cleanly_in_the_middle_of_a_poll(
    world: World, sign: signal.Signals
) -> None:
    job = world.api.add_job(status="running")

    async with world.process() as process:
        await world.say(f"track {job}")
        world.api.faults.always(LIST, Fault("hang", seconds=60))
        before = len(world.api.request_log)
        await world.api.request_log.wait_until(lambda: len(world.api.request_log) > before, why="a poll under way")
        process.send_signal(sign)
        async with within(10):
            code = await process.wait()

    assert code == 0
    assert "Traceback" not in "".join(world.log)


async def test_a_second_bot_on_the_same_sqlite_file_refuses_to_start(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        await world.say(f"track {job}")
        with pytest.raises(StoreInUse, match="in use by another ftjob process"):
            async with world.bot():
                pass
        world.api.change(job, status="paused")
        await world.until_delivered(job, "Paused")
        await world.until_quiet(bot)

    assert world.delivered(job) == ["Paused"]


async def _half_a_minute_later(world: World) -> None:
    """Let the time pass in which nobody knows whether the killed bot's message arrived."""
    world.skip(30)
    if world.database_url.startswith("postgresql"):
        database = await asyncpg.connect(world.database_url)
        await database.execute("UPDATE delivery SET lease_until = lease_until - 30, not_before = not_before - 30")
        await database.close()
