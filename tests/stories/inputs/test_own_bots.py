"""Rows that need a bot, or two, of their own."""

import asyncio
import re
import time
from pathlib import Path

from bot.sandbox.faults import Fault
from bot.sandbox.slack.interactions import UserInteraction
from tests.providers.raw_server import RawServer, drips
from tests.stopwatch import stopwatch
from tests.store.seeds import add_jobs, reading, track
from tests.stories.inputs.harness import CONFIRM, HOUR, LIST, RETRIEVE, RunningBot
from tests.world import World, cancel_request


async def test_a_bot_that_only_reads_refuses_to_cancel(world: World) -> None:
    job = world.api.add_job(status="running")
    async with world.bot(FTJOB_POLL_SECONDS=HOUR, FTJOB_READ_ONLY="1") as bot:
        captured = await RunningBot(world, bot).command(f"cancel {job}")

    assert (
        "ftjob is read-only here (FTJOB_READ_ONLY), so actions like cancel are off. Ask your ftjob admin"
        in captured.reply.plain_text
    )
    assert captured.reply.ephemeral
    assert captured.requests == []
    [entry] = captured.audit
    assert (entry.decision, entry.reason) == ("denied", "read_only")


async def test_two_people_confirm_at_two_processes_the_same_moment_and_it_is_one_action(
    tmp_path: Path, postgres_url: str
) -> None:
    async with World(tmp_path, database_url=postgres_url) as world:
        otto, job = world.slack.add_user("otto", is_owner=True), world.api.add_job(status="running")
        async with world.bot(FTJOB_POLL_SECONDS=HOUR) as bot, world.bot(FTJOB_POLL_SECONDS=HOUR) as second:
            await world.slack.request_log.wait_until(
                lambda: len(world.slack.sockets.active) == 2, why="both are connected"
            )
            await world.slack.request_log.wait_until(lambda: second.identity, why="both know who they are")
            mine = await world.say(f"cancel {job}")
            theirs = await (await otto.command(f"cancel {job}", world.ml)).reply()
            # Both looks see it running; the two meet where the order is stored.
            world.api.faults.add(RETRIEVE, Fault("late", seconds=0.5), Fault("late", seconds=0.5))

            async def both() -> UserInteraction:
                clicks = await asyncio.gather(world.olivia.click(mine, CONFIRM), otto.click(theirs, CONFIRM))
                said = sorted(
                    [(await click.reply()).plain_text for click in clicks], key=lambda each: "` was canceled." in each
                )
                assert re.match(r"<@\w+> (canceled|is already canceling) ", said[0])
                assert "` was canceled." in said[1]
                return clicks[0]

            captured = await RunningBot(world, bot).capture(both(), names=[world.olivia.id, otto.id])

        assert sorted(captured.decisions) == ["done", "duplicate", "ordered"]
        assert world.actions == [cancel_request(job)]


async def test_a_refused_key_with_a_thousand_jobs_is_reported_once(world: World) -> None:
    jobs = [world.api.add_job(status="running") for _ in range(1000)]
    async with world.bot(FTJOB_POLL_SECONDS=HOUR, FTJOB_OPS_CHANNEL=world.ops.id) as bot:
        running_bot = RunningBot(world, bot)
        await add_jobs(bot.store, *map(reading, jobs))
        await track(bot.store, *((world.ml.id, job) for job in jobs))
        keys, world.api.keys = world.api.keys, {}
        before = len(world.api.request_log)
        for _ in range(4):
            await running_bot.poll()
        asked = [entry.endpoint for entry in world.api.request_log][before:]
        told = len(world.ops.messages)
        world.api.keys = keys

    assert asked == [LIST] * 4, "one request a look, not one a job"
    assert told == 1
    assert world.ml.messages == []
    assert keys.keys().isdisjoint(world.ops.messages[0].plain_text.split())


async def test_an_answer_that_drips_is_given_up_in_time(world: World) -> None:
    async with (
        RawServer(drips(0.5)) as server,
        world.bot(FTJOB_POLL_SECONDS=HOUR, OPENAI_BASE_URL=server.base_url) as bot,
    ):
        begun = time.monotonic()
        async with stopwatch() as watch:
            captured = await RunningBot(world, bot).capture(
                world.olivia.command("status ftjob-abc123", world.ml), seconds=90
            )
        took = time.monotonic() - begun

    assert "The API isn't responding properly: No response within 15 s." in captured.reply.plain_text
    assert "ref: `" in captured.reply.plain_text
    assert took >= 15
    assert watch.seconds < 20, "16 s, on a machine that does nothing else"
