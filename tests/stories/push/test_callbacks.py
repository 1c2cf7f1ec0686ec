"""Callbacks for transformers and Lightning: the examples of docs/push.md, called as real trainings called them.

The recordings are of transformers 5.24 and Lightning 2.6, which train a tiny random model for 20 and 24 steps.
"""

from pathlib import Path
from typing import Any

import pytest

from bot.store.jobs.jobs import KnownJob
from tests.stories.push.test_docs import example
from tests.stories.push.trainers import CLIENT, GPU, output_of, trainer, with_trainers
from tests.world import World

HERE = Path(__file__).parent
TRANSFORMERS, LIGHTNING = "transformers, TRL, Axolotl, Unsloth, LLaMA-Factory", "Lightning"
RECORDINGS = {TRANSFORMERS: "transformers.json", LIGHTNING: "lightning.json"}


async def replay(world: World, title: str, mode: str) -> tuple[int | None, KnownJob, dict[str, Any]]:
    """Run an example against a recorded training; return its exit code, its job, and what is stored of it."""
    environ = {
        "PYTHONPATH": f"{CLIENT.parent}:{HERE / 'stubs'}",
        "RECORDING": str(HERE / "recordings" / RECORDINGS[title]),
        "RECORDED_TRAINING": mode,
    }
    program = "model = args = data = None\n" + example(title)
    async with with_trainers(world) as (bot, url):
        async with trainer(world, url, "-c", program, **environ) as process:
            said = await output_of(process)
        assert process.returncode == 0 or "CUDA out of memory" in said, said
        ((job_id, job),) = (await bot.store.jobs.states.newest(GPU, 10)).items()
        points = await bot.store.training.metrics.of_job(GPU, job_id)
        saved = await bot.store.training.logs.checkpoints_of(GPU, job_id)
        async with bot.store.db.transaction() as tx:
            (run,) = (await bot.store.training.runs.of_jobs(tx, GPU, [job_id]))[job_id].values()
    stored = {
        "losses": {(each.series, each.step): each.value for each in points},
        "checkpoints": {each.step: each.model for each in saved},
        "state": run.state,
    }
    return process.returncode, job, stored


@pytest.mark.parametrize(
    ("title", "losses", "checkpoints", "total"),
    [
        (
            TRANSFORMERS,
            {("train_loss", step) for step in (5, 10, 15, 20)} | {("valid_loss", step) for step in (10, 20)},
            {10: "checkpoint-10", 20: "checkpoint-20"},
            20,
        ),
        (
            LIGHTNING,
            {("train_loss", step) for step in range(4, 25, 4)} | {("valid_loss", step) for step in (8, 16, 24)},
            {8: "epoch=0-step=8.ckpt", 16: "epoch=1-step=16.ckpt", 24: "epoch=2-step=24.ckpt"},
            24,
        ),
    ],
    ids=["transformers", "lightning"],
)
async def test_a_training_is_reported_with_its_losses_and_checkpoints(
    world: World, title: str, losses: set[tuple[str, int]], checkpoints: dict[int, str], total: int
) -> None:
    code, job, stored = await replay(world, title, "ok")

    assert (code, job.state.status) == (0, "succeeded")
    assert job.state.fine_tuned_model
    assert job.state.fine_tuned_model.endswith(checkpoints[total])
    assert stored["losses"].keys() == losses
    assert {step: Path(path).name for step, path in stored["checkpoints"].items()} == checkpoints
    assert all(Path(path).is_absolute() for path in stored["checkpoints"].values())
    assert (stored["state"]["step"], stored["state"]["total_steps"], stored["state"]["name"]) == (
        total,
        total,
        "nightly",
    )


@pytest.mark.parametrize("title", [TRANSFORMERS, LIGHTNING], ids=["transformers", "lightning"])
async def test_a_crash_is_reported_with_its_reason(world: World, title: str) -> None:
    code, job, stored = await replay(world, title, "crash")

    assert (code, job.state.status) == (1, "failed")
    assert stored["state"]["error"] == {"code": "RuntimeError", "message": "CUDA out of memory"}


@pytest.mark.parametrize("title", [TRANSFORMERS, LIGHTNING], ids=["transformers", "lightning"])
async def test_a_cancel_request_stops_the_training(world: World, title: str) -> None:
    code, job, _ = await replay(world, title, "cancel")

    assert (code, job.state.status) == (0, "cancelled")
