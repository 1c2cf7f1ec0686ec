"""Jobs by the names that people gave them."""

import re

import pytest

from tests.stories.alerts.test_outbox import parked
from tests.world import World


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
async def test_a_job_is_found_by_its_name_whatever_it_is(any_world: World, name: str, shown: str) -> None:
    world = any_world
    job = world.api.add_job(status="running", metadata={"name": name})

    async with world.bot():
        await world.say(f"track {job}")
        found = await world.say(f"status {re.sub('[<>!]', '', name)[:59]}")
        every = await world.say("tracked")

    assert shown in world.ml.messages[0].plain_text
    assert shown in every.plain_text
    assert shown in found.plain_text or "<" in name
    assert len(world.ml.messages) == 1


async def test_replies_and_steps_call_a_job_by_its_name(any_world: World) -> None:
    world = any_world
    job = world.api.add_job(status="running", metadata={"name": "ranker v7"})

    async with world.bot() as bot:
        replies = [await world.say(text) for text in (f"track {job}", f"track {job}", f"mute {job} 2h", "settings")]
        replies += [await world.press(replies[2], "ftjob_unmute"), await world.say(f"resume {job}")]
        question = await world.say(f"cancel {job}")
        replies.append(await world.press(question, "ftjob_confirm"))
        await world.until_delivered(job, "Cancel requested", "Canceled")
        await world.until_quiet(bot)
        untracked = await world.say(f"untrack {job}")

    said = [reply.plain_text for reply in replies]
    assert [text for text in said if job in text] == []
    for text, wanted in zip(
        said,
        [
            "Tracking *ranker v7* here.",
            "*ranker v7* is already tracked here.",
            f"<@{world.olivia.id}> muted *ranker v7* for 2 h",
            "*ranker v7* until ",
            f"<@{world.olivia.id}> unmuted *ranker v7*.",
            "*ranker v7* is running, and only paused jobs can be resumed.",
            "*ranker v7* was canceled.",
        ],
        strict=True,
    ):
        assert wanted in text
    assert untracked.text == f"<@{world.olivia.id}> untracked *ranker v7* `{job}` here."
    (step,) = [message.text for message in world.ml.messages if "Cancel requested" in message.text]
    assert f"*Cancel requested* · *ranker v7* · by <@{world.olivia.id}>" in step


async def test_rows_for_operators_have_the_id_after_the_name(world: World) -> None:
    job = world.api.add_job(status="running", metadata={"name": "ranker v7"})
    other = world.api.add_job(status="running")

    async with world.bot() as bot:
        await world.say(f"track {job} {other}")
        await world.say(f"cancel {job}", by="milo")
        await world.slack.remove_bot(world.ml)
        for each in (job, other):
            world.api.change(each, status="paused")
        await parked(world, bot, 2)
        outbox = await world.say("outbox", channel=world.ops)
        audit = await world.say(f"audit denied {job}", channel=world.ops)

    assert f"*ranker v7* `{job}`: running → paused · <#{world.ml.id}> · since " in outbox.plain_text
    assert f"\n`{other}`: running → paused · <#{world.ml.id}> · since " in f"\n{outbox.plain_text}"
    assert "*Audit* · `denied` · job *ranker v7*" in audit.plain_text
    assert f":no_entry: was denied `cancel` *ranker v7* `{job}`" in audit.plain_text


async def test_of_two_jobs_of_one_name_both_are_listed(any_world: World) -> None:
    world = any_world
    first, second = (world.api.add_job(status=status, suffix="ranker") for status in ("failed", "running"))
    other = world.api.add_job(status="running", metadata={"name": "ranker v7"})

    async with world.bot():
        both = await world.say("status Ranker")
        part = await world.say("status ranker v")
        chosen = await world.press(both, "ftjob_show", value=first)

    assert "2 jobs with names matching `Ranker`" in both.plain_text
    assert [each in str(both.blocks) for each in (first, second, other)] == [True, True, False]
    assert other in part.plain_text, "one match is shown"
    assert first in chosen.plain_text


async def test_a_name_that_no_job_has_is_answered_with_the_usage(world: World) -> None:
    async with world.bot():
        answer = await world.say("status nobody")

    assert "I couldn't find a job named `nobody`, and it isn't a job ID." in answer.plain_text
    assert "Usage: `/ftjob status" in answer.plain_text


async def test_a_failed_job_can_be_created_again_from_its_result(world: World) -> None:
    job = world.api.add_job(
        status="running", user_provided_suffix="ranker", metadata={"team": "search"}, hyperparameters={"n_epochs": 3}
    )

    async with world.bot():
        await world.say(f"track {job}")
        world.api.change(job, status="failed")
        await world.until_delivered(job, "Failed")
        result = next(message for message in world.messages_about(job) if message.reply_broadcast)
        form = await (await world.olivia.click(result, "ftjob_retry_job")).modal()
        await world.slack.request_log.wait_until(lambda: "Training file" in form.plain_text, why="the form")
        await world.olivia.submit(form, {})
        await world.slack.request_log.wait_until(lambda: len(world.api.jobs) > 1, why="the job is created again")

    again = next(each for key, each in world.api.jobs.items() if key != job)
    assert (again["user_provided_suffix"], again["metadata"]["team"]) == ("ranker", "search")
    assert again["training_file"] == world.api.jobs[job]["training_file"]
    assert again["method"]["supervised"]["hyperparameters"]["n_epochs"] == 3
