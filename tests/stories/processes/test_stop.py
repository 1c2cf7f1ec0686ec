"""A bot that is told to stop: it ends in time, whatever hangs, and nothing is lost."""

import asyncio
import signal
from asyncio.subprocess import Process
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from pathlib import Path

import pytest

from bot.sandbox.faults import Fault
from bot.sandbox.processes import free_port
from tests.stopwatch import stopwatch
from tests.world import Transport, World

POST = "chat.postMessage"
LIST = "GET /fine_tuning/jobs"
HANG = Fault("hang", seconds=60)
MODEL = "ft:gpt-4o-mini-2024-07-18:acme::abc"


async def ended(process: Process) -> int:
    """Wait for a process that was told to stop; its own limit is 9.5 s, on a machine that gives it time."""
    async with asyncio.timeout(300):
        return await process.wait()


@pytest.mark.parametrize("accepted", [True, False], ids=["taken", "not taken"])
async def test_a_stop_with_slack_and_the_api_hanging_ends_by_itself_and_loses_nothing(
    world: World, *, accepted: bool
) -> None:
    job, other = world.api.add_job(status="running"), world.api.add_job(status="running")

    async with world.process() as process:
        await world.say(f"track {job} {other}")  # the other one keeps it looking
        posts = len(world.slack.request_log.for_endpoint(POST))
        world.slack.faults.add(POST, Fault("hang", accepted=accepted, seconds=60))
        world.api.change(job, status="succeeded", fine_tuned_model=MODEL)
        await world.slack.request_log.wait_until(
            lambda: len(world.slack.request_log.for_endpoint(POST)) > posts, why="a post that hangs"
        )
        world.slack.faults.always("*", HANG)
        world.api.faults.always(LIST, HANG)
        polls = len(world.api.request_log.for_endpoint(LIST))
        await world.api.request_log.wait_until(
            lambda: len(world.api.request_log.for_endpoint(LIST)) > polls, why="a poll that hangs"
        )
        process.send_signal(signal.SIGTERM)
        code = await ended(process)

    assert code == 0 or "bot.stop_hung" in "".join(world.log)
    assert "Traceback" not in "".join(world.log)
    world.slack.faults.clear()
    world.api.faults.clear()
    world.skip(60)
    async with world.bot() as bot:
        await world.until_delivered(job, "Succeeded")
        await world.until_quiet(bot)
    assert world.delivered(job) == ["Succeeded"]


async def test_commands_and_requests_under_way_hold_a_stop_up_no_longer(tmp_path: Path, transport: Transport) -> None:
    port = free_port()
    async with World(tmp_path, transport=transport) as world:
        job = world.api.add_job(status="running")
        async with world.process(PORT=str(port), FTJOB_HOST="127.0.0.1") as process:
            world.slack.request_url = f"http://127.0.0.1:{port}/slack/events"
            await world.say(f"track {job}")
            world.slack.faults.always("*", HANG)
            world.api.faults.always("*", HANG)
            asked = await world.olivia.command(f"status {job}", world.ml)
            async with _half_a_request(port):
                process.send_signal(signal.SIGTERM)
                code = await ended(process)

    assert asked.acked
    assert code == 0 or "bot.stop_hung" in "".join(world.log)
    assert "Traceback" not in "".join(world.log)


async def test_no_poll_begins_while_an_entrance_still_closes(tmp_path: Path) -> None:
    async with World(tmp_path, transport="http") as world, AsyncExitStack() as requests:
        job = world.api.add_job(status="running")
        async with world.bot() as bot:
            assert bot.port
            await world.say(f"track {job}")
            await world.until_quiet(bot)
            await requests.enter_async_context(_half_a_request(bot.port))
            before = len(world.api.request_log.for_endpoint(LIST))
        after = len(world.api.request_log.for_endpoint(LIST))

    assert after - before <= 1, "the poll that was under way, and no other"


@asynccontextmanager
async def _half_a_request(port: int) -> AsyncIterator[None]:
    """Begin a request to the bot whose end never comes, once the bot has begun to read it.

    It is a small form, like Slack's check of a certificate: the only body that is read unsigned. In Socket Mode the
    answer is 404 at once, and the rest is read all the same.
    """
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(
        b"POST /slack/events HTTP/1.1\r\nHost: bot\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        b"Content-Length: 9\r\nExpect: 100-continue\r\n\r\n"
    )
    try:
        assert (await reader.readline()).split()[1] in (b"100", b"404")
        writer.write(b"half")
        await writer.drain()
        yield
    finally:
        writer.close()


async def test_a_second_signal_ends_it_at_once_and_safely(world: World) -> None:
    job = world.api.add_job(status="running")

    async with world.process() as process:
        await world.say(f"track {job}")
        posts = len(world.slack.request_log.for_endpoint(POST))
        world.slack.faults.add(POST, Fault("hang", accepted=True, seconds=60))
        world.api.change(job, status="succeeded", fine_tuned_model=MODEL)
        await world.slack.request_log.wait_until(
            lambda: len(world.slack.request_log.for_endpoint(POST)) > posts, why="a post that hangs"
        )
        process.send_signal(signal.SIGTERM)
        await world.slack.request_log.wait_until(lambda: "bot.stopping" in "".join(world.log), why="the stop has begun")
        process.send_signal(signal.SIGTERM)
        code = await ended(process)

    assert code == -signal.SIGKILL
    world.skip(60)
    async with world.bot() as bot:
        await world.until_quiet(bot)
    assert world.delivered(job) == ["Succeeded"]


async def test_an_idle_bot_waits_for_nothing_when_it_stops(world: World) -> None:
    async with stopwatch() as starting, world.process() as process:
        starting_seconds = starting.seconds
        process.send_signal(signal.SIGTERM)
        async with stopwatch() as stopping:
            code = await ended(process)

    assert code == 0
    assert stopping.seconds < starting_seconds, "any part that waited would take three seconds or more"
