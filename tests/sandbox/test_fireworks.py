"""Fireworks' own client against the stand-in; every response must be of the client's types."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, get_args

import aiohttp
import fireworks
import pytest
from fireworks import AsyncFireworks
from fireworks.types.supervised_fine_tuning_job import SupervisedFineTuningJob

from bot.sandbox.faults import Fault
from bot.sandbox.fireworks.bodies import COLLECTIONS, DPO, REINFORCEMENT, SUPERVISED
from bot.sandbox.fireworks.server import FireworksApi
from bot.sandbox.openai.scenarios import fails, pauses, reinforcement, succeeds
from tests.sandbox.clock import NOW, Clock

(_LITERAL, _) = get_args(SupervisedFineTuningJob.model_fields["state"].annotation)
STATES = get_args(_LITERAL)


@pytest.fixture
async def api(clock: Clock) -> AsyncIterator[FireworksApi]:
    async with FireworksApi(clock=clock) as running:
        yield running


@pytest.fixture
async def client(api: FireworksApi) -> AsyncIterator[AsyncFireworks]:
    async with AsyncFireworks(
        api_key=api.key,
        base_url=api.origin,
        account_id=api.account,
        max_retries=0,
        _strict_response_validation=True,
    ) as opened:
        yield opened


class Calls:
    """The client's calls for one kind of jobs."""

    def __init__(self, client: AsyncFireworks, collection: str) -> None:
        resources: dict[str, Any] = {
            SUPERVISED: client.supervised_fine_tuning_jobs,
            DPO: client.dpo_jobs,
            REINFORCEMENT: client.reinforcement_fine_tuning_jobs,
        }
        self._jobs = resources[collection]
        self.get, self.list, self.resume = self._jobs.get, self._jobs.list, self._jobs.resume

    async def ids(self, **query: Any) -> list[str]:
        return [job.name.rsplit("/", 1)[-1] async for job in self.list(**query)]

    async def only(self) -> Any:
        (job,) = [job async for job in self.list()]
        return job

    async def cancel(self, job_id: str) -> Any:
        return await self._jobs.cancel(job_id, body={})


