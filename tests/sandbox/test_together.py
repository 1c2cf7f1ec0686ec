"""Together's own client against the stand-in; every response must be of the client's types."""

import json
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from typing import Any, get_args

import pytest
import together
from together import AsyncTogether
from together.lib.cli.api._utils import generate_progress_text
from together.lib.utils.tools import finetune_price_to_dollars
from together.types.finetune_event_type import FinetuneEventType
from together.types.finetune_response import FinetuneResponse

from bot.sandbox.faults import Fault
from bot.sandbox.openai.scenarios import fails, succeeds
from bot.sandbox.together.server import TogetherApi
from tests.sandbox.clock import NOW, Clock

UNKNOWN = "ft-00000000-0000"
STATUSES = get_args(FinetuneResponse.model_fields["status"].annotation)


@pytest.fixture
async def api(clock: Clock) -> AsyncIterator[TogetherApi]:
    async with TogetherApi(clock=clock) as running:
        yield running


@pytest.fixture
async def client(api: TogetherApi) -> AsyncIterator[AsyncTogether]:
    async with AsyncTogether(
        api_key=api.key, base_url=api.origin, max_retries=0, _strict_response_validation=True
    ) as opened:
        yield opened


def raw(response: Any) -> Any:
    """Return a response as it came."""
    return json.loads(response.to_json(exclude_unset=True))


# --- jobs ---


async def test_the_client_lists_every_job_on_one_page(api: TogetherApi, client: AsyncTogether) -> None:
    made = [api.add_job(suffix=f"run-{number}") for number in range(230)]
    listed = (await client.fine_tuning.list(extra_query={"limit": 10, "after": made[3]})).data

    assert [job.id for job in listed] == made
    assert [job.suffix for job in listed[:2]] == ["run-0", "run-1"]
    assert len(api.request_log) == 1


async def test_the_client_sees_every_status_in_the_list_and_alone(api: TogetherApi, client: AsyncTogether) -> None:
    job = api.add_job(status="pending")
    retrieved, listed = [], []
    for status in STATUSES:
        api.change(job, status=status)
        retrieved.append((await client.fine_tuning.retrieve(job)).status)
        listed.append((await client.fine_tuning.list()).data[0].status)

    assert len(STATUSES) == 9
    assert retrieved == listed == list(STATUSES)


async def test_a_scenario_takes_a_job_from_pending_to_completed(
    api: TogetherApi, client: AsyncTogether, clock: Clock
) -> None:
    job = api.add_job(scenario=succeeds(60))
    seen = []
    for _ in range(121):
        seen.append((await client.fine_tuning.retrieve(job)).status)
        clock.now += 0.5

    assert list(dict.fromkeys(seen)) == ["pending", "queued", "running", "compressing", "uploading", "completed"]
    assert [end.status for end in api.ends[job]] == ["succeeded"]


async def test_a_training_has_its_estimate_and_a_completed_one_its_model_and_price(
    api: TogetherApi, client: AsyncTogether, clock: Clock
) -> None:
    job = api.add_job(scenario=succeeds(60))
    waiting = await client.fine_tuning.retrieve(job)
    clock.now += 30
    training = await client.fine_tuning.retrieve(job)
    left = generate_progress_text(training, datetime.fromtimestamp(clock.now, UTC))
    clock.now += 60
    done = await client.fine_tuning.retrieve(job)

    assert waiting.progress
    assert (waiting.progress.estimate_available, waiting.started_at, waiting.total_price) == (False, None, 0)
    assert training.progress
    assert training.started_at == datetime.fromtimestamp(NOW + 15, UTC)
    assert (training.progress.estimate_available, training.progress.seconds_remaining, left) == (True, 45, "30s left")
    assert (training.epochs_completed, training.api_model_object_name) == (1, None)
    assert done.x_model_output_name == training.x_model_output_name
    assert done.api_model_object_name
    assert (done.epochs_completed, done.token_count) == (3, 500_000)
    assert finetune_price_to_dollars(float(done.total_price or 0)) == 0.72
    assert done.updated_at == datetime.fromtimestamp(NOW + 60, UTC)


