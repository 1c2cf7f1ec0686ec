"""A job that stands still is told once, and once when it moves; trained tokens say what they cost where a price is set."""

from pathlib import Path

from tests.world import FAST_TUNING, World, headline


async def test_a_job_that_stays_queued_is_posted_once_and_its_start_says_for_how_long(world: World) -> None:
    job = world.api.add_job(status="queued")
    async with world.bot() as bot:
        await world.say(f"track {job}")
        world.skip(6.5 * 3600)
        await bot.pollers["default"].poll()
        await world.slack.request_log.wait_until(
            lambda: len(world.messages_about(job)) == 2, why="the alert that it is stalled"
        )
        stalled = world.messages_about(job)[-1]
        assert "queued for 6 h 30 min" in stalled.plain_text
        assert "place in line" in stalled.plain_text

    async with world.bot() as bot:
        world.skip(3600)
        await world.until_quiet(bot)
        assert len(world.messages_about(job)) == 2, "told once, over restarts"
        world.api.change(job, status="running")
        await bot.pollers["default"].poll()
        await world.slack.request_log.wait_until(lambda: len(world.messages_about(job)) == 3, why="that it runs")
        running = world.messages_about(job)[-1]
        assert headline(running) == "Running"
        assert "7 h 30 min" in running.plain_text
        await world.until_quiet(bot)
        assert len(world.messages_about(job)) == 3
    assert world.ops.messages == []


async def test_a_price_says_what_training_cost(world: World, tmp_path: Path) -> None:
    world.tuning = FAST_TUNING
    config = tmp_path / "ftjob.toml"
    config.write_text('[prices]\n"gpt-4o-mini" = 3.00\n')
    job = world.api.add_job(status="running", model="gpt-4o-mini-2024-07-18")
    async with world.bot(FTJOB_CONFIG=str(config)):
        await world.say(f"track {job}")
        world.api.change(job, status="succeeded", fine_tuned_model="ft:x", trained_tokens=5_768_000)
        await world.until_delivered(job, "Succeeded")
        assert "5.77 M tokens · about $17" in world.messages_about(job)[-1].plain_text
        assert "about $17" in (await world.say(f"status {job}")).plain_text