@pytest.fixture(params=COLLECTIONS)
def collection(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def calls(client: AsyncFireworks, collection: str) -> Calls:
    return Calls(client, collection)


@pytest.fixture
def supervised(client: AsyncFireworks) -> Calls:
    return Calls(client, SUPERVISED)


async def fetch(url: str, **headers: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as session, session.get(url, headers=headers) as response:
        return response.status, await response.text()


def body_of(error: fireworks.APIStatusError) -> Any:
    """Return the body of an error response: Google's."""
    assert isinstance(error.body, dict)
    assert set(error.body) == {"code", "message", "details"}
    return error.body


# --- lists ---


async def test_the_client_pages_to_the_end(api: FireworksApi, calls: Calls, collection: str) -> None:
    made = [api.add_job(collection=collection) for _ in range(45)]
    others = {api.add_job(collection=other) for other in COLLECTIONS if other != collection}
    found = await calls.ids(page_size=10)

    assert sorted(found) == sorted(made)
    assert not others & set(found)
    tokens = [logged.request["query"].get("pageToken") for logged in api.request_log]
    assert tokens[0] is None
    assert [logged.response["nextPageToken"] for logged in api.request_log] == [*tokens[1:], ""]
    assert len(set(tokens)) == 5
    assert {logged.response["totalSize"] for logged in api.request_log} == {45}


async def test_an_empty_page_has_no_list(api: FireworksApi, calls: Calls, collection: str) -> None:
    # The client's page cannot be strict here: its type requires the list.
    async with AsyncFireworks(api_key=api.key, base_url=api.origin, account_id=api.account) as lenient:
        assert await Calls(lenient, collection).ids() == []
    with pytest.raises(fireworks.APIResponseValidationError):
        await calls.ids()
    assert [logged.response for logged in api.request_log] == [{"nextPageToken": "", "totalSize": 0}] * 2


@pytest.mark.parametrize(("asked", "size"), [(None, 50), (0, 50), (7, 7), (200, 200), (1000, 200)])
async def test_a_page_has_at_most_200_jobs(api: FireworksApi, supervised: Calls, asked: int | None, size: int) -> None:
    for _ in range(205):
        api.add_job()
    page = await supervised.list(**({} if asked is None else {"page_size": asked}))
    assert len(page.supervised_fine_tuning_jobs) == size


async def test_a_token_is_good_for_the_list_that_gave_it(api: FireworksApi, client: AsyncFireworks) -> None:
    for collection in (SUPERVISED, SUPERVISED, DPO):
        job = api.add_job(collection=collection)
    supervised, dpo = Calls(client, SUPERVISED), Calls(client, DPO)
    token = (await supervised.list(page_size=1)).next_page_token

    assert len(await supervised.ids(page_token=token)) == 1
    for calls, query in (
        (supervised, {"page_token": job}),
        (supervised, {"page_token": token, "order_by": "name"}),
        (dpo, {"page_token": token}),
    ):
        with pytest.raises(fireworks.BadRequestError) as refused:
            await calls.ids(**query)
        assert body_of(refused.value) == {"code": 3, "message": "invalid page token", "details": []}


async def test_jobs_that_come_while_pages_are_read_shift_none(api: FireworksApi, supervised: Calls) -> None:
    made = [api.add_job() for _ in range(6)]
    seen = []
    async for job in supervised.list(page_size=2, order_by="create_time desc"):
        seen.append(job.name.rsplit("/", 1)[-1])
        api.add_job()
    assert sorted(seen) == sorted(made)


async def test_lists_are_ordered_as_requested(api: FireworksApi, supervised: Calls, clock: Clock) -> None:
    for name, shown in (("b", "y"), ("c", "x"), ("a", "x")):
        api.add_job(id=name, displayName=shown)
        clock.now += 10

    assert await supervised.ids() == ["a", "b", "c"]
    assert await supervised.ids(order_by="create_time") == ["b", "c", "a"]
    assert await supervised.ids(order_by="createTime desc") == ["a", "c", "b"]
    assert await supervised.ids(order_by="display_name, name desc") == ["c", "a", "b"]
    api.options.strict_order = True
    assert await supervised.ids(order_by="create_time desc") == ["a", "c", "b"]
    for order in ("createTime desc", "created", "create_time descending", "name,,"):
        with pytest.raises(fireworks.BadRequestError, match="invalid order_by"):
            await supervised.ids(order_by=order)
    api.options.ignores_order = True
    assert await supervised.ids(order_by="create_time desc") == ["a", "b", "c"]


async def test_invalid_parameters_are_refused(client: AsyncFireworks, supervised: Calls) -> None:
    with pytest.raises(fireworks.BadRequestError, match="page_size"):
        await supervised.ids(page_size=-1)
    with pytest.raises(fireworks.BadRequestError, match="page_size"):
        await supervised.ids(extra_query={"pageSize": "many"})
    with pytest.raises(fireworks.InternalServerError) as missing:
        await client.supervised_fine_tuning_jobs.list(filter='state="JOB_STATE_RUNNING"')
    assert (missing.value.status_code, body_of(missing.value)["code"]) == (501, 12)


# --- jobs ---


async def test_the_client_sees_every_state(api: FireworksApi, calls: Calls, collection: str) -> None:
    job = api.add_job(collection=collection)
    retrieved, listed = [], []
    for state in STATES:
        api.change(job, state=state)
        retrieved.append((await calls.get(job)).state)
        listed.append((await calls.only()).state)

    assert len(STATES) == 18
    assert retrieved == listed == list(STATES)


async def test_a_scenario_takes_a_job_from_validation_to_its_model(
    api: FireworksApi, calls: Calls, collection: str, clock: Clock
) -> None:
    job = api.add_job(collection=collection, scenario=succeeds(60))
    seen = []
    for _ in range(121):
        seen.append((await calls.get(job)).state.removeprefix("JOB_STATE_"))
        clock.now += 0.5
    done = await calls.get(job)

    assert list(dict.fromkeys(seen)) == ["VALIDATING", "PENDING", "RUNNING", "WRITING_RESULTS", "COMPLETED"]
    assert done.completed_time == datetime.fromtimestamp(NOW + 60, UTC)
    assert done.create_time == datetime.fromtimestamp(NOW, UTC)
    training = done if collection == SUPERVISED else done.training_config
    assert training.output_model == f"accounts/{api.account}/models/{job}"
    assert training.base_model == api.model


async def test_a_supervised_job_has_its_progress_and_cost(
    api: FireworksApi, client: AsyncFireworks, clock: Clock
) -> None:
    job = api.add_job(scenario=succeeds(60), displayName="ranker", baseModel="accounts/fireworks/models/qwen3-8b")
    waiting = await client.supervised_fine_tuning_jobs.get(job)
    clock.now += 40
    running = await client.supervised_fine_tuning_jobs.get(job)
    clock.now += 60
    done = await client.supervised_fine_tuning_jobs.get(job)

    assert waiting.estimated_cost is None
    assert running.estimated_cost
    cost = running.estimated_cost
    assert (cost.currency_code, cost.units, cost.nanos) == ("USD", "3", 250_000_000)
    assert running.job_progress
    assert (running.job_progress.percent, running.job_progress.epoch) == (57, 1)
    assert done.job_progress
    assert done.job_progress.percent == 100
    assert (done.display_name, done.base_model) == ("ranker", "accounts/fireworks/models/qwen3-8b")


async def test_only_the_fields_of_a_kind_are_in_its_jobs(api: FireworksApi, client: AsyncFireworks) -> None:
    of_supervised_jobs = {"jobProgress", "estimatedCost", "metricsFileSignedUrl", "baseModel", "outputModel"}
    raw = {}
    for collection in COLLECTIONS:
        await Calls(client, collection).get(api.add_job(collection=collection, state="JOB_STATE_RUNNING"))
        raw[collection] = set([*api.request_log][-1].response)

    assert of_supervised_jobs <= raw[SUPERVISED]
    assert of_supervised_jobs & raw[DPO] == set()
    assert of_supervised_jobs & raw[REINFORCEMENT] == {"jobProgress"}
    assert "lossConfig" in raw[DPO]
    assert "evaluator" in raw[REINFORCEMENT]


async def test_a_failed_job_has_its_reason_or_ok(
    api: FireworksApi, calls: Calls, collection: str, clock: Clock
) -> None:
    by_itself, by_hand = (api.add_job(collection=collection, scenario=each) for each in (fails(8), succeeds(99)))
    clock.now += 20
    before = (await calls.get(by_hand)).status
    api.change(by_hand, state="JOB_STATE_FAILED", reason="CUDA out of memory")
    failed, stopped = (await calls.get(by_itself)).status, (await calls.get(by_hand)).status
    api.options.hides_reasons = True
    hidden = (await calls.get(by_hand)).status

    assert (before.code, before.message) == ("OK", "")
    assert (failed.code, failed.message) == ("INVALID_ARGUMENT", "The job failed due to an invalid training file.")
    assert (stopped.code, stopped.message) == ("INTERNAL", "CUDA out of memory")
    assert (hidden.code, hidden.message) == ("OK", "")


async def test_every_job_holds_a_secret(api: FireworksApi, calls: Calls, collection: str) -> None:
    job = api.add_job(collection=collection)
    assert len(api.wandb_key) == 40
    assert (await calls.get(job)).wandb_config.api_key == api.wandb_key
    assert (await calls.only()).wandb_config.api_key == api.wandb_key


# --- actions ---


async def test_a_cancelled_job_stops_later(api: FireworksApi, calls: Calls, collection: str, clock: Clock) -> None:
    job = api.add_job(collection=collection, scenario=succeeds(60))
    clock.now += 30
    response = await calls.cancel(job)
    clock.now += 4
    stopping = (await calls.get(job)).state
    with pytest.raises(fireworks.BadRequestError) as twice:
        await calls.cancel(job)
    clock.now += 90

    assert response == {}
    assert stopping == "JOB_STATE_CANCELLING"
    assert body_of(twice.value)["code"] == 9
    assert (await calls.get(job)).state == "JOB_STATE_CANCELLED"


@pytest.mark.parametrize("end", ["COMPLETED", "FAILED", "CANCELLED", "EARLY_STOPPED", "EXPIRED"])
async def test_what_is_over_is_neither_cancelled_nor_resumed(
    api: FireworksApi, calls: Calls, collection: str, end: str
) -> None:
    job = api.add_job(collection=collection, state=f"JOB_STATE_{end}")
    for action in (calls.cancel(job), calls.resume(job, body={})):
        with pytest.raises(fireworks.BadRequestError, match=f"JOB_STATE_{end}"):
            await action
    assert (await calls.get(job)).state == f"JOB_STATE_{end}"


async def test_a_paused_job_is_resumed(api: FireworksApi, calls: Calls, collection: str, clock: Clock) -> None:
    job = api.add_job(collection=collection, scenario=pauses(60))
    clock.now += 50
    paused = (await calls.get(job)).state
    resumed = (await calls.resume(job, body={})).state
    clock.now += 60

    assert (paused, resumed) == ("JOB_STATE_PAUSED", "JOB_STATE_PENDING")
    assert (await calls.get(job)).state == "JOB_STATE_COMPLETED"


# --- metrics ---


async def test_the_metrics_file_of_a_running_job_is_signed(
    api: FireworksApi, client: AsyncFireworks, clock: Clock
) -> None:
    job = api.add_job()
    before = (await client.supervised_fine_tuning_jobs.get(job)).metrics_file_signed_url
    api.change(job, state="JOB_STATE_RUNNING")
    url = str((await client.supervised_fine_tuning_jobs.get(job)).metrics_file_signed_url)
    empty, _ = await fetch(url)
    api.add_metrics(job, 1, 2, 2.5)
    api.add_metrics(job, 2, 2, 1.75, valid_loss=1.8)
    status, text = await fetch(url)
    api.metrics_files.is_nested = True
    _, nested = await fetch(url)

    assert before == ""
    assert not url.startswith(api.origin)
    assert (empty, status) == (404, 200)
    lines = [json.loads(line) for line in text.splitlines()]
    assert [(line["step"], line["train/loss"]) for line in lines] == [(1, 2.5), (2, 1.75)]
    assert [json.loads(line)["data"]["train/loss"] for line in nested.splitlines()] == [2.5, 1.75]
    clock.now += 3600
    assert (await fetch(url))[0] == 400


async def test_a_signed_url_takes_no_key_and_no_other_signature(api: FireworksApi, client: AsyncFireworks) -> None:
    job, other = api.add_job(state="JOB_STATE_RUNNING"), api.add_job(state="JOB_STATE_RUNNING")
    for each in (job, other):
        api.add_metrics(each, 1, 2, 2.5)
    url = str((await client.supervised_fine_tuning_jobs.get(job)).metrics_file_signed_url)

    assert (await fetch(url, Authorization=f"Bearer {api.key}"))[0] == 400
    assert (await fetch(url[:-1]))[0] == 403
    assert (await fetch(url.replace(job, other)))[0] == 403
    assert (await fetch(url.replace("expires=1", "expires=9")))[0] == 403
    assert (await fetch(url.partition("?")[0]))[0] == 403
    assert (await fetch(url))[0] == 200
    assert [logged.request["has_key"] for logged in api.metrics_files.request_log] == [True] + [False] * 5


async def test_the_metrics_file_of_a_dpo_job_has_an_endpoint(api: FireworksApi, client: AsyncFireworks) -> None:
    job = api.add_job(collection=DPO, state="JOB_STATE_RUNNING")
    api.add_metrics(job, 1, 2, 0.69)
    signed = await client.dpo_jobs.get_metrics_file_endpoint(job)
    assert json.loads((await fetch(str(signed.signed_url)))[1])["train/loss"] == 0.69


async def test_a_reinforcement_job_holds_its_rewards(api: FireworksApi, client: AsyncFireworks, clock: Clock) -> None:
    job = api.add_job(collection=REINFORCEMENT, scenario=reinforcement(60, steps=10))
    clock.now += 60
    done = await client.reinforcement_fine_tuning_jobs.get(job)

    rewards = json.loads(str(done.output_metrics))["curves"]["average"]["Score"]
    assert len(rewards) == 10
    assert rewards == sorted(rewards)
    assert done.job_progress
    assert done.job_progress.percent == 100


# --- errors ---


async def test_the_client_raises_its_own_error_types(api: FireworksApi, calls: Calls, collection: str) -> None:
    other = api.add_job(collection=next(each for each in COLLECTIONS if each != collection))
    for call in (calls.get(other), calls.cancel(other), calls.resume(other, body={})):
        with pytest.raises(fireworks.NotFoundError) as missing:
            await call
        assert body_of(missing.value)["code"] == 5
    with pytest.raises(fireworks.PermissionDeniedError) as denied:
        await calls.ids(account_id="somebody-elses")
    assert body_of(denied.value)["code"] == 7
    api.keys.clear()
    with pytest.raises(fireworks.AuthenticationError) as rejected:
        await calls.get(other)
    assert body_of(rejected.value) == {"code": 16, "message": "unauthenticated", "details": []}


async def test_unknown_paths_are_not_found(client: AsyncFireworks) -> None:
    with pytest.raises(fireworks.NotFoundError) as missing:
        await client.get("/v1/fine_tuning/jobs", cast_to=object)
    assert body_of(missing.value)["message"] == "Not Found"


async def test_a_rate_limit_says_when_to_come_back(api: FireworksApi, calls: Calls, collection: str) -> None:
    job = api.add_job(collection=collection)
    api.api_keys.per_minute = 1
    await calls.get(job)
    with pytest.raises(fireworks.RateLimitError) as limited:
        await calls.get(job)
    assert body_of(limited.value)["code"] == 8
    assert limited.value.response.headers["Retry-After"] == "60"


async def test_faults_are_injected_by_endpoint(api: FireworksApi, supervised: Calls) -> None:
    job = api.add_job(state="JOB_STATE_RUNNING")
    jobs = "/accounts/{account}/supervisedFineTuningJobs"
    api.faults.add(f"GET {jobs}", Fault("answer", status=503, body="<html>upstream</html>"))
    api.faults.add(f"POST {jobs}/{{id}}:cancel {job}", Fault("drop", accepted=True))
    with pytest.raises(fireworks.InternalServerError):
        await supervised.ids()
    with pytest.raises(fireworks.APIConnectionError):
        await supervised.cancel(job)

    assert (await supervised.get(job)).state == "JOB_STATE_CANCELLING"
    assert [(logged.status, logged.accepted) for logged in api.request_log] == [(503, False), (0, True), (200, True)]
