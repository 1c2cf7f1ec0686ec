"""Jobs by the names that people gave them, and the people who own them."""

import re

import pytest

from bot.sandbox.faults import Fault
from bot.sandbox.slack.messages import ChannelMessage
from tests.world import World

MODEL = "ft:gpt-4o-mini-2024-07-18:acme:ranker:abc"


def result_of(world: World, job: str) -> ChannelMessage:
    """Return the one result that the channel got of a job."""
    (result,) = [message for message in world.ml.messages_about(job) if message.reply_broadcast]
    return result


async def test_the_owner_is_mentioned_once_with_whoever_tracks_the_job(any_world: World) -> None:
    world = any_world
    owner = world.milo.id
    job = world.api.add_job(status="running", metadata={"name": "ranker v7", "slack_user": owner})

    async with world.bot() as bot:
        await world.say(f"track {job}")
        world.api.change(job, status="succeeded", fine_tuned_model=MODEL)
        await world.until_delivered(job, "Succeeded")
        await world.until_quiet(bot)

    result = result_of(world, job)
    assert result.plain_text.splitlines()[1].startswith(":white_check_mark: *ranker v7* succeeded in ")
    assert f"<@{owner}> · <@{world.olivia.id}>" in result.plain_text
    assert "<@" not in result.text, "a notification mentions no one twice"
    assert result.plain_text.count("<@") == 2


async def test_an_owner_is_mentioned_once_although_slack_did_not_confirm_the_result(world: World) -> None:
    job = world.api.add_job(status="running", metadata={"slack_user": world.olivia.id})

    async with world.bot() as bot:
        await world.say(f"track {job}")
        world.slack.faults.add("chat.postMessage", Fault("drop", accepted=True))
        world.api.change(job, status="failed")
        await world.until_delivered(job, "Failed")
        await world.until_quiet(bot)

    assert sum(f"<@{world.olivia.id}>" in message.plain_text for message in world.ml.messages if message.thread_ts) == 1


async def test_the_result_after_a_restart_mentions_the_owner_once(world: World) -> None:
    job = world.api.add_job(status="running", metadata={"slack_user": world.olivia.id})

    async with world.bot():
        await world.say(f"track {job}")
    world.api.change(job, status="succeeded", fine_tuned_model=MODEL)
    async with world.bot() as bot:
        await world.until_delivered(job, "Succeeded")
        await world.until_quiet(bot)

    result = result_of(world, job)
    assert result.plain_text.count(f"<@{world.olivia.id}>") == 1


@pytest.mark.parametrize(
    ("name", "shown"),
    [
        ("\U0001f680", "*\U0001f680*"),
        ("n" * 200, f"*{'n' * 59}…*"),
        ("\u05d3\u05d2\u05dd 7", "*\u2068\u05d3\u05d2\u05dd 7\u2069*"),
        ("all", "*all*"),
        (
            "*bold* _and_ ~gone~ :x: <!here>",
            "*\u2217bold\u2217 \u02cdand\u02cd \u223cgone\u223c \ua789x: &lt;!here&gt;*",
        ),
    ],
    ids=["an emoji", "200 letters", "right to left", "all", "markup"],
)
async def test_a_job_is_found_by_its_name_whatever_it_is(world: World, name: str, shown: str) -> None:
    job = world.api.add_job(status="running", metadata={"name": name})

    async with world.bot():
        await world.say(f"track {job}")
        found = await world.say(f"status {re.sub('[<>!]', '', name)[:59]}")
        every = await world.say("tracked")

    assert shown in world.ml.messages[0].plain_text
    assert shown in every.plain_text
    assert shown in found.plain_text or "<" in name
    assert len(world.ml.messages) == 1


async def test_of_two_jobs_of_one_name_both_are_listed(world: World) -> None:
    first, second = (world.api.add_job(status=status, suffix="ranker") for status in ("failed", "running"))
    other = world.api.add_job(status="running", metadata={"name": "ranker v7"})

    async with world.bot():
        both = await world.say("status Ranker")
        part = await world.say("status ranker v")
        chosen = await world.press(both, "ftjob_show", value=first)

    assert "2 jobs named `Ranker`" in both.plain_text
    assert [each in str(both.blocks) for each in (first, second, other)] == [True, True, False]
    assert other in part.plain_text, "one match is shown"
    assert first in chosen.plain_text


async def test_a_name_that_no_job_has_is_answered_with_the_usage(world: World) -> None:
    async with world.bot():
        answer = await world.say("status nobody")

    assert "`nobody` isn't a job ID" in answer.plain_text
    assert "Usage: `/ftjob status" in answer.plain_text


async def test_a_failed_job_can_be_created_again_from_its_result(world: World) -> None:
    job = world.api.add_job(
        status="running", user_provided_suffix="ranker", metadata={"team": "search"}, hyperparameters={"n_epochs": 3}
    )

    async with world.bot():
        await world.say(f"track {job}")
        world.api.change(job, status="failed")
        await world.until_delivered(job, "Failed")
        form = await (await world.olivia.click(result_of(world, job), "ftjob_retry_job")).modal()
        await world.slack.request_log.wait_until(lambda: "Training file" in form.plain_text, why="the form")
        await world.olivia.submit(form, {})
        await world.slack.request_log.wait_until(lambda: len(world.api.jobs) > 1, why="the job is created again")

    again = next(each for key, each in world.api.jobs.items() if key != job)
    assert (again["user_provided_suffix"], again["metadata"]["team"]) == ("ranker", "search")
    assert again["training_file"] == world.api.jobs[job]["training_file"]
    assert again["method"]["supervised"]["hyperparameters"]["n_epochs"] == 3
