"""The disk is full: the bot says so, changes nothing, and goes on by itself when there is room again."""

from structlog.testing import capture_logs

from bot.app.bot import Bot
from bot.sandbox.processes import free_port
from tests.readiness import Readiness
from tests.world import World

MODEL = "ft:gpt-4o-mini-2024-07-18:acme::abc"


async def test_a_full_disk_is_named_and_nothing_is_lost_or_doubled_when_there_is_room_again(world: World) -> None:
    jobs = [world.api.add_job(status="running", metadata={"note": "x" * 500}) for _ in range(4)]

    with capture_logs() as logs:
        await _through_a_full_disk(world, jobs)

    assert [world.delivered(job) for job in jobs] == [["Succeeded"]] * 4
    said = [log["event"] for log in logs]
    assert said.count("poll.failing") + said.count("delivery.failing") >= 1
    for begin, end in (("poll.failing", "poll.recovered"), ("delivery.failing", "delivery.recovered")):
        assert said.count(begin) == said.count(end) <= 1


async def _through_a_full_disk(world: World, jobs: list[str]) -> None:
    async with world.bot(PORT=str(free_port())) as bot:
        for job in jobs:
            await world.say(f"track {job}")
        await _limit(bot, pages=1)
        for job in jobs:
            world.api.change(job, status="succeeded", fine_tuned_model=MODEL)
        assert bot.port
        readiness = Readiness(bot.port)
        await readiness.until(ready=False, seconds=300)
        assert "store" in await readiness.parts()
        assert [world.delivered(job) for job in jobs] == [[]] * 4

        await _limit(bot, pages=1_000_000)
        for job in jobs:
            await world.until_delivered(job, "Succeeded")
        await world.until_quiet(bot)
        assert bot.broken_parts() == []


async def _limit(bot: Bot, *, pages: int) -> None:
    """Let the database have so many pages; fewer than it has is as many as it has."""
    async with bot.store.db.transaction() as tx:
        await tx.exec_driver_sql(f"PRAGMA max_page_count = {pages}")
