"""Actions on jobs, their events and changes, and the request log."""

import asyncio

import pytest

from bot.sandbox.faults import Fault
from bot.sandbox.openai.server import FineTuningApi
from bot.sandbox.request_log import RequestLog
from tests.sandbox.clock import NOW, Clock
from tests.sandbox.openai.contract import Caller, example

JOBS = "/fine_tuning/jobs"


# --- actions ---


@pytest.mark.parametrize("path", ["", "/events", "/checkpoints", "/cancel", "/pause", "/resume"])
async def test_an_unknown_job_gets_the_recorded_error_of_the_service(call: Caller, path: str) -> None:
    method = "POST" if path in ("/cancel", "/pause", "/resume") else "GET"
    assert (404, example("wire.404.retrieve.json")) == await call(method, f"{JOBS}/123{path}")


@pytest.mark.parametrize("status", ["validating_files", "queued", "running", "paused"])
async def test_a_job_can_be_cancelled_until_it_is_final(
    api: FineTuningApi, call: Caller, clock: Clock, status: str
) -> None:
    job_id = api.add_job(status=status)
    clock.now += 30
    _, job = await call("POST", f"{JOBS}/{job_id}/cancel")
    assert ("cancelled", int(NOW) + 30) == (job["status"], job["finished_at"])


@pytest.mark.parametrize(
    ("action", "statuses"),
    [
        ("cancel", "succeeded failed cancelled"),
        ("pause", "validating_files queued paused succeeded failed cancelled"),
        ("resume", "validating_files queued running succeeded failed cancelled"),
    ],
)
async def test_an_action_that_the_status_does_not_allow_is_rejected(
    api: FineTuningApi, call: Caller, action: str, statuses: str
) -> None:
    for status in statuses.split():
        job_id = api.add_job(status=status)
        response = await call("POST", f"{JOBS}/{job_id}/{action}")
        assert (400, example("error.400.job_not_cancellable.json")) == response
        assert api.jobs[job_id]["status"] == status


async def test_a_running_job_is_paused_and_a_paused_one_is_queued_again(api: FineTuningApi, call: Caller) -> None:
    job_id = api.add_job(status="running")
    assert (await call("POST", f"{JOBS}/{job_id}/pause"))[1]["status"] == "paused"
    assert (await call("POST", f"{JOBS}/{job_id}/resume"))[1]["status"] == "queued"


async def test_events_are_newest_first_and_are_paged(api: FineTuningApi, call: Caller) -> None:
    job_id = api.add_job(status="running")
    api.add_event(job_id, "Odd batch", level="warn", data={"batch": 3})
    _, first = await call("GET", f"{JOBS}/{job_id}/events", limit="2")
    assert [event["message"] for event in first["data"]] == ["Odd batch", "Job started."]
    assert (first["data"][0]["level"], first["data"][0]["data"]) == ("warn", {"batch": 3})
    assert {"object", "data", "has_more"} == set(first)
    _, last = await call("GET", f"{JOBS}/{job_id}/events", after=first["data"][-1]["id"])
    assert [f"Created fine-tuning job: {job_id}"] == [event["message"] for event in last["data"]]
    assert (first["has_more"], last["has_more"]) == (True, False)


async def test_checkpoints_are_paged_by_ten_with_first_and_last_id(api: FineTuningApi, call: Caller) -> None:
    job_id = api.add_job(status="running")
    for step in range(1, 12):
        api.add_checkpoint(job_id, step, train_loss=1.0)
    _, body = await call("GET", f"{JOBS}/{job_id}/checkpoints")
    assert list(range(11, 1, -1)) == [item["step_number"] for item in body["data"]]
    assert (body["data"][0]["id"], body["data"][-1]["id"]) == (body["first_id"], body["last_id"])
    assert body["has_more"] is True


# --- changes by tests, faults and the request log ---


async def test_a_change_to_succeeded_sets_finished_at_logs_events_and_adds_the_model(
    api: FineTuningApi, call: Caller, clock: Clock
) -> None:
    job_id = api.add_job(status="running")
    clock.now += 5
    api.change(job_id, status="succeeded", fine_tuned_model="ft:gpt-4o-mini-2024-07-18:sandbox::abc")
    _, job = await call("GET", f"{JOBS}/{job_id}")
    _, log = await call("GET", f"{JOBS}/{job_id}/events")
    assert job["finished_at"] == int(NOW) + 5
    assert [event["message"] for event in log["data"][:2]] == [
        "Fine tuning job successfully completed",
        "New fine-tuned model created: ft:gpt-4o-mini-2024-07-18:sandbox::abc",
    ]
    assert (await call("GET", "/models/ft:gpt-4o-mini-2024-07-18:sandbox::abc"))[0] == 200


async def test_an_explicit_finished_at_is_kept(api: FineTuningApi) -> None:
    job_id = api.add_job(status="running")
    api.change(job_id, status="failed", finished_at=7)
    assert api.jobs[job_id]["finished_at"] == 7


async def test_the_request_log_keeps_responses_as_sent(api: FineTuningApi, call: Caller) -> None:
    job_id = api.add_job()
    await call("GET", f"{JOBS}/{job_id}")
    api.change(job_id, status="running")
    (logged,) = api.request_log.for_endpoint("GET /fine_tuning/jobs/{id}")
    assert logged.response["status"] == "queued"


async def test_the_request_log_holds_endpoint_request_and_key_name_but_never_the_secret(
    api: FineTuningApi, call: Caller
) -> None:
    job_id = api.add_job()
    await call("GET", f"{JOBS}/{job_id}/events", limit="5")
    (logged,) = api.request_log
    assert logged.endpoint == "GET /fine_tuning/jobs/{id}/events"
    assert {"id": job_id, "query": {"limit": "5"}, "body": None} == logged.request
    assert logged.credential == "default"
    assert api.key not in repr(logged)


async def test_a_rejected_action_is_logged_as_not_accepted(api: FineTuningApi, call: Caller) -> None:
    await call("POST", f"{JOBS}/{api.add_job(status='failed')}/cancel")
    assert [logged.accepted for logged in api.request_log] == [False]


async def test_a_cancel_whose_response_is_lost_still_takes_effect(api: FineTuningApi, call: Caller) -> None:
    job_id = api.add_job(status="running")
    endpoint = "POST /fine_tuning/jobs/{id}/cancel"
    lost = example("error.500.server_error.json")
    api.faults.add(endpoint, Fault("answer", accepted=True, status=500, body=lost))
    assert (500, lost) == await call("POST", f"{JOBS}/{job_id}/cancel")
    assert api.jobs[job_id]["status"] == "cancelled"
    assert [logged.accepted for logged in api.request_log.for_endpoint(endpoint)] == [True]


async def test_a_fault_can_send_retry_after(api: FineTuningApi, call: Caller) -> None:
    limited = example("error.429.rate_limited.json")
    api.faults.add("GET /fine_tuning/jobs", Fault("answer", status=429, headers={"Retry-After": "7"}, body=limited))
    assert (429, limited) == await call("GET", JOBS)
    assert call.headers["retry-after"] == "7"


async def test_stand_ins_can_share_an_empty_request_log() -> None:
    request_log = RequestLog()
    assert FineTuningApi(request_log=request_log).request_log is request_log


async def test_a_change_wakes_waiters(api: FineTuningApi) -> None:
    job_id = api.add_job()
    waiting = asyncio.create_task(
        api.request_log.wait_until(lambda: api.jobs[job_id]["status"] == "running", seconds=300)
    )
    await asyncio.sleep(0)
    api.change(job_id, status="running")
    assert await asyncio.wait_for(waiting, 60)
