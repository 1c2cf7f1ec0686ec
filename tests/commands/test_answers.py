"""What each command answers, as its reader has it: ``pytest tests/commands --snapshot-update`` writes it again."""

import re

import pytest
from syrupy.assertion import SnapshotAssertion

from bot.jobs.ids import short_id
from bot.sandbox.faults import Fault
from bot.sandbox.slack.messages import Rendered
from tests.blocks.plain_text import message_text
from tests.world import World

CHANGING = {
    r"<!date\^[^>]*>": "<moment>",
    r"\d{4}-\d\d-\d\d \d\d:\d\d UTC": "<moment>",
    r"`\d+\.\d+\.\d+`": "`<version>`",
    r"\b\d+ (s|min)( \d+ s)? ago": "<time> ago",
    r"after \d+ s|took \d+ s": "after <time>",
    r"running for \d+ s": "running for <time>",
    r"(ftjob_confirm = )\S+(?=\])": r"\1<key>",
    r"ref: `\w+`": "ref: `<ref>`",
    r"file-\w+": "file-<id>",
}


def stable(message: Rendered) -> str:
    text = message_text(message)
    for pattern, name in CHANGING.items():
        text = re.sub(pattern, name, text)
    return text


async def test_each_command_replies_in_plain_words(world: World, snapshot: SnapshotAssertion) -> None:
    running = world.api.add_job(id="ftjob-running", status="running", seed=1)
    world.api.add_job(id="ftjob-done", status="succeeded", fine_tuned_model="ft:gpt-4o-mini:acme::1", seed=1)
    nowhere = world.slack.add_channel("nowhere", bot_is_member=False)

    async with world.bot():
        for text, by in [
            ("about", "milo"),
            ("status ftjob-running ftjob-done ftjob-nosuch", "milo"),
            ("status ftjob-nosuch", "milo"),
            ("list 1", "milo"),
            ("list failed team=search", "milo"),
            ("list team=", "milo"),
            ("tracked", "milo"),
            ("track ftjob-running ftjob-nosuch ftjob-done", "milo"),
            ("track ftjob-running", "milo"),
            ("track ftjob-running me", "milo"),
            ("untrack ftjob-nosuch", "milo"),
            ("untrack ftjob-running", "milo"),
            ("untrack all", "milo"),
            ("unsubscribe", "milo"),
            ("subscribe", "milo"),
            ("subscribe", "olivia"),
            ("unsubscribe", "olivia"),
            ("outbox", "milo"),
            ("outbox", "olivia"),
            ("audit", "milo"),
            ("audit 1", "olivia"),
            ("cancel ftjob-done", "olivia"),
            ("cancel ftjob-running", "milo"),
            ("cancel ftjob-running", "olivia"),
            ("about", "gia"),
            ("about", "sam"),
            ("cancle ftjob-running", "milo"),
        ]:
            assert stable(await world.say(text, by=by)) == snapshot(name=f"{by}: {text}")
        assert stable(await world.say(f"track {running}", channel=nowhere)) == snapshot(name="where the bot is not")


async def test_a_job_that_cannot_be_tracked_does_not_hide_those_that_are(world: World) -> None:
    good, other = world.api.add_job(status="running"), world.api.add_job(status="running")

    async with world.bot():
        reply = await world.say(f"track {good} ftjob-nosuch {other}")

    assert [line.partition(" `")[0] for line in reply.text.splitlines()] == [
        "Tracking",
        ":warning: I couldn't find job",
        "Tracking",
    ]
    assert len(world.messages_about(good)) == len(world.messages_about(other)) == 1


async def test_several_jobs_are_sentences(world: World) -> None:
    running, done = world.api.add_job(status="running"), world.api.add_job(status="cancelled")

    async with world.bot():
        reply = await world.say(f"status {running} {done}")

    assert f"{short_id(running)} is running" in reply.text.splitlines()[0]
    assert f"{short_id(done)} was canceled" in reply.text.splitlines()[1]


async def test_words_that_are_no_job_are_neither_name_nor_id(world: World) -> None:
    async with world.bot():
        word = await world.say("status ranker")
        words = await world.say("status one two three four five six")

    assert word.text.startswith(":warning: I couldn't find a job named `ranker`, and it isn't a job ID.\nUsage:")
    assert "I couldn't find a job named `one two three four five six`, and it isn't a job ID." in words.text


async def test_more_namesakes_than_a_list_holds_are_called_the_latest(world: World) -> None:
    for _ in range(26):
        world.api.add_job(status="running", metadata={"name": "ranker"})

    async with world.bot():
        reply = await world.say("status ranker")

    assert "The latest 25 jobs with names matching `ranker`" in reply.plain_text


async def test_an_empty_page_says_whether_more_can_come(world: World) -> None:
    running, done = world.api.add_job(status="running"), world.api.add_job(status="succeeded")
    for step in range(1, 11):
        world.api.add_checkpoint(running, step, train_loss=1 / step)
    for step in range(1, 9):
        world.api.add_event(running, f"Step {step}")  # beside the two that each job has

    async with world.bot():
        shown = [await world.say(text) for text in (f"checkpoints {running}", f"events {running} 10")]
        older = [(await world.press(each, "ftjob_page")).text for each in shown]
        of_done = [(await world.say(f"{verb} {done}")).text for verb in ("checkpoints", "curves")]

    assert older == [f"No older checkpoints for `{running}`.", f"No older log lines for `{running}`."]
    assert of_done[0] == f"`{done}` has no checkpoints."
    assert of_done[1].startswith("No metrics for *")
    assert "yet" not in of_done[1]


async def test_a_job_unmuted_in_a_muted_channel_stays_silent_and_the_reply_says_so(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        await world.say(f"track {job}")
        await world.say(f"mute {job} 2h")
        await world.say("mute all 2h")
        of_job = await world.say(f"unmute {job}")
        of_all = await world.say("unmute")

    assert of_job.text.endswith(f"unmuted `{job}`, but this channel is still muted.")
    assert "unmuted this channel. " in of_all.text


async def test_where_only_failures_are_sent_no_reply_promises_more(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.bot():
        await world.say("settings alerts failures")
        subscribed = await world.say("subscribe failed")
        listed = await world.say("subscriptions")
        tracked = await world.say(f"track {job}")

    assert "This channel is set to failures only, so it only gets alerts about failures." in subscribed.text
    assert any("this channel is set to failures only)" in message.text for message in world.ml.messages)
    assert "This channel is set to failures only." in listed.plain_text
    assert tracked.text == (
        f"Now tracking all updates for `{job}` here, but alerts here are set to failures only, so you'll see only those."
    )


@pytest.mark.parametrize(
    "fault", [Fault("drop", accepted=True), Fault("answer", body={"ok": False, "error": "fatal_error"})]
)
async def test_a_post_that_slack_did_not_confirm_is_not_called_rejected_or_done(world: World, fault: Fault) -> None:
    job = world.api.add_job(status="running")
    for step in (1, 2):
        data = {"step": step, "total_steps": 2, "train_loss": 1 / step}
        world.api.add_event(job, f"Step {step}/2: training loss={1 / step}", type="metrics", data=data)

    async with world.bot():
        world.slack.faults.add("chat.postMessage", fault)
        card = await world.say(f"track {job}")
        world.slack.faults.add("chat.postMessage", fault)
        chart = await world.say(f"curves {job}")

    assert "Slack didn't confirm my message, so it may not be here. Nothing was saved. Check this channel" in card.text
    assert chart.text.startswith("Slack didn't confirm that the training chart for")
    assert chart.text.endswith("If you don't see it here, try again.")
