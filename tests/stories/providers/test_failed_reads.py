"""An API that does not answer, or refuses the key, is never drawn as an empty account.

What is known stays with its age, and the failure is named, in whatever shows jobs.
"""

from dataclasses import replace

import pytest

from bot.app.bot import Bot
from bot.blocks.last_known import last_known_jobs
from bot.jobs.models import Job
from bot.sandbox.faults import Fault
from tests.stories.commands.test_home import home_of
from tests.stories.providers.accounts import two_accounts
from tests.world import World

KEY = '{"error": {"message": "Incorrect API key provided.", "code": "invalid_api_key"}}'
DOWN = Fault("answer", status=500, body='{"error": {"message": "We are down."}}')
REFUSED = Fault("answer", status=401, body=KEY)
PAGE = Fault("answer", status=502, body="<html>Bad gateway</html>")
PROBLEMS = {
    "down": (DOWN, "We are down."),
    "key refused": (REFUSED, "rejected ftjob's key"),
    "a gateway's page": (PAGE, "isn't responding properly"),
    "cut off": (Fault("drop"), "closed the connection"),
}
EMPTY = ("No job", "no job", "No fine-tuned", "Nothing is tracked", "No jobs are open", "couldn't find")
AGE = "{ago}"


@pytest.fixture(params=list(PROBLEMS.values()), ids=list(PROBLEMS))
def trouble(request: pytest.FixtureRequest) -> tuple[Fault, str]:
    """Return how an API misbehaves, and words by which people recognize that."""
    named: tuple[Fault, str] = request.param
    return named


async def followed(world: World, bot: Bot, *statuses: str) -> list[str]:
    """Return jobs that a channel follows, as the last whole look found them."""
    jobs = [world.api.add_job(status=status) for status in statuses]
    await world.say("track " + " ".join(jobs))
    for poller in bot.pollers.values():
        await poller.poll()
    return jobs


def claims_nothing(text: str) -> bool:
    """Whether a text does not say that there are no jobs."""
    return not any(said in text for said in EMPTY)


async def test_home_keeps_what_is_known_and_names_the_error(world: World, trouble: tuple[Fault, str]) -> None:
    fault, why = trouble
    async with world.bot() as bot:
        running, failed = await followed(world, bot, "running", "failed")
        world.api.faults.always("*", fault)
        world.skip(3)
        home = await home_of(world, world.olivia)

    assert why in home
    assert claims_nothing(home)
    attention, in_progress = home.split("*In progress*")
    for job, section in ((failed, attention), (running, in_progress)):
        assert job in section
        assert AGE in section


@pytest.mark.parametrize("statuses", [["failed"], ["succeeded", "paused"], ["queued", "cancelled", "failed"]])
async def test_home_shows_no_job_in_progress_where_the_known_ones_were_not(
    world: World, trouble: tuple[Fault, str], statuses: list[str]
) -> None:
    async with world.bot() as bot:
        jobs = await followed(world, bot, *statuses)
        world.api.faults.always("*", trouble[0])
        world.skip(3)
        home = await home_of(world, world.olivia)

    is_open = {"paused", "queued"} & set(statuses)
    assert ("*In progress*" in home) is bool(is_open)
    assert all(job in home for job in jobs)
    assert home.count(AGE) >= len(jobs)
    assert claims_nothing(home)
    assert "I can't read any jobs" not in home


async def test_home_that_knows_nothing_says_that_and_not_that_there_is_nothing(world: World) -> None:
    world.api.add_job(status="running")
    async with world.bot():
        world.api.faults.always("*", REFUSED)
        home = await home_of(world, world.milo)

    assert "rejected ftjob's key" in home
    assert claims_nothing(home)
    assert "I can't read any jobs right now, and none are stored yet." in home


@pytest.mark.parametrize(
    "typed", ["list", "list active", "status {job}", "events {job}", "checkpoints {job}", "cancel {job}"]
)
async def test_a_reply_names_the_error_and_what_was_last_known(
    world: World, trouble: tuple[Fault, str], typed: str
) -> None:
    fault, why = trouble
    async with world.bot() as bot:
        [job] = await followed(world, bot, "running")
        world.api.faults.always("*", fault)
        world.skip(3)
        answer = await world.say(typed.format(job=job))

    assert why in answer.plain_text
    assert claims_nothing(answer.plain_text)
    assert "Last known" in answer.plain_text
    assert AGE in answer.plain_text
    assert job in answer.plain_text
    assert "running" in answer.plain_text


async def test_what_a_list_would_not_hold_is_not_among_what_was_last_known(world: World) -> None:
    async with world.bot() as bot:
        running, failed = await followed(world, bot, "running", "failed")
        world.api.faults.always("*", DOWN)
        world.skip(3)
        answer = await world.say("list failed")

    assert failed in answer.plain_text
    assert running not in answer.plain_text


async def test_a_job_that_the_api_does_not_know_is_not_shown_as_if_it_were_there(world: World) -> None:
    async with world.bot(FTJOB_POLL_SECONDS="3600") as bot:
        [job] = await followed(world, bot, "running")
        world.api.jobs.pop(job)
        world.skip(3)
        answer = await world.say(f"status {job}")

    assert "I couldn't find job" in answer.plain_text
    assert "Last known" not in answer.plain_text


