"""OpenAI's own client against the stand-in."""

import base64
from collections.abc import AsyncIterator

import openai
import pytest
from openai import AsyncOpenAI

from bot.sandbox.faults import Fault
from bot.sandbox.openai.scenarios import succeeds
from bot.sandbox.openai.server import FineTuningApi
from tests.sandbox.clock import Clock

MODEL = "gpt-4o-mini-2024-07-18"
UNKNOWN = "ftjob-000000000000000000000000"


@pytest.fixture
async def client(api: FineTuningApi) -> AsyncIterator[AsyncOpenAI]:
    async with AsyncOpenAI(api_key=api.key, base_url=api.base_url, max_retries=0) as opened:
        yield opened


async def test_the_client_creates_and_retrieves_a_job(api: FineTuningApi, client: AsyncOpenAI) -> None:
    created = await client.fine_tuning.jobs.create(
        model=MODEL,
        training_file=api.training_file,
        validation_file=api.validation_file,
        suffix="tuned",
        seed=7,
        metadata={"team": "ml"},
        integrations=[{"type": "wandb", "wandb": {"project": "p"}}],
        method={"type": "supervised", "supervised": {"hyperparameters": {"n_epochs": 2}}},
    )
    job = await client.fine_tuning.jobs.retrieve(created.id)
    assert job == created
    assert (job.status, job.seed, job.metadata) == ("validating_files", 7, {"team": "ml"})
    assert job.hyperparameters.n_epochs == 2


async def test_the_client_pages_through_all_jobs(api: FineTuningApi, client: AsyncOpenAI) -> None:
    made = [api.add_job() for _ in range(25)]
    seen = [job.id async for job in client.fine_tuning.jobs.list(limit=10)]
    assert made[::-1] == seen
    assert [logged.request["query"].get("after") for logged in api.request_log] == [None, made[15], made[5]]


async def test_the_client_lists_jobs_by_metadata(api: FineTuningApi, client: AsyncOpenAI) -> None:
    wanted = api.add_job(metadata={"team": "ml"})
    api.add_job(metadata={"team": "ops"})
    assert [job.id async for job in client.fine_tuning.jobs.list(metadata={"team": "ml"})] == [wanted]


async def test_the_client_cancels_a_job(api: FineTuningApi, client: AsyncOpenAI) -> None:
    job = await client.fine_tuning.jobs.cancel(api.add_job(status="running"))
    assert job.status == "cancelled"


async def test_the_client_pauses_and_resumes_a_job(api: FineTuningApi, client: AsyncOpenAI) -> None:
    job_id = api.add_job(status="running")
    paused = await client.fine_tuning.jobs.pause(job_id)
    resumed = await client.fine_tuning.jobs.resume(job_id)
    assert (str(paused.status), str(resumed.status)) == ("paused", "queued")


async def test_the_client_reads_all_events_of_a_finished_job(
    api: FineTuningApi, client: AsyncOpenAI, clock: Clock
) -> None:
    job_id = api.add_job(scenario=succeeds(12))
    clock.now += 12
    events = [event async for event in client.fine_tuning.jobs.list_events(job_id, limit=4)]
    assert len({event.id for event in events}) == len(events) == 16
    assert events[0].message == "Fine tuning job successfully completed"
    assert [event.type for event in events].count("metrics") == 10


async def test_the_client_reads_checkpoints(api: FineTuningApi, client: AsyncOpenAI, clock: Clock) -> None:
    job_id = api.add_job(scenario=succeeds(12))
    clock.now += 12
    checkpoints = [one async for one in client.fine_tuning.jobs.checkpoints.list(job_id, limit=1)]
    assert [one.step_number for one in checkpoints] == [10, 5]
    assert checkpoints[0].metrics.full_valid_loss == 0.82219


async def test_the_client_downloads_the_result_file(api: FineTuningApi, client: AsyncOpenAI, clock: Clock) -> None:
    job_id = api.add_job(scenario=succeeds(12))
    clock.now += 12
    file_id = api.jobs[job_id]["result_files"][0]
    content = await client.files.content(file_id)
    assert base64.b64decode(content.text).startswith(b"step,train_loss")
    assert (await client.files.retrieve(file_id)).bytes == len(content.content)
    assert file_id in [file.id async for file in client.files.list(limit=1)]


async def test_the_client_lists_retrieves_and_deletes_models(api: FineTuningApi, client: AsyncOpenAI) -> None:
    name = api.add_checkpoint(api.add_job(status="running"), 3)
    assert (await client.models.retrieve(name)).id == name
    assert (await client.models.delete(name)).deleted
    assert name not in [model.id async for model in client.models.list()]


async def test_the_client_grants_and_revokes_permissions(api: FineTuningApi, client: AsyncOpenAI) -> None:
    name = api.add_checkpoint(api.add_job(status="running"), 3)
    permissions = client.fine_tuning.checkpoints.permissions
    granted = [one.id async for one in permissions.create(name, project_ids=["proj_a"])]
    deleted = await permissions.delete(granted[0], fine_tuned_model_checkpoint=name)
    assert deleted.deleted
    assert [one async for one in permissions.list(name)] == []


async def test_the_client_runs_graders(client: AsyncOpenAI) -> None:
    graded = await client.fine_tuning.alpha.graders.run(
        grader={
            "type": "string_check",
            "name": "label",
            "input": "{{sample.output_text}}",
            "reference": "yes",
            "operation": "ilike",
        },
        model_sample="Yes!",
    )
    assert graded.reward == 1.0


async def test_the_client_raises_its_own_error_types(api: FineTuningApi, client: AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        await client.fine_tuning.jobs.retrieve(UNKNOWN)
    with pytest.raises(openai.BadRequestError):
        await client.fine_tuning.jobs.cancel(api.add_job(status="succeeded"))
    with pytest.raises(openai.AuthenticationError):
        await client.with_options(api_key="sk-wrong").fine_tuning.jobs.retrieve(UNKNOWN)
    assert (missing.value.code, missing.value.param) == ("fine_tune_not_found", "fine_tune_id")
    assert str(missing.value.request_id).startswith("req_")


async def test_a_wrong_project_is_rejected(client: AsyncOpenAI) -> None:
    with pytest.raises(openai.AuthenticationError) as rejected:
        await client.with_options(project="proj_wrong").models.retrieve(MODEL)
    assert rejected.value.code == "mismatched_project"
    assert (await client.with_options(project="proj_sandbox").models.retrieve(MODEL)).id == MODEL


async def test_the_client_sees_a_dropped_connection_although_the_job_is_cancelled(
    api: FineTuningApi, client: AsyncOpenAI
) -> None:
    job_id = api.add_job(status="running")
    api.faults.add("POST /fine_tuning/jobs/{id}/cancel", Fault("drop", accepted=True))
    with pytest.raises(openai.APIConnectionError):
        await client.fine_tuning.jobs.cancel(job_id)
    assert api.jobs[job_id]["status"] == "cancelled"
    (logged,) = api.request_log
    assert (logged.status, logged.accepted) == (0, True)
