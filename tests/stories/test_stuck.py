"""A job that stands still is told once, and once when it moves; trained tokens say what they cost where a price is set."""

from pathlib import Path

from tests.world import LIVELY, World, headline


async def test_a_job_that_stays_queued_is_told_once_and_its_start_says_for_how_long(world: World) -> None:
    job = world.api.add_job(status="queued")
    async with world.bot() as bot:
        await world.say(f"track {job}")
        world.skip(6.5 * 3600)
        await bot.sweepers["default"].sweep()
        await world.slack.ledger.until(lambda: len(world.about(job)) == 2, seconds=20, why="the word that it is stuck")
        stuck = world.about(job)[-1]
        assert "queued for 6 h 30 min" in stuck.plain
        assert "provider" in stuck.plain

    async with world.bot() as bot:
        world.skip(3600)
        await world.settled(bot)
        assert len(world.about(job)) == 2, "told once, over restarts"
        world.api.change(job, status="running")
        await bot.sweepers["default"].sweep()
        await world.slack.ledger.until(lambda: len(world.about(job)) == 3, seconds=20, why="that it runs")
        running = world.about(job)[-1]
        assert headline(running) == "Running"
        assert "7 h 30 min" in running.plain
        await world.settled(bot)
        assert len(world.about(job)) == 3
    assert world.ops.messages == []


async def test_a_price_says_what_training_cost(world: World, tmp_path: Path) -> None:
    world.pace = LIVELY
    config = tmp_path / "ftjob.toml"
    config.write_text('[prices]\n"gpt-4o-mini" = 3.00\n')
    job = world.api.add_job(status="running", model="gpt-4o-mini-2024-07-18")
    async with world.bot(FTJOB_CONFIG=str(config)):
        await world.say(f"track {job}")
        world.api.change(job, status="succeeded", fine_tuned_model="ft:x", trained_tokens=5_768_000)
        await world.until_told(job, "Succeeded")
        assert "5,768,000 (about $17.30 at $3.00 a million)" in world.about(job)[-1].plain
        assert "$17.30" in (await world.say(f"status {job}")).plain