async def test_about_names_the_error_beside_a_fresh_last_poll(world: World, trouble: tuple[Fault, str]) -> None:
    fault, why = trouble
    async with world.bot(FTJOB_POLL_SECONDS="3600") as bot:
        await followed(world, bot, "running")
        well = await world.say("about")
        world.api.faults.always("*", fault)
        world.skip(3)
        ill = await world.say("about")

    assert "OK" in well.plain_text
    assert why in ill.plain_text
    assert "OK" not in ill.plain_text


async def test_about_says_since_when_where_polls_know_it(world: World) -> None:
    async with world.bot() as bot:
        await followed(world, bot, "running")
        world.api.faults.always("*", REFUSED)
        world.skip(3)
        for poller in bot.pollers.values():
            await poller.poll()
        answer = await world.say("about")

    assert " Failing since <!date^" in answer.plain_text


@pytest.mark.parametrize("typed", ["tracked", "status"])
async def test_what_polls_brought_is_marked_as_old_while_they_fail(world: World, typed: str) -> None:
    async with world.bot() as bot:
        [job] = await followed(world, bot, "running")
        fresh = await world.say(typed)
        world.api.faults.always("*", REFUSED)
        for poller in bot.pollers.values():
            await poller.poll()
        old = await world.say(typed)

    assert AGE not in fresh.plain_text
    assert job in old.plain_text
    assert "Incorrect API key provided" in old.plain_text
    assert AGE in old.plain_text


@pytest.mark.parametrize("typed", ["list", "models", "about"])
async def test_of_several_accounts_the_one_that_fails_is_named_and_the_others_are_shown(
    world: World, typed: str
) -> None:
    async with two_accounts(world) as (_, research):
        job = world.api.add_job(status="running")
        research.faults.always("*", REFUSED)
        answer = await world.say(typed)

    assert "Account `research`" in answer.plain_text
    assert "rejected ftjob's key" in answer.plain_text
    assert typed != "list" or job in answer.plain_text
    assert "in accounts `default` and `research`" not in answer.plain_text


@pytest.mark.parametrize("typed", ["list", "models"])
async def test_where_no_account_answers_nothing_is_said_to_be_empty(world: World, typed: str) -> None:
    async with two_accounts(world) as (bot, research):
        [job] = await followed(world, bot, "running")
        for api in (world.api, research):
            api.faults.always("*", DOWN)
        world.skip(3)
        answer = await world.say(typed)

    assert "Account `default`" in answer.plain_text
    assert "Account `research`" in answer.plain_text
    assert claims_nothing(answer.plain_text)
    assert typed != "list" or job in answer.plain_text


async def test_home_shows_the_accounts_that_answer_and_names_the_one_that_does_not(world: World) -> None:
    async with two_accounts(world) as (_, research):
        job = world.api.add_job(status="running")
        research.add_job(status="running")
        research.faults.always("*", DOWN)
        home = await home_of(world, world.milo)

    assert job in home
    assert "Account `research`" in home
    assert "We are down" in home
    assert "Account `default`" not in home


async def test_a_home_tab_that_takes_long_shows_what_is_known_until_it_is_there(world: World) -> None:
    world.tuning = replace(world.tuning, slow_after=0.2)
    async with world.bot(FTJOB_POLL_SECONDS="3600") as bot:  # a poll would meet the fault in the tab's place
        [job] = await followed(world, bot, "running")
        world.skip(3)
        world.api.faults.add("GET /fine_tuning/jobs", Fault("late", seconds=1.5))
        first = await home_of(world, world.milo)
        await world.slack.request_log.wait_until(
            lambda: "Still checking" not in world.slack.homes[world.milo.id].plain_text, why="the whole of it"
        )
        second = world.slack.homes[world.milo.id].plain_text

    assert "Still checking" in first
    assert job in first
    assert AGE in first
    assert job in second


@pytest.mark.parametrize(
    ("fault", "why"),
    [(REFUSED, "rejected ftjob's key"), (PAGE, "isn't responding properly")],
    ids=["key refused", "a gateway's page"],
)
async def test_curves_that_cannot_be_read_are_not_curves_that_were_never_measured(
    world: World, fault: Fault, why: str
) -> None:
    async with world.bot():
        file = world.api.add_file(b"step,train_loss\n1,2.0\n", purpose="fine-tune-results")
        job = world.api.add_job(status="succeeded", result_files=[file])
        world.api.faults.always("GET /files/{id}/content", fault)
        answer = await world.say(f"curves {job}")

    assert why in answer.plain_text
    assert "No metrics" not in answer.plain_text


@pytest.mark.parametrize(("count", "ends"), [(1, "*job-0* · running"), (5, "*job-4* · running"), (7, "and 2 more")])
def test_many_jobs_are_cut_to_a_line(count: int, ends: str) -> None:
    said = last_known_jobs([Job(id=f"job-{nth}", status="running") for nth in range(count)], 1.8e9)
    assert said.startswith("Last known, as of <!date^1800000000^{ago}|")
    assert said.endswith(ends)
