"""OpenAI's AzureOpenAI client against the stand-in for Azure."""

from collections.abc import AsyncIterator

import openai
import pytest
from openai import AsyncAzureOpenAI, AsyncOpenAI

from bot.sandbox.openai.api.keys import ApiKey
from bot.sandbox.openai.azure import AzureApi
from bot.sandbox.openai.scenarios import succeeds

MODEL = "gpt-4o-mini-2024-07-18"
TOKEN = "eyJtoken"
KEY = "sk-azure-0123456789abcdef"


@pytest.fixture
async def api() -> AsyncIterator[AzureApi]:
    async with AzureApi(keys={KEY: ApiKey("default"), TOKEN: ApiKey("entra")}) as running:
        yield running


@pytest.fixture(params=["2024-10-21", "2025-04-01-preview", "v1"])
async def client(api: AzureApi, request: pytest.FixtureRequest) -> AsyncIterator[AsyncOpenAI]:
    if request.param == "v1":
        client: AsyncOpenAI = AsyncOpenAI(base_url=f"{api.origin}/openai/v1", api_key=TOKEN, max_retries=0)
    else:
        client = AsyncAzureOpenAI(azure_endpoint=api.origin, api_key=api.key, api_version=request.param, max_retries=0)
    async with client as opened:
        yield opened


async def test_the_client_creates_lists_retrieves_and_cancels_a_job(api: AzureApi, client: AsyncOpenAI) -> None:
    created = await client.fine_tuning.jobs.create(model=MODEL, training_file=api.training_file)
    listed = [job.id async for job in client.fine_tuning.jobs.list()]
    job = await client.fine_tuning.jobs.retrieve(created.id)
    cancelled = await client.fine_tuning.jobs.cancel(created.id)

    assert listed == [created.id]
    assert str(job.status) == "pending"
    assert cancelled.status == "cancelled"


async def test_the_client_reads_events_oldest_first_and_checkpoints(api: AzureApi, client: AsyncOpenAI) -> None:
    job = api.add_job(status="running")
    api.add_event(job, "Careful.", level="warn")
    api.add_checkpoint(job, 10, train_loss=0.5)
    events = (await client.fine_tuning.jobs.list_events(job)).data
    checkpoints = (await client.fine_tuning.jobs.checkpoints.list(job)).data

    assert events[-1].message == "Careful."
    assert str(events[-1].level) == "warning"
    assert [each.step_number for each in checkpoints] == [10]


async def test_the_client_gets_azures_errors(api: AzureApi, client: AsyncOpenAI) -> None:
    with pytest.raises(openai.NotFoundError) as missing:
        await client.fine_tuning.jobs.retrieve("ftjob-nosuch")
    done = api.add_job(scenario=succeeds(0.0))
    api.change(done, status="succeeded", fine_tuned_model="m")
    with pytest.raises(openai.BadRequestError) as late:
        await client.fine_tuning.jobs.cancel(done)
    api.keys.clear()
    with pytest.raises(openai.AuthenticationError):
        await client.fine_tuning.jobs.retrieve(done)

    assert missing.value.code == "notFound"
    assert late.value.code == "unexpectedEntityState"
    assert missing.value.response.headers["apim-request-id"]


async def test_a_request_without_api_version_is_not_found(api: AzureApi) -> None:
    async with AsyncOpenAI(base_url=f"{api.origin}/openai", api_key=TOKEN, max_retries=0) as client:
        with pytest.raises(openai.NotFoundError):
            await client.fine_tuning.jobs.list()
