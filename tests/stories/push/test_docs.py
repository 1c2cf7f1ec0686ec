"""The examples of docs/push.md, run as they stand there."""

import asyncio
import os
import re
import sys
from asyncio.subprocess import PIPE, STDOUT
from pathlib import Path

from tests import canaries
from tests.stories.push.trainers import CLIENT, GPU, with_trainers
from tests.world import World

PAGE = Path("docs/push.md").read_text()


def example(title: str) -> str:
    """Return the first block of code below a heading."""
    section = PAGE.split(f"\n## {title}\n")[1].split("\n## ")[0]
    lines = [line[4:] for line in section.splitlines() if line.startswith("    ") or not line]
    return "\n".join(lines).strip("\n").split("\n\n\n")[0]


async def run(world: World, url: str, *command: str) -> tuple[int | None, str]:
    environ = {**os.environ, "FTJOB_PUSH_URL": url, "FTJOB_PUSH_TOKEN": canaries.PUSH, "PYTHONPATH": str(CLIENT.parent)}
    process = await asyncio.create_subprocess_exec(
        *command, cwd=world.folder, env={**environ, "FTJOB_SPOOL_DIR": str(world.folder)}, stdout=PIPE, stderr=STDOUT
    )
    said, _ = await process.communicate()
    return process.returncode, said.decode()


async def test_the_example_of_a_command_reports_it(world: World) -> None:
    (world.folder / "client.py").write_bytes(CLIENT.read_bytes())
    command = example("A command").replace("python", sys.executable, 1).replace("torchrun train.py", "echo trained")
    async with with_trainers(world) as (bot, url):
        assert await run(world, url, *command.split()) == (0, "trained\n")
        jobs = await bot.store.jobs.states.newest(GPU, 10)
    assert [each.state.status for each in jobs.values()] == ["succeeded"]


async def test_the_example_in_python_reports_every_step(world: World) -> None:
    program = "train = lambda step: 1 / step\n" + example("Python")
    async with with_trainers(world) as (bot, url):
        assert await run(world, url, sys.executable, "-c", program) == (0, "")
        ((job_id, job),) = (await bot.store.jobs.states.newest(GPU, 10)).items()
        points = await bot.store.training.metrics.of_job(GPU, job_id)
    assert (job.state.status, job.state.fine_tuned_model, len(points)) == ("succeeded", "s3://bucket/final", 300)


async def test_the_example_with_curl_is_a_call(world: World) -> None:
    async with with_trainers(world) as (bot, url):
        status, said = await run(world, url, "sh", "-c", example("curl"))
        jobs = await bot.store.jobs.states.newest(GPU, 10)
    assert (status, said) == (0, '{"seq": 1, "requested": null}')
    assert [each.state.status for each in jobs.values()] == ["running"]


def test_the_example_of_kubernetes_is_a_command_of_the_client() -> None:
    command = re.search(r"command: \[(.*)\]", example("Kubernetes"))
    assert command
    assert (
        command[1].replace('"', "").startswith("python, client.py, run, --name, nightly, --id, $(JOB_NAME), --, python")
    )
