"""The client, in processes of their own: what it reports, what it keeps for later, and that it never harms the training."""

import asyncio
import json
import signal
import sys
import urllib.request
from pathlib import Path

from bot.sandbox.processes import free_port
from tests import canaries
from tests.stories.push.trainers import CLIENT, GPU, configured, output_of, push_url, trainer, with_trainers
from tests.world import FAST_TUNING, World

TRAINING = """
import sys, time
from client import Job
with Job("nightly", id="nightly-1", total_steps=5, heartbeat=10) as job:
    for step in range(1, 6):
        job.log(step, train_loss=1 / step)
        job.message(f"step {step}")
        if job.cancel_requested:
            break
    job.checkpoint(5, "s3://bucket/5")
    job.result("s3://bucket/final")
    if "crash" in sys.argv:
        raise ValueError("out of luck")
    while "hang" in sys.argv and not job.cancel_requested:
        time.sleep(0.05)
print("trained")
"""


def script(world: World) -> str:
    file = world.folder / "train.py"
    file.write_text(TRAINING)
    return str(file)


async def test_a_training_is_reported_with_every_point(world: World) -> None:
    async with with_trainers(world) as (bot, url):
        await world.say("subscribe account:gpu")
        async with trainer(world, url, script(world)) as process:
            said = await output_of(process)
        assert (process.returncode, said) == (0, "trained\n")
        await world.until_quiet(bot)
        points = await bot.store.training.metrics.of_job(GPU, "nightly-1")
        log = await world.say("events nightly-1 5")
        saved = await world.say("checkpoints nightly-1")

    assert sorted((each.step, each.value) for each in points) == [(step, 1 / step) for step in range(1, 6)]
    assert "step 5" in log.plain_text
    assert "s3://bucket/5" in saved.plain_text
    results = [
        each for each in world.messages_about("nightly") if each.thread_ts and "s3://bucket/final" in each.plain_text
    ]
    assert len(results) == 1


async def test_an_exception_is_reported_and_raised_again(world: World) -> None:
    async with with_trainers(world) as (bot, url):
        await world.say("subscribe account:gpu")
        async with trainer(world, url, script(world), "crash") as process:
            said = await output_of(process)
        assert process.returncode == 1
        assert "ValueError: out of luck" in said
        await world.until_quiet(bot)

    assert any("ValueError: out of luck" in each.plain_text for each in world.messages_about("nightly"))


async def test_a_bot_that_is_away_costs_the_training_nothing_and_gets_the_end_later(world: World) -> None:
    settings = configured(world)
    async with trainer(world, push_url(settings), script(world)) as process:
        said = await output_of(process)
    assert process.returncode == 0
    assert "trained" in said
    assert len(list((world.folder / "spool").glob("*.json"))) == 1
    assert canaries.PUSH not in "".join(each.read_text() for each in (world.folder / "spool").iterdir())

    async with world.bot(**settings) as bot:
        await world.say("subscribe account:gpu")
        async with trainer(world, push_url(settings), str(CLIENT), "flush") as process:
            assert await output_of(process) == "Sent 1, 0 left.\n"
        await world.until_quiet(bot)
        shown = await world.say("status nightly-1")
    assert "s3://bucket/final" in shown.plain_text
    assert list((world.folder / "spool").glob("*.json")) == []


async def test_a_wrong_token_and_a_spool_that_cannot_be_written_cost_the_training_nothing(world: World) -> None:
    async with (
        with_trainers(world) as (_, url),
        trainer(world, url, script(world), FTJOB_PUSH_TOKEN="wrong", FTJOB_SPOOL_DIR="/proc/no-such-place") as process,
    ):
        said = await output_of(process)
    assert process.returncode == 0
    assert "trained" in said
    assert "ftjob returned 401" in said
    assert "couldn't save the job's final report" in said


async def test_a_cancel_stops_the_training(world: World) -> None:
    world.tuning = FAST_TUNING
    async with with_trainers(world) as (bot, url):
        await world.say("subscribe account:gpu")
        async with trainer(world, url, script(world), "hang") as process:
            await world.slack.request_log.wait_until(lambda: world.messages_about("nightly"), why="the card")
            await world.press(await world.say("cancel nightly-1"), "ftjob_confirm")
            said = await output_of(process)
        assert (process.returncode, said) == (0, "trained\n")
        await world.until_quiet(bot)
        shown = await world.say("status nightly-1")
    assert "succeeded" in shown.plain_text, "all of its steps were made before"


