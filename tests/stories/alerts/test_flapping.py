"""A job that changes at every look, in the whole bot: a few alerts, one that says so, and the result at once."""

from dataclasses import replace

from bot.tracking.flap_suppression import MAX_ALERTS
from tests.world import QUIET_TUNING, World

MODEL = "ft:gpt-4o-mini-2024-07-18:acme::abc"


async def test_a_flapping_job_is_suppressed_and_its_result_is_posted(world: World) -> None:
    world.tuning = replace(QUIET_TUNING, max_alerts=MAX_ALERTS)
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        await world.say(f"track {job}")
        for n in range(16):
            world.api.change(job, status="running" if n % 2 else "paused")
            await bot.pollers["default"].poll()
        world.api.change(job, status="succeeded", fine_tuned_model=MODEL)
        await bot.pollers["default"].poll()
        await world.slack.request_log.wait_until(
            lambda: any(MODEL in each.text for each in world.messages_about(job)[1:]),
            why="the result",
        )
        await world.until_quiet(bot)

    said = [message.text for message in world.messages_about(job)[1:]]
    assert sum("is changing too often" in text for text in said) == 1
    assert sum("Held updates" in text for text in said) == 1
    assert len(said) <= MAX_ALERTS + 3
    assert MODEL in said[-1]