async def test_own_fields_of_a_job_are_shown(api: TogetherApi, client: AsyncTogether) -> None:
    job = api.add_job(status="running", model="Qwen/Qwen3-8B", training_method={"method": "dpo", "dpo_beta": 0.2})
    early = {"early_stopped": True, "early_stopping_best_step": 40, "early_stopping_best_metric": 0.5}
    api.change(job, status="completed", **early, total_price=1_500_000_000)
    done = await client.fine_tuning.retrieve(job)
    (listed,) = (await client.fine_tuning.list()).data

    assert (done.model, done.total_price) == ("Qwen/Qwen3-8B", 1_500_000_000)
    assert "Qwen3-8B" in str(done.x_model_output_name)
    assert done.training_method
    assert done.training_method.method == "dpo"
    assert {name: getattr(done, name) for name in early} == early == {name: getattr(listed, name) for name in early}


# --- ends ---


async def test_why_a_job_failed_is_in_its_log_alone(api: TogetherApi, client: AsyncTogether, clock: Clock) -> None:
    by_itself, by_hand = api.add_job(scenario=fails(8)), api.add_job(status="running")
    clock.now += 8
    api.change(by_hand, status="error", reason="CUDA out of memory")
    jobs = [raw(await client.fine_tuning.retrieve(job)) for job in (by_itself, by_hand)]
    logs = [(await client.fine_tuning.list_events(job)).data for job in (by_itself, by_hand)]

    assert [job["status"] for job in jobs] == ["error", "error"]
    assert [log[-1].type for log in logs] == ["job_error", "job_error"]
    assert [log[-1].message for log in logs] == [
        "The job failed due to an invalid training file.",
        "CUDA out of memory",
    ]
    assert "invalid training file" not in json.dumps(jobs)
    assert "CUDA" not in json.dumps(jobs)


async def test_a_cancelled_job_stops_later(api: TogetherApi, client: AsyncTogether, clock: Clock) -> None:
    job = api.add_job(scenario=succeeds(60))
    clock.now += 30
    requested = await client.fine_tuning.cancel(job)
    clock.now += 4
    stopping = await client.fine_tuning.retrieve(job)
    clock.now += 90
    stopped = await client.fine_tuning.retrieve(job)

    assert set(raw(requested)) == {"id", "status", "user_id", "created_at", "updated_at"}
    assert [requested.status, stopping.status, stopped.status] == ["cancel_requested", "cancel_requested", "cancelled"]
    types = [event.type for event in (await client.fine_tuning.list_events(job)).data]
    assert types[-2:] == ["cancel_requested", "job_stopped"]


@pytest.mark.parametrize("status", ["cancel_requested", "cancelled", "error", "completed"])
async def test_what_is_over_is_not_cancelled(api: TogetherApi, client: AsyncTogether, status: str) -> None:
    job = api.add_job(status=status)
    with pytest.raises(together.BadRequestError, match=f"Current status is {status}"):
        await client.fine_tuning.cancel(job)
    assert (await client.fine_tuning.retrieve(job)).status == status


async def test_a_job_is_cancelled_by_its_balance(api: TogetherApi, client: AsyncTogether) -> None:
    job = api.add_job(status="running")
    api.cancel_for_billing(job, "The balance is used up")
    log = [(event.type, event.message) for event in (await client.fine_tuning.list_events(job)).data]

    assert (await client.fine_tuning.retrieve(job)).status == "cancelled"
    assert log[-2] == ("billing_limit", "The balance is used up")
    assert log[-1][0] == "job_stopped"


# --- logs, checkpoints, metrics ---


