"""The Home tab by what needs attention: whose jobs, which alerts, and how much the store is asked for it."""

from datetime import UTC, datetime, timedelta

import pytest

from bot.sandbox.faults import Fault
from bot.sandbox.slack.users import SandboxUser
from tests.store.seeds import add_jobs, reading, track
from tests.store.statements import statements
from tests.stories.alerts.test_cards import step, until_card_says
from tests.stories.alerts.test_outbox import parked
from tests.world import FAST_TUNING, World

MODEL = "ft:gpt-4o-mini-2024-07-18:acme:ranker:7q8mpxmy"
DOWN = Fault("answer", status=500, body='{"error": {"message": "We are down."}}')
HOUR = 3600.0


async def home_of(world: World, person: SandboxUser) -> str:
    """Open somebody's Home tab and return all that is seen there."""
    seen = len(world.slack.request_log.for_endpoint("views.publish"))
    await person.open_home()
    await world.slack.request_log.wait_until(
        lambda: len(world.slack.request_log.for_endpoint("views.publish")) > seen, why="a Home tab"
    )
    return str(world.slack.homes[person.id].plain_text)


def section_of(home: str, title: str) -> str:
    """Return what stands below a title, up to the next one."""
    return home.partition(f"*{title}*")[2].partition("\n*")[0]


async def test_a_running_job_has_the_bar_and_the_finish_of_its_card(world: World) -> None:
    world.tuning = FAST_TUNING
    job = world.api.add_job(status="running")
    async with world.bot():
        await world.say(f"track {job}")
        step(world, job, 1, 2.48)
        step(world, job, 40, 1.7)
        await until_card_says(world, job, "40%")
        shown = section_of(await home_of(world, world.milo), "In progress")

    assert f"*{job}* · running · 40%" in shown
    assert "█░" in shown
    assert "step 40/100" in shown


async def test_a_job_that_stands_still_or_failed_lately_needs_attention_and_an_old_failure_is_a_result(
    world: World,
) -> None:
    now = int(world.clock())
    waiting, running = world.api.add_job(status="queued"), world.api.add_job(status="running")
    old = world.api.add_job(status="failed", created_at=now - 400_000, finished_at=now - 300_000)
    async with world.bot() as bot:
        await world.say(f"track {waiting} {running}")
        world.skip(6.5 * HOUR)
        world.api.change(running, status="failed")
        await bot.pollers["default"].poll()
        await world.slack.request_log.wait_until(
            lambda: len(world.messages_about(waiting)) == 2, why="the alert that it is stalled"
        )
        home = await home_of(world, world.milo)

    urgent = section_of(home, "Needs attention")
    assert f"*{waiting}* · queued · " in urgent
    assert "stuck since" in urgent
    assert f"*{running}* · failed" in urgent
    assert old not in urgent
    assert old in section_of(home, "Latest results")
    assert "*In progress*" not in home


async def test_alerts_that_did_not_arrive_concern_who_follows_the_channel_and_operators(world: World) -> None:
    attic = world.slack.add_channel("attic")
    job = world.api.add_job(status="running")
    async with world.bot() as bot:
        await world.say(f"track {job}", channel=attic, by="milo")
        attic.is_archived = True
        world.api.change(job, status="succeeded", fine_tuned_model=MODEL)
        await parked(world, bot)
        follower, operator = await home_of(world, world.milo), await home_of(world, world.olivia)
        passer_by = await home_of(world, world.slack.add_user("nina"))

    for home in (follower, operator):
        urgent = section_of(home, "Needs attention")
        assert f"couldn't be delivered to <#{attic.id}>. The channel is archived. Unarchive it" in urgent
        assert "`/ftjob outbox`" in urgent
    assert "*Needs attention*" not in passer_by


async def test_results_are_those_of_jobs_that_one_owns_or_tracks_by_hand(world: World) -> None:
    metadata = {"name": "ranker v7", "slack_user": world.milo.id}
    world.api.add_job(status="succeeded", fine_tuned_model=MODEL, metadata=metadata)
    tracked, other = (world.api.add_job(status="succeeded") for _ in range(2))
    async with world.bot():
        await world.say(f"track {tracked}", by="milo")
        await world.say("subscribe", by="milo")
        milos, olivias = await home_of(world, world.milo), await home_of(world, world.olivia)

    mine = section_of(milos, "Your latest results")
    assert "*ranker v7* · succeeded" in mine
    assert f"`{MODEL}`" in mine
    assert tracked in mine
    assert other not in milos
    assert all(shown in section_of(olivias, "Latest results") for shown in ("ranker v7", tracked, other))


async def test_models_that_retire_within_thirty_days_are_shown_while_the_api_lists_them(world: World) -> None:
    base, today = "gpt-4o-mini-2024-07-18", datetime.fromtimestamp(world.clock(), UTC).date()
    world.api.add_job(status="succeeded", fine_tuned_model=MODEL)
    world.api.models[base] = world.api.models[base] | {"shutdown_date": (today + timedelta(days=20)).isoformat()}
    async with world.bot():
        shown = section_of(await home_of(world, world.milo), "Models retiring soon")
        world.api.faults.always("GET /models", DOWN)
        world.skip(3)
        without = await home_of(world, world.milo)

    assert f"`{MODEL}` · retires " in shown
    assert "in 20 days" in shown
    assert "Models retiring soon" not in without
    assert "API OK" in without


async def test_an_old_job_that_one_tracks_is_shown_although_no_page_lists_it(world: World) -> None:
    old = world.api.add_job(status="running", created_at=int(world.clock()) - 90_000)
    async with world.bot() as bot:
        await world.say(f"track {old}", by="milo")
        for _ in range(101):
            world.api.add_job(status="succeeded")
        await bot.pollers["default"].poll()
        world.skip(3)
        milos, olivias = await home_of(world, world.milo), await home_of(world, world.olivia)

    assert old in section_of(milos, "In progress")
    assert old not in olivias


@pytest.mark.parametrize("is_down", [False, True])
async def test_many_jobs_take_as_few_queries_as_one(world: World, *, is_down: bool) -> None:
    async def count_queries() -> int:
        world.skip(3)
        with statements() as sent:
            await home_of(world, world.milo)
        return sum("FROM job" in each or "FROM track" in each for each in sent)

    async with world.bot(FTJOB_POLL_SECONDS="3600") as bot:
        jobs = [world.api.add_job(status=status) for status in ("running", "failed", "succeeded")]
        await world.say(f"track {' '.join(jobs)}", by="milo")
        await bot.pollers["default"].poll()
        if is_down:
            world.api.faults.always("*", DOWN)
        few = await count_queries()
        world.api.faults.clear()
        for status in ("running", "failed", "succeeded") * 20:
            # Slack takes a card a second in a channel: these tracks are put into the store without one.
            job = world.api.add_job(status=status)
            await add_jobs(bot.store, reading(job, status))
            await track(bot.store, (world.ml.id, job), person=world.milo.id)
        await world.until_quiet(bot)
        if is_down:
            world.api.faults.always("*", DOWN)
        many = await count_queries()

    assert 0 < few == many
