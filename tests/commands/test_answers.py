"""What each command answers, as its reader has it: ``pytest tests/commands --snapshot-update`` writes it again."""

import re

from syrupy.assertion import SnapshotAssertion

from bot.jobs.ids import short_id
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