async def test_the_client_reads_the_whole_log_which_has_no_ids(
    api: TogetherApi, client: AsyncTogether, clock: Clock
) -> None:
    job = api.add_job(scenario=succeeds(60))
    clock.now += 60
    log = (await client.fine_tuning.list_events(job, extra_query={"limit": 2})).data
    types = [event.type for event in log]

    assert types[:3] == ["job_pending", "job_start", "training_start"]
    assert types[-2:] == ["model_upload_complete", "job_complete"]
    assert [types.count(each) for each in ("epoch_complete", "checkpoint_save")] == [3, 3]
    assert {event.level for event in log} == {None}
    assert not any({"id", "hash"} & set(raw(event)) for event in log)
    assert [(event.step, event.total_steps) for event in log if event.type == "epoch_complete"][-1] == (21, 21)


async def test_every_type_of_event_can_be_logged(api: TogetherApi, client: AsyncTogether) -> None:
    job = api.add_job()
    types = get_args(FinetuneEventType)
    for kind in types:
        api.add_event(job, f"About {kind}", type=kind, level="legacy_iwarning", token_count=7)
    logged = (await client.fine_tuning.list_events(job)).data[1:]

    assert len(types) == 27
    assert [(event.type, event.level, event.token_count) for event in logged] == [
        (kind, "legacy_iwarning", 7) for kind in types
    ]


@pytest.mark.parametrize("zone", ["Z", "", "+00:00"])
async def test_times_of_events_may_lack_a_zone(api: TogetherApi, client: AsyncTogether, zone: str) -> None:
    job = api.add_job()
    api.options.event_zone = zone
    (event,) = (await client.fine_tuning.list_events(job)).data
    assert event.created_at == f"2026-09-21T14:13:20{zone}"


async def test_events_may_be_in_each_job(api: TogetherApi, client: AsyncTogether) -> None:
    job = api.add_job()
    without = (await client.fine_tuning.list()).data[0].events
    api.options.inline_events = True
    listed, one = (await client.fine_tuning.list()).data[0], await client.fine_tuning.retrieve(job)

    assert without is None
    assert [event.type for event in listed.events or []] == ["job_pending"]
    assert listed.events == one.events


async def test_the_client_reads_every_checkpoint(api: TogetherApi, client: AsyncTogether) -> None:
    job = api.add_job(status="running")
    for step in range(10, 260, 10):
        api.add_checkpoint(job, step)
    running = (await client.fine_tuning.list_checkpoints(job)).data
    api.change(job, status="completed")
    done = (await client.fine_tuning.list_checkpoints(job)).data

    assert [each.step for each in done] == list(range(10, 260, 10))
    assert running[-1].checkpoint_type == "Intermediate (step 250)"
    assert [done[-2].checkpoint_type, done[-1].checkpoint_type] == ["Intermediate (step 240)", "Final (step 250)"]
    assert str(done[0].object_name).endswith("-10")


async def test_training_and_evaluation_are_separate_rows(api: TogetherApi, client: AsyncTogether, clock: Clock) -> None:
    job = api.add_job(status="running")
    nothing = (await client.fine_tuning.list_metrics(job)).metrics
    api.add_metrics(job, 1, 2, 2.5)
    clock.now += 60
    api.add_metrics(job, 2, 2, 1.75, valid_loss=1.8)
    rows = (await client.fine_tuning.list_metrics(job)).metrics or []

    assert nothing == []
    assert [set(row) - {"timestamp", "train/global_step", "train/epoch"} for row in rows] == [
        {"train/loss", "train/grad_norm", "train/learning_rate"},
        {"train/loss", "train/grad_norm", "train/learning_rate"},
        {"eval/loss"},
    ]
    assert [row["train/global_step"] for row in rows] == [1, 2, 2]
    assert [row["timestamp"] for row in rows] == [NOW * 1e9, (NOW + 60) * 1e9, (NOW + 60) * 1e9]
    assert (rows[1]["train/loss"], rows[2]["eval/loss"]) == (1.75, 1.8)