async def test_a_command_is_reported_with_its_exit_code_and_its_last_words(world: World) -> None:
    program = "import sys; sys.stderr.write('CUDA out of memory\\n'); sys.exit(3)"
    async with with_trainers(world) as (bot, url):
        await world.say("subscribe account:gpu")
        wrapped = (str(CLIENT), "run", "--name", "nightly", "--id", "nightly-2", "--", sys.executable, "-c", program)
        async with trainer(world, url, *wrapped) as process:
            said = await output_of(process)
        assert process.returncode == 3
        assert "CUDA out of memory" in said
        await world.until_quiet(bot)
        shown = await world.say("status nightly-2")
    assert "CUDA out of memory" in shown.plain_text
    assert "exit code 3" in shown.plain_text


async def test_a_signal_is_passed_on_and_its_exit_code_is_kept(world: World) -> None:
    program = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(7)); print('ready', flush=True); time.sleep(600)"
    async with with_trainers(world) as (_, url):
        wrapped = (str(CLIENT), "run", "--name", "nightly", "--", sys.executable, "-c", program)
        async with trainer(world, url, *wrapped) as process:
            assert process.stdout
            assert await process.stdout.readline() == b"ready\n"
            process.send_signal(signal.SIGTERM)
            await process.wait()
    assert process.returncode == 7


async def test_a_trainer_that_is_killed_is_missed(world: World) -> None:
    async with with_trainers(world) as (bot, url):
        await world.say("subscribe account:gpu")
        async with trainer(world, url, script(world), "hang") as process:
            await world.slack.request_log.wait_until(lambda: world.messages_about("nightly"), why="the card")
            process.kill()
            await process.wait()
        await world.until_quiet(bot)
        world.skip(31)
        await world.until_quiet(bot)
    assert any("No heartbeat" in each.plain_text for each in world.messages_about("nightly"))


async def test_a_trainer_and_a_bot_that_are_killed_at_once_are_missed_and_go_on(world: World) -> None:
    settings = configured(world)
    url = push_url(settings)
    async with world.process(**settings) as killed:
        await world.say("subscribe account:gpu")
        async with trainer(world, url, script(world), "hang") as process:
            await world.slack.request_log.wait_until(lambda: world.messages_about("nightly"), why="the card")
            killed.kill()
            process.kill()
            await asyncio.gather(killed.wait(), process.wait())
    async with world.bot(**settings) as bot:
        await world.until_quiet(bot)
        world.skip(31)
        await world.until_quiet(bot)
        silent = [each for each in world.messages_about("nightly") if "No heartbeat" in each.plain_text]
        async with trainer(world, url, script(world)) as again:
            await output_of(again)
        await world.until_quiet(bot)
    told = [each.plain_text for each in world.messages_about("nightly") if each.thread_ts]

    assert len(silent) == 1
    assert sum("*Restarted* (run 2)" in each for each in told) == 1
    assert sum("s3://bucket/final" in each for each in told) == 1


async def test_a_disk_that_takes_no_byte_of_the_spool_costs_the_training_nothing(world: World) -> None:
    program = "import resource\nresource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))\n" + TRAINING
    async with trainer(world, push_url(configured(world)), "-c", program) as process:
        said = await output_of(process)

    assert process.returncode == 0
    assert "trained" in said
    assert "couldn't save the job's final report" in said
    assert list((world.folder / "spool").iterdir()) == []


async def test_without_settings_the_training_runs_unreported(world: World) -> None:
    async with trainer(world, "", script(world)) as process:
        said = await output_of(process)
    assert process.returncode == 0
    assert "won't be reported" in said


async def test_the_bot_serves_the_client(world: World) -> None:
    async with with_trainers(world) as (_, url):
        address = url.rsplit("/", 1)[0] + "/client.py"
        served = await asyncio.to_thread(lambda: urllib.request.urlopen(address).read())  # noqa: S310
    assert served == await asyncio.to_thread(Path(CLIENT).read_bytes)


async def test_nobody_listens_and_the_training_is_as_fast(world: World) -> None:
    async with trainer(
        world, f"http://127.0.0.1:{free_port()}/push/gpu", script(world), FTJOB_SPOOL_DIR="/dev/null/x"
    ) as process:
        said = await output_of(process)
    assert process.returncode == 0
    assert "can't reach ftjob" in said
    assert json.dumps(said).count("Traceback") == 0
