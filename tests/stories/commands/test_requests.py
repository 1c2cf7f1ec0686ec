from bot.app.bot import Bot
from tests.stopwatch import within
from tests.world import World

LIST = "GET /fine_tuning/jobs"
HOUR = 3600.0
MODEL = "ft:gpt-4o-mini-2024-07-18:acme::abc"


async def test_a_hundred_live_jobs_cost_one_request_a_poll(world: World) -> None:
    jobs = [world.api.add_job(status="running") for _ in range(100)]

    async with world.bot(FTJOB_POLL_SECONDS=str(HOUR)) as bot:
        await world.say("subscribe")
        await world.say(f"track {jobs[0]}", channel=world.ops)
        await bot.pollers["default"].poll()
        before = len(world.api.request_log)
        for _ in range(5):
            await bot.pollers["default"].poll()
        requests = [(entry.endpoint, entry.request["query"]) for entry in world.api.request_log][before:]
        assert requests == [(LIST, {"limit": "100"})] * 5

        world.api.change(jobs[0], status="succeeded", fine_tuned_model=MODEL)
        await bot.pollers["default"].poll()
        await world.until_delivered(jobs[0], "Succeeded", channel=world.ops)
        assert len(world.api.request_log) == before + 6, "it costs nothing more where something changes"


async def test_closed_jobs_cost_no_request_where_nothing_is_subscribed(any_world: World) -> None:
    world = any_world
    ended = [world.api.add_job(status=status) for status in ("failed", "cancelled")]
    job = world.api.add_job(status="running")

    async with world.bot() as bot:
        for each in (*ended, job):
            await world.say(f"track {each}")
        world.api.change(job, status="succeeded", fine_tuned_model=MODEL)
        await world.until_delivered(job, "Succeeded")
        await _until_idle(world, bot)
        before = len(world.api.request_log)
        for _ in range(5):
            await bot.pollers["default"].poll()

        assert len(world.api.request_log) == before
        assert world.delivered(job) == ["Succeeded"]


async def test_a_succeeded_job_is_watched_for_an_hour_until_its_model_has_a_name(world: World) -> None:
    job = world.api.add_job(status="succeeded")

    async with world.bot(FTJOB_POLL_SECONDS="60") as bot:
        await world.say(f"track {job}")
        for _ in range(58):
            world.skip(60)
            before = len(world.api.request_log)
            await bot.pollers["default"].poll()
            assert len(world.api.request_log) == before + 1
        world.skip(600)
        await _until_idle(world, bot)


async def test_a_tracked_job_beyond_the_first_page_costs_one_request_more(world: World) -> None:
    old = world.api.add_job(status="running")
    for _ in range(120):
        world.api.add_job(status="succeeded", fine_tuned_model=MODEL)

    async with world.bot(FTJOB_POLL_SECONDS=str(HOUR)) as bot:
        await world.say(f"track {old}")
        await bot.pollers["default"].poll()
        before = len(world.api.request_log)
        world.api.change(old, status="paused")
        await bot.pollers["default"].poll()
        await world.until_delivered(old, "Paused")

    assert len(world.api.request_log) == before + 2


async def test_a_bot_that_follows_nothing_requests_nothing(world: World) -> None:
    world.api.add_job(status="running")

    async with world.bot() as bot:
        for _ in range(3):
            await bot.pollers["default"].poll()
        await world.say("tracked")

    assert len(world.api.request_log) == 0


async def _until_idle(world: World, bot: Bot) -> None:
    """Poll until a poll needs no request any more."""
    async with within(10):
        while True:
            before = len(world.api.request_log)
            await bot.pollers["default"].poll()
            if len(world.api.request_log) == before:
                return