async def test_metrics_are_filtered_and_thinned(api: TogetherApi, client: AsyncTogether, clock: Clock) -> None:
    job = api.add_job(status="running")
    for step in range(1, 101):
        api.add_metrics(job, step, 100, 2.0, valid_loss=2.1 if step % 20 == 0 else None)
        clock.now += 1

    async def steps(key: str = "train/loss", **query: Any) -> list[float]:
        found = (await client.fine_tuning.list_metrics(job, **query)).metrics or []
        return [row["train/global_step"] for row in found if key in row]

    assert await steps() == list(range(1, 101))
    assert await steps(global_step_from=98) == [98, 99, 100]
    assert await steps(global_step_to=2) == [1, 2]
    assert await steps(logged_at_from=datetime.fromtimestamp(NOW + 98, UTC)) == [99, 100]
    assert await steps(logged_at_to="2026-09-21T14:13:21") == [1, 2]
    assert await steps(resolution=3) == [1, 51, 100]
    assert await steps("eval/loss", resolution=3) == [20, 40, 60, 80, 100]
    with pytest.raises(together.BadRequestError, match="resolution"):
        await steps(resolution=0)
    with pytest.raises(together.BadRequestError, match="global_step_from"):
        await client.fine_tuning.list_metrics(job, extra_query={"global_step_from": "many"})


# --- errors ---


async def test_the_client_raises_its_own_error_types(api: TogetherApi, client: AsyncTogether) -> None:
    job = api.add_job()
    calls = client.fine_tuning
    for call in (calls.retrieve, calls.cancel, calls.list_events, calls.list_checkpoints, calls.list_metrics):
        with pytest.raises(together.NotFoundError, match=UNKNOWN):
            await call(UNKNOWN)
    with pytest.raises(together.NotFoundError):
        await client.get("/v1/fine_tuning/jobs", cast_to=object)
    api.keys.clear()
    with pytest.raises(together.AuthenticationError) as rejected:
        await calls.retrieve(job)

    error = rejected.value.body
    assert isinstance(error, dict)
    assert (error["error"]["code"], error["error"]["type"]) == ("invalid_api_key", "invalid_request_error")
    assert error["error"]["message"].startswith("Invalid API key provided. You can find your API key at")


async def test_requests_without_a_key_are_rejected(api: TogetherApi, client: AsyncTogether) -> None:
    with pytest.raises(together.AuthenticationError):
        await client.fine_tuning.list(extra_headers={"Authorization": f"Basic {api.key}"})
    assert [logged.credential for logged in api.request_log] == [""]


async def test_a_rate_limit_says_when_to_come_back(api: TogetherApi, client: AsyncTogether, clock: Clock) -> None:
    api.api_keys.per_minute = 2
    await client.fine_tuning.list()
    await client.fine_tuning.list()
    clock.now += 20
    with pytest.raises(together.RateLimitError) as limited:
        await client.fine_tuning.list()
    clock.now += 40

    assert limited.value.response.headers["Retry-After"] == "40"
    assert (await client.fine_tuning.list()).data == []


async def test_faults_are_injected_by_endpoint(api: TogetherApi, client: AsyncTogether) -> None:
    job = api.add_job(status="running")
    api.faults.add("GET /fine-tunes", Fault("answer", status=429, headers={"Retry-After": "7"}, body={}))
    api.faults.add(f"GET /fine-tunes/{{id}} {job}", Fault("answer", status=503, body="<html>upstream</html>"))
    api.faults.add("POST /fine-tunes/{id}/cancel", Fault("drop", accepted=True))
    with pytest.raises(together.RateLimitError):
        await client.fine_tuning.list()
    with pytest.raises(together.InternalServerError):
        await client.fine_tuning.retrieve(job)
    with pytest.raises(together.APIConnectionError):
        await client.fine_tuning.cancel(job)

    assert (await client.fine_tuning.retrieve(job)).status == "cancel_requested"
    assert [(logged.status, logged.accepted) for logged in api.request_log] == [
        (429, False),
        (503, False),
        (0, True),
        (200, True),
    ]
